"""The life of an execution in this service: one total table.

Every pair of a phase and an event stands here, ruled or forbidden by name. `docs/states.md` is drawn from it.
"""

from collections.abc import Mapping
from enum import StrEnum
from itertools import product
from types import MappingProxyType


class Phase(StrEnum):
    """Where an execution stands."""

    FOLLOWING = "FOLLOWING"
    SEALING = "SEALING"
    PUBLISHING = "PUBLISHING"
    PUBLISHED = "PUBLISHED"
    CARRIED = "CARRIED"
    HELD = "HELD"
    DISCARDED = "DISCARDED"


class Event(StrEnum):
    """What can happen to an execution."""

    ENDED = "DataSync reports SUCCESS or ERROR"
    SEALED = "its log is sealed and its files may go out"
    CARRY = "sealed after ERROR, its files wait for the next SUCCESS"
    DROP = "sealed after ERROR, its files are given up"
    HOLD = "a person must look"
    SENT = "its last message is acknowledged"
    TAKEN_ALONG = "a later execution has published its files"
    RELEASE = "a person releases it"
    RESUME = "a person releases it before its log was read to the end"
    DISCARD = "a person gives it up"
    REPLAY = "a person wants its messages once more"


OPEN = frozenset({Phase.FOLLOWING, Phase.SEALING, Phase.PUBLISHING})
"""The phases in which a worker has something to do."""

TRANSITIONS: Mapping[tuple[Phase, Event], Phase] = MappingProxyType(
    {
        (Phase.FOLLOWING, Event.ENDED): Phase.SEALING,
        (Phase.FOLLOWING, Event.HOLD): Phase.HELD,
        (Phase.SEALING, Event.SEALED): Phase.PUBLISHING,
        (Phase.SEALING, Event.CARRY): Phase.CARRIED,
        (Phase.SEALING, Event.DROP): Phase.DISCARDED,
        (Phase.SEALING, Event.HOLD): Phase.HELD,
        (Phase.PUBLISHING, Event.SENT): Phase.PUBLISHED,
        (Phase.PUBLISHING, Event.HOLD): Phase.HELD,
        (Phase.CARRIED, Event.TAKEN_ALONG): Phase.PUBLISHED,
        (Phase.HELD, Event.RELEASE): Phase.PUBLISHING,
        (Phase.HELD, Event.RESUME): Phase.SEALING,
        (Phase.HELD, Event.DISCARD): Phase.DISCARDED,
        (Phase.PUBLISHED, Event.REPLAY): Phase.PUBLISHING,
        # Said twice, because who says it may have crashed before noting that it was said.
        (Phase.PUBLISHED, Event.TAKEN_ALONG): Phase.PUBLISHED,
    },
)

FORBIDDEN: frozenset[tuple[Phase, Event]] = frozenset(
    {
        *product([Phase.FOLLOWING], set(Event) - {Event.ENDED, Event.HOLD}),
        *product([Phase.SEALING], set(Event) - {Event.SEALED, Event.CARRY, Event.DROP, Event.HOLD}),
        *product([Phase.PUBLISHING], set(Event) - {Event.SENT, Event.HOLD}),
        *product([Phase.PUBLISHED], set(Event) - {Event.REPLAY, Event.TAKEN_ALONG}),
        *product([Phase.CARRIED], set(Event) - {Event.TAKEN_ALONG}),
        *product([Phase.HELD], set(Event) - {Event.RELEASE, Event.RESUME, Event.DISCARD}),
        *product([Phase.DISCARDED], set(Event)),
    },
)


class ForbiddenTransitionError(Exception):
    """The event cannot happen to an execution in this phase."""

    def __init__(self, phase: Phase, event: Event) -> None:
        super().__init__(f"an execution in phase {phase} cannot take this: {event}")
        self.phase = phase
        self.event = event


def after(phase: Phase, event: Event) -> Phase:
    """Return the phase that follows. Raises ForbiddenTransitionError where the table forbids the pair."""
    try:
        return TRANSITIONS[phase, event]
    except KeyError:
        raise ForbiddenTransitionError(phase, event) from None


class Reason(StrEnum):
    """Why an execution is not on the plain way; shown as `reason` wherever it is shown."""

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
