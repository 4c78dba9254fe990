"""The decision when the log of an ended execution is complete, and what follows from it.

DataSync's status means that the execution is over, not that its log has arrived: CloudWatch Logs shows lines late, and
gaps that were filled half an hour later have been seen. So a log is sealed when it has been read to its end, has been
quiet, and matches DataSync's counters. Nothing here waits; each function returns what to do now, or when to look again.
"""

from enum import StrEnum

from service.domain.execution import Execution
from service.domain.facts import FactKind
from service.domain.names import Status, TaskMode, VerifyMode
from service.domain.options import CompletenessCheck, OnError, OnIncomplete, WorkerOptions
from service.domain.phases import PhaseEvent, Reason

_MAX_BACKOFF_S = 60.0


class SealDecision(StrEnum):
    """The decision about a log that was read to its end."""

    WAIT = "wait"
    REREAD = "reread"
    SEALED = "sealed"
    INCOMPLETE = "incomplete"


def unverifiable_reason(execution: Execution) -> Reason | None:
    """Return why the log cannot prove that files are verified, whatever it holds; None if it can."""
    if execution.location is None:
        return Reason.DESTINATION_NOT_S3
    if execution.verify_mode == VerifyMode.NONE:
        return Reason.VERIFY_MODE_NONE
    if execution.log_level is not None and execution.log_level != "TRANSFER":
        return Reason.LOG_LEVEL_NOT_TRANSFER
    if execution.log_group is None:
        return Reason.NO_LOG_GROUP
    return None


def matches_counters(execution: Execution, options: WorkerOptions) -> bool:
    """Return whether the distinct facts match DataSync's counter or, if it has none, two passes agree.

    Basic mode counts directories among its files, but not always; Enhanced mode never does (DescribeTaskExecution,
    FilesVerified). More files than DataSync counted do not hint at a missing one.
    """
    files = execution.fact_counts.get(FactKind.VERIFIED, 0)
    directories = execution.fact_counts.get(FactKind.DIRECTORY, 0)
    counter = execution.files_verified
    log_is_complete = execution.log_pass.counts.saw_finish_line and execution.log_pass.passes_agree
    if counter is None:
        return log_is_complete
    matches = files >= counter or (execution.task_mode is TaskMode.BASIC and files + directories == counter)
    return matches or (options.reconcile is CompletenessCheck.LOG and log_is_complete)


def all_lines_stored(execution: Execution) -> bool:
    """Return whether every line that was read is a stored fact, so that no file is left out.

    There are as many distinct facts as lines, or else lines came twice. The latter is proven when a further pass has
    written each of them again and added none.
    """
    log_pass = execution.log_pass
    return log_pass.fact_counts_before == execution.fact_counts or all(
        execution.fact_counts.get(kind, 0) >= lines for kind, lines in log_pass.counts.lines_by_kind.items()
    )


def quiet_until_ms(execution: Execution, options: WorkerOptions) -> int:
    """Return when the log of an ended execution has been quiet long enough, provided that it does not grow."""
    since_ms = max(execution.end_seen_at_ms or 0, execution.log_last_grew_at_ms or 0)
    return since_ms + round(options.settle_s * 1000)


def decide_seal(execution: Execution, options: WorkerOptions, *, now_ms: int) -> SealDecision:
    """Decide about an ended execution whose log was just read to its end and whose facts were just counted.

    After the deadline one more pass is read, because a gap may have been filled since the last one.
    """
    if now_ms < quiet_until_ms(execution, options):
        return SealDecision.WAIT
    if matches_counters(execution, options) and all_lines_stored(execution):
        return SealDecision.SEALED
    past_deadline = is_past_deadline(execution, options, now_ms=now_ms)
    read_after_deadline = is_past_deadline(execution, options, now_ms=execution.log_pass.started_at_ms or 0)
    if read_after_deadline and all_lines_stored(execution):
        return SealDecision.INCOMPLETE
    backoff_s = reread_backoff_s(execution.log_pass.number, options)
    if past_deadline or now_ms >= (execution.log_pass.reached_end_at_ms or 0) + backoff_s * 1000:
        return SealDecision.REREAD
    return SealDecision.WAIT


def is_past_deadline(execution: Execution, options: WorkerOptions, *, now_ms: int) -> bool:
    """Return whether the log of an ended execution has had all the time that it is given."""
    return now_ms >= (execution.end_seen_at_ms or 0) + options.seal_deadline_s * 1000


def reread_backoff_s(pass_number: int, options: WorkerOptions) -> float:
    """Return the pause before a log is read from its head again: doubled for each pass, at most a minute."""
    return min(options.settle_s * 2.0 ** min(pass_number - 1, 16), _MAX_BACKOFF_S)


def next_check_ms(execution: Execution, options: WorkerOptions, *, now_ms: int) -> int:
    """Return when to look at the log of an ended execution again: after a poll interval, or when something is due."""
    backoff_s = reread_backoff_s(execution.log_pass.number, options)
    due_ms = (
        quiet_until_ms(execution, options),
        (execution.log_pass.reached_end_at_ms or now_ms) + round(backoff_s * 1000),
        (execution.end_seen_at_ms or now_ms) + round(options.seal_deadline_s * 1000),
    )
    poll_ms = now_ms + round(options.poll_interval_s * 1000)
    return min([poll_ms, *(at_ms for at_ms in due_ms if at_ms > now_ms)])


def event_after_seal(execution: Execution, options: WorkerOptions) -> tuple[PhaseEvent, Reason | None]:
    """Return the event for an ended execution that is `reconciled`, or whose log is past its deadline."""
    complete = bool(execution.reconciled)
    has_stream = bool(execution.log_pass.checkpoints)
    if not complete and not has_stream and execution.status == Status.SUCCESS:
        return PhaseEvent.HOLD, Reason.NO_LOG_STREAM
    if not complete and options.on_incomplete is OnIncomplete.HOLD:
        return PhaseEvent.HOLD, Reason.LOG_INCOMPLETE
    reason = _reason(execution, complete=complete)
    if execution.status == Status.ERROR and options.on_error is OnError.DROP:
        return PhaseEvent.DISCARD_BY_POLICY, reason
    if not options.check_s3 and _new_files_need_s3(execution):
        return PhaseEvent.HOLD, Reason.FRESHNESS_UNKNOWN
    if execution.status == Status.ERROR and options.on_error is OnError.CARRY:
        return PhaseEvent.CARRY, reason
    return PhaseEvent.SEALED, reason


def _reason(execution: Execution, *, complete: bool) -> Reason | None:
    if execution.status == Status.SUCCESS:
        return None if complete else Reason.LOG_INCOMPLETE
    return Reason.VERIFICATION_FAILED if execution.fact_counts.get(FactKind.FAILED) else Reason.EXECUTION_ERROR


def _new_files_need_s3(execution: Execution) -> bool:
    """Return whether only S3 can tell this execution's new files from those that were verified again."""
    return (
        execution.verify_mode != VerifyMode.ONLY_FILES_TRANSFERRED
        and execution.fact_counts.get(FactKind.VERIFIED, 0) > 0
        and execution.fact_counts.get(FactKind.TRANSFERRED, 0) == 0
    )
