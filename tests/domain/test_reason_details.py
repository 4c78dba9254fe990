import re

import pytest

from service.domain.phases import Reason
from service.domain.reason_details import reason_detail
from tests.domain.examples import TASK, an_execution, rows

EXECUTION = an_execution(
    log_group="/aws/datasync",
    log_level="BASIC",
    fact_counts=rows(7, failed=2),
    files_verified=9,
)
ID = "exec-00000000000000001"

SENTENCES = {
    Reason.VERIFICATION_FAILED: (
        f"2 files failed verification; `datasync-trigger files {ID} --state failed` lists them"
    ),
    Reason.EXECUTION_ERROR: "DataSync reports ERROR; DescribeTaskExecution names the cause",
    Reason.FILES_MISSING: (
        f"some files are not in S3 at their verified size; `datasync-trigger files {ID} --state missing` lists them"
    ),
    Reason.LOG_INCOMPLETE: "the log states 7 verified files and DataSync's counter FilesVerified 9",
    Reason.NO_LOG_GROUP: (
        "the task has no log group; set one: aws datasync update-task --task-arn "
        f"{TASK} --cloud-watch-log-group-arn LOG_GROUP_ARN"
    ),
    Reason.NO_LOG_STREAM: (
        "the log group /aws/datasync has no log stream of this execution; let DataSync write to the group by a "
        "resource policy"
    ),
    Reason.LOG_LEVEL_NOT_TRANSFER: (
        "the execution ran with LogLevel BASIC, which logs no files; set LogLevel=TRANSFER on the task"
    ),
    Reason.VERIFY_MODE_NONE: (
        "the execution ran with VerifyMode NONE, so DataSync verified no file; set "
        "VerifyMode=ONLY_FILES_TRANSFERRED on the task"
    ),
    Reason.FRESHNESS_UNKNOWN: (
        "the log states no transfers, so only S3 can tell which files are new; set TRIGGER_CHECK_S3=true, then "
        "release the execution"
    ),
    Reason.DESTINATION_NOT_S3: (
        "the task's destination location is not in S3; name only tasks that write to S3 in TRIGGER_TASK_ARNS"
    ),
    Reason.CARRIED: "a later execution of the task has published the files",
}

EXPLAINED_BY_THE_CALL = {
    Reason.EXECUTION_NOT_FOUND,
    Reason.MESSAGE_REJECTED,
    Reason.ACCESS_DENIED,
    Reason.BUCKET_NOT_FOUND,
    Reason.INTERNAL_ERROR,
}
"""The reasons that come with the sentence of a failed call."""


def test_every_reason_has_a_sentence_or_comes_with_that_of_a_failed_call():
    assert sorted([*SENTENCES, *EXPLAINED_BY_THE_CALL]) == sorted(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_sentence_names_what_was_found_and_what_to_do(reason):
    assert reason_detail(reason, EXECUTION) == SENTENCES.get(reason)


def test_execution_without_a_reason_has_no_sentence():
    assert reason_detail(None, EXECUTION) is None


def test_incomplete_log_is_explained_without_a_counter_of_datasync():
    assert reason_detail(Reason.LOG_INCOMPLETE, an_execution(fact_counts=rows(7))) == (
        "the log states 7 verified files, and DataSync has no counter FilesVerified to compare with"
    )


@pytest.mark.parametrize("reason", SENTENCES)
def test_sentence_has_no_placeholder_and_no_missing_value(reason):
    sentence = reason_detail(reason, EXECUTION).replace("LOG_GROUP_ARN", "value")  # Only the reader knows this value.
    assert not re.search(r"[{}<>…]|\bNone\b|\b(TODO|TBD|FIXME|XXX|EXECUTION|TASK|FILE)\b|\b[A-Z_]+_ARN\b", sentence)
    assert sentence.isprintable()
    assert sentence == " ".join(sentence.split())
