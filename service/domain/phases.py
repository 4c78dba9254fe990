"""The phases of an execution in this service, and the only transitions between them.

A pair of phase and event that is not in `TRANSITIONS` is an error. The diagram in `docs/states.md` is generated from
this table.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Phase(StrEnum):
    """The phase of an execution: how far the service has come with it."""

    FOLLOWING = "FOLLOWING"
    SEALING = "SEALING"
    PUBLISHING = "PUBLISHING"
    PUBLISHED = "PUBLISHED"
    CARRIED = "CARRIED"
    HELD = "HELD"
    DISCARDED = "DISCARDED"


class PhaseEvent(StrEnum):
    """An event that may move an execution to another phase. The value is its text in the diagram."""

    ENDED = "DataSync reports SUCCESS or ERROR"
    SEALED = "the log is sealed and the files may be published"
    CARRY = "sealed after ERROR, so the files wait for the task's next SUCCESS"
    DISCARD_BY_POLICY = "sealed after ERROR, and the files are discarded"
    HOLD = "it cannot go on now"
    ALL_SENT = "the last message is acknowledged"
    PUBLISHED_WITH_LATER = "a later execution has published the files"
    RESUME_FOLLOWING = "released, or the cause is gone, and following goes on"
    RESUME_SEALING = "released, or the cause is gone, and sealing goes on"
    RESUME_PUBLISHING = "released, or the cause is gone, and publishing goes on"
    DISCARD = "a person discards it"
    REPLAY = "a person wants the messages sent again"


ACTIVE_PHASES = frozenset({Phase.FOLLOWING, Phase.SEALING, Phase.PUBLISHING})
"""The phases in which a worker has something to do."""

TRANSITIONS: Mapping[tuple[Phase, PhaseEvent], Phase] = MappingProxyType(
    {
        (Phase.FOLLOWING, PhaseEvent.ENDED): Phase.SEALING,
        (Phase.FOLLOWING, PhaseEvent.HOLD): Phase.HELD,
        (Phase.SEALING, PhaseEvent.SEALED): Phase.PUBLISHING,
        (Phase.SEALING, PhaseEvent.CARRY): Phase.CARRIED,
        (Phase.SEALING, PhaseEvent.DISCARD_BY_POLICY): Phase.DISCARDED,
        (Phase.SEALING, PhaseEvent.HOLD): Phase.HELD,
        (Phase.PUBLISHING, PhaseEvent.ALL_SENT): Phase.PUBLISHED,
        (Phase.PUBLISHING, PhaseEvent.HOLD): Phase.HELD,
        (Phase.CARRIED, PhaseEvent.PUBLISHED_WITH_LATER): Phase.PUBLISHED,
        (Phase.HELD, PhaseEvent.RESUME_FOLLOWING): Phase.FOLLOWING,
        (Phase.HELD, PhaseEvent.RESUME_SEALING): Phase.SEALING,
        (Phase.HELD, PhaseEvent.RESUME_PUBLISHING): Phase.PUBLISHING,
        (Phase.HELD, PhaseEvent.DISCARD): Phase.DISCARDED,
        (Phase.PUBLISHED, PhaseEvent.REPLAY): Phase.PUBLISHING,
    },
)

RESUME_EVENTS: Mapping[Phase, PhaseEvent] = MappingProxyType(
    {
        Phase.FOLLOWING: PhaseEvent.RESUME_FOLLOWING,
        Phase.SEALING: PhaseEvent.RESUME_SEALING,
        Phase.PUBLISHING: PhaseEvent.RESUME_PUBLISHING,
    },
)
"""The event that leads a HELD execution back to the active phase in which it was held."""


class ForbiddenTransitionError(Exception):
    """An event that cannot happen to an execution in its phase."""

    def __init__(self, phase: Phase, event: PhaseEvent) -> None:
        super().__init__(f"an execution in phase {phase} has no transition for: {event}")
        self.phase = phase
        self.event = event


def next_phase(phase: Phase, event: PhaseEvent) -> Phase:
    """Return the phase that follows. Raise ForbiddenTransitionError for a pair that is not in the table."""
    try:
        return TRANSITIONS[phase, event]
    except KeyError:
        raise ForbiddenTransitionError(phase, event) from None


class Reason(StrEnum):
    """The cause for which an execution left the normal path; shown as `reason`."""

    VERIFICATION_FAILED = "verification_failed"
    EXECUTION_ERROR = "execution_error"
    EXECUTION_NOT_FOUND = "execution_not_found"
    FILES_MISSING = "files_missing"
    MESSAGE_REJECTED = "message_rejected"
    ACCESS_DENIED = "access_denied"
    LOG_INCOMPLETE = "log_incomplete"
    NO_LOG_GROUP = "no_log_group"
    NO_LOG_STREAM = "no_log_stream"
    LOG_LEVEL_NOT_TRANSFER = "log_level_not_transfer"
    VERIFY_MODE_NONE = "verify_mode_none"
    FRESHNESS_UNKNOWN = "freshness_unknown"
    BUCKET_NOT_FOUND = "bucket_not_found"
    DESTINATION_NOT_S3 = "destination_not_s3"
    CARRIED = "carried"
    INTERNAL_ERROR = "internal_error"
