"""When the log of an ended execution is complete, and what follows from it.

DataSync's status says that the execution is over, not that its log has arrived: CloudWatch shows lines late, and
holes that fill half an hour later have been seen. So a log is sealed when it has been read to its end, has been
quiet, and adds up. Nothing here waits; it says what to do now and when to look again.
"""

from dataclasses import dataclass
from enum import StrEnum

from service.domain.execution import Execution
from service.domain.facts import FactKind
from service.domain.names import Status, TaskMode, VerifyMode
from service.domain.phases import Event, Reason

_MAX_PAUSE_S = 60.0


class Reconcile(StrEnum):
    """What 'adds up' means."""

    COUNTERS = "counters"
    LOG = "log"


class OnError(StrEnum):
    """What becomes of the verified files of an execution that ended in ERROR."""

    CARRY = "carry"
    PUBLISH = "publish"
    DROP = "drop"


class OnIncomplete(StrEnum):
    """What becomes of an execution whose log never added up."""

    PUBLISH = "publish"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's choices about sealing. Durations are seconds."""

    settle_s: float = 10.0
    deadline_s: float = 900.0
    reconcile: Reconcile = Reconcile.COUNTERS
    on_error: OnError = OnError.CARRY
    on_incomplete: OnIncomplete = OnIncomplete.PUBLISH
    check_s3: bool = True


class Ruling(StrEnum):
    """What to do with a log that is read to its end."""

    WAIT = "wait"
    REREAD = "reread"
    SEALED = "sealed"
    INCOMPLETE = "incomplete"


def blocker(execution: Execution) -> Reason | None:
    """Name what makes evidence impossible, whatever the log will say; None when lines can be expected."""
    if execution.target is None:
        return Reason.DESTINATION_NOT_S3
    if execution.verify_mode == VerifyMode.NONE:
        return Reason.VERIFY_MODE_NONE
    if execution.log_level is not None and execution.log_level != "TRANSFER":
        return Reason.LOG_LEVEL_NOT_TRANSFER
    if execution.log_group is None:
        return Reason.NO_LOG_GROUP
    return None


def adds_up(execution: Execution, policy: Policy) -> bool:
    """Whether the distinct facts are as many as DataSync says, or, without its word, two passes agree.

    Basic mode counts directories among its files, but not always; Enhanced mode never does (DescribeTaskExecution,
    FilesVerified). More files than DataSync counted are no sign of a missing one.
    """
    files = execution.rows.get(FactKind.VERIFIED, 0)
    directories = execution.rows.get(FactKind.DIRECTORY, 0)
    counter = execution.files_verified
    by_log = execution.reading.tally.finish_seen and execution.reading.passes_agree
    if counter is None:
        return by_log
    by_counter = files >= counter or (execution.task_mode is TaskMode.BASIC and files + directories == counter)
    return by_counter or (policy.reconcile is Reconcile.LOG and by_log)


def audited(execution: Execution) -> bool:
    """Whether the store holds what the log said, so that nothing is published short.

    It does when there are as many distinct facts as lines. Lines may come twice, so fewer facts are suspicious until
    a further pass has written each of them again and added none.
    """
    reading = execution.reading
    return reading.rows_before == execution.rows or all(
        execution.rows.get(kind, 0) >= lines for kind, lines in reading.tally.kinds.items()
    )


def quiet_until_ms(execution: Execution, policy: Policy) -> int:
    """When the log has been quiet long enough, if it stays so. The execution has ended."""
    since_ms = max(execution.terminal_seen_at_ms or 0, execution.quiet_since_ms or 0)
    return since_ms + round(policy.settle_s * 1000)


def rule(execution: Execution, policy: Policy, *, now_ms: int) -> Ruling:
    """Rule on an ended execution whose log was just read to its end and whose `rows` were just counted.

    Past the deadline one more pass is made, for a hole that has filled since the last one.
    """
    if now_ms < quiet_until_ms(execution, policy):
        return Ruling.WAIT
    if adds_up(execution, policy) and audited(execution):
        return Ruling.SEALED
    past_deadline = is_past_deadline(execution, policy, now_ms=now_ms)
    read_since = is_past_deadline(execution, policy, now_ms=execution.reading.began_at_ms or 0)
    if read_since and audited(execution):
        return Ruling.INCOMPLETE
    pause_s = reread_pause_s(execution.reading.pass_number, policy)
    if past_deadline or now_ms >= (execution.reading.ended_at_ms or 0) + pause_s * 1000:
        return Ruling.REREAD
    return Ruling.WAIT


def is_past_deadline(execution: Execution, policy: Policy, *, now_ms: int) -> bool:
    """Whether an ended execution's log has had all the time that it may take."""
    return now_ms >= (execution.terminal_seen_at_ms or 0) + policy.deadline_s * 1000


def reread_pause_s(pass_number: int, policy: Policy) -> float:
    """How long to leave a log alone before reading it from the head again: longer each time, up to a minute."""
    return min(policy.settle_s * 2.0 ** min(pass_number - 1, 16), _MAX_PAUSE_S)


def next_look_ms(execution: Execution, policy: Policy, *, now_ms: int, poll_s: float) -> int:
    """When the log of an ended execution is worth another look: a poll later, or when something falls due."""
    pause_s = reread_pause_s(execution.reading.pass_number, policy)
    due_ms = (
        quiet_until_ms(execution, policy),
        (execution.reading.ended_at_ms or now_ms) + round(pause_s * 1000),
        (execution.terminal_seen_at_ms or now_ms) + round(policy.deadline_s * 1000),
    )
    return min([now_ms + round(poll_s * 1000), *(at_ms for at_ms in due_ms if at_ms > now_ms)])


def close(execution: Execution, policy: Policy, *, complete: bool, has_stream: bool) -> tuple[Event, Reason | None]:
    """Say what follows for an ended execution whose log is sealed (`complete`) or past its deadline."""
    if not complete and not has_stream and execution.status == Status.SUCCESS:
        return Event.HOLD, Reason.NO_LOG_STREAM
    if not complete and policy.on_incomplete is OnIncomplete.HOLD:
        return Event.HOLD, Reason.LOG_INCOMPLETE
    trouble = _trouble(execution, complete=complete)
    if execution.status == Status.ERROR and policy.on_error is OnError.DROP:
        return Event.DROP, trouble
    if not policy.check_s3 and _needs_s3(execution):
        return Event.HOLD, Reason.FRESHNESS_UNKNOWN
    if execution.status == Status.ERROR and policy.on_error is OnError.CARRY:
        return Event.CARRY, trouble
    return Event.SEALED, trouble


def _trouble(execution: Execution, *, complete: bool) -> Reason | None:
    if execution.status == Status.SUCCESS:
        return None if complete else Reason.LOG_INCOMPLETE
    return Reason.VERIFICATION_FAILED if execution.rows.get(FactKind.FAILED) else Reason.EXECUTION_ERROR


def _needs_s3(execution: Execution) -> bool:
    """Whether only S3 could tell this execution's new files from those that were merely verified again."""
    return (
        execution.verify_mode != VerifyMode.ONLY_FILES_TRANSFERRED
        and execution.rows.get(FactKind.VERIFIED, 0) > 0
        and execution.rows.get(FactKind.TRANSFERRED, 0) == 0
    )
