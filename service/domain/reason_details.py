"""The sentences for reasons that no call to AWS explains: what was found, and what to do."""

from collections.abc import Callable, Mapping

from service.domain.execution import Execution
from service.domain.facts import FactKind
from service.domain.phases import Reason


def reason_detail(reason: Reason | None, execution: Execution) -> str | None:
    """Return a sentence for a person about an execution that has this reason; None if the reason needs none."""
    sentence = _SENTENCES[reason] if reason else None
    return sentence(execution) if sentence else None


def _verification_failed(execution: Execution) -> str:
    failed = execution.fact_counts.get(FactKind.FAILED, 0)
    return f"{failed} files failed verification; `datasync-trigger files {execution.id} --state failed` lists them"


def _log_incomplete(execution: Execution) -> str:
    verified = execution.fact_counts.get(FactKind.VERIFIED, 0)
    if execution.files_verified is None:
        return f"the log states {verified} verified files, and DataSync has no counter FilesVerified to compare with"
    return f"the log states {verified} verified files and DataSync's counter FilesVerified {execution.files_verified}"


_SENTENCES: Mapping[Reason, Callable[[Execution], str] | None] = {
    Reason.VERIFICATION_FAILED: _verification_failed,
    Reason.EXECUTION_ERROR: lambda _: "DataSync reports ERROR; DescribeTaskExecution names the cause",
    Reason.LOG_INCOMPLETE: _log_incomplete,
    Reason.NO_LOG_GROUP: lambda e: (
        f"the task has no log group; set one: aws datasync update-task --task-arn "
        f"{e.ids.task_arn} --cloud-watch-log-group-arn LOG_GROUP_ARN"
    ),
    Reason.NO_LOG_STREAM: lambda e: (
        f"the log group {e.log_group} has no log stream of this execution; let DataSync "
        "write to the group by a resource policy"
    ),
    Reason.LOG_LEVEL_NOT_TRANSFER: lambda e: (
        f"the execution ran with LogLevel {e.log_level}, which logs no files; set LogLevel=TRANSFER on the task"
    ),
    Reason.VERIFY_MODE_NONE: lambda _: (
        "the execution ran with VerifyMode NONE, so DataSync verified no file; set "
        "VerifyMode=ONLY_FILES_TRANSFERRED on the task"
    ),
    Reason.FRESHNESS_UNKNOWN: lambda _: (
        "the log states no transfers, so only S3 can tell which files are new; set "
        "TRIGGER_CHECK_S3=true, then release the execution"
    ),
    Reason.DESTINATION_NOT_S3: lambda _: (
        "the task's destination location is not in S3; name only tasks that write to S3 in TRIGGER_TASK_ARNS"
    ),
    Reason.FILES_MISSING: lambda e: (
        f"some files are not in S3 at their verified size; `datasync-trigger files {e.id} --state missing` lists them"
    ),
    Reason.CARRIED: lambda _: "a later execution of the task has published the files",
    # The call that failed explains these.
    Reason.EXECUTION_NOT_FOUND: None,
    Reason.MESSAGE_REJECTED: None,
    Reason.ACCESS_DENIED: None,
    Reason.BUCKET_NOT_FOUND: None,
    Reason.INTERNAL_ERROR: None,
}
"""By reason: every one is here."""
