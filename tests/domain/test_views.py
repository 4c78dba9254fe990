import pytest

from service.domain.execution import Execution, Outcome, S3Location
from service.domain.facts import Fact, FactKind
from service.domain.file_decision import FileEvidence
from service.domain.log_pass import LineCounts, LogPass
from service.domain.names import TaskMode, parse_execution_arn
from service.domain.phases import Phase, Reason
from service.domain.views import ExecutionFile, FileState, escape_unprintable, execution_file, execution_view, file_view

IDS = parse_execution_arn("arn:aws:datasync:eu-west-1:111122223333:task/task-0a/execution/exec-0b")
FAILED = Fact(FactKind.FAILED, "dir/a.csv", None, 1_767_323_046_000, "the checksums differ")
VERIFIED = Fact(FactKind.VERIFIED, "dir/a.csv", 20, 1_767_323_045_000)


def execution(**changes) -> Execution:
    values = {
        "ids": IDS,
        "task_mode": TaskMode.BASIC,
        "verify_mode": "ONLY_FILES_TRANSFERRED",
        "log_level": "TRANSFER",
        "log_group": "/aws/datasync",
        "location": S3Location("bucket", ""),
        "status": "TRANSFERRING",
        "started_at_ms": 1_767_323_045_000,
        "expires_at_s": 0,
    }
    return Execution(**{**values, **changes})


def test_view_of_a_published_execution_has_every_documented_field():
    published = execution(
        status="SUCCESS",
        phase=Phase.PUBLISHED,
        reconciled=True,
        fact_counts={FactKind.VERIFIED: 3, FactKind.TRANSFERRED: 3, FactKind.DIRECTORY: 2},
        outcome_counts={Outcome.PUBLISHED: 3},
        ended_at_ms=1_767_323_050_500,
        published_at_ms=1_767_323_060_000,
    )
    assert execution_view(published) == {
        "execution_arn": IDS.arn,
        "execution_id": "exec-0b",
        "task_arn": "arn:aws:datasync:eu-west-1:111122223333:task/task-0a",
        "task_id": "task-0a",
        "task_mode": "BASIC",
        "verify_mode": "ONLY_FILES_TRANSFERRED",
        "datasync_status": "SUCCESS",
        "phase": "PUBLISHED",
        "reason": None,
        "reason_detail": None,
        "reconciled": True,
        "files": {
            "transferred": 3,
            "verified": 3,
            "failed": 0,
            "published": 3,
            "unchanged": 0,
            "missing": 0,
            "superseded": 0,
        },
        "started_at": "2026-01-02T03:04:05Z",
        "ended_at": "2026-01-02T03:04:10.500Z",
        "published_at": "2026-01-02T03:04:20Z",
    }


def test_unknown_values_are_null():
    view = execution_view(execution(verify_mode=None))
    assert [
        view[key] for key in ("verify_mode", "reason", "reason_detail", "reconciled", "ended_at", "published_at")
    ] == [None] * 6
    assert set(view["files"].values()) == {0}


def test_view_of_a_held_execution_has_the_reason_and_its_detail():
    view = execution_view(execution(phase=Phase.HELD, reason=Reason.NO_LOG_STREAM, reason_detail="there is none"))
    assert (view["reason"], view["reason_detail"]) == ("no_log_stream", "there is none")


def test_counts_grow_while_the_log_is_read():
    counts = LineCounts(lines=2, lines_by_kind={FactKind.VERIFIED: 1, FactKind.FAILED: 1})
    view = execution_view(execution(verify_mode="POINT_IN_TIME_CONSISTENT", log_pass=LogPass(counts=counts)))
    assert (view["files"]["verified"], view["files"]["failed"]) == (1, 1)


@pytest.mark.parametrize(
    ("evidence", "outcome", "file"),
    [
        (FileEvidence(0, transferred=True), None, ExecutionFile("a", FileState.TRANSFERRED)),
        (FileEvidence(0, VERIFIED), None, ExecutionFile("a", FileState.VERIFIED, 20, VERIFIED.at_ms)),
        (
            FileEvidence(0, VERIFIED, transferred=True, deleted=True),
            None,
            ExecutionFile("a", FileState.VERIFIED, 20, VERIFIED.at_ms),
        ),
        (FileEvidence(0, VERIFIED), Outcome.PUBLISHED, ExecutionFile("a", FileState.PUBLISHED, 20, VERIFIED.at_ms)),
        (FileEvidence(0, VERIFIED), Outcome.UNCHANGED, ExecutionFile("a", FileState.UNCHANGED, 20, VERIFIED.at_ms)),
        (FileEvidence(0, VERIFIED), Outcome.SUPERSEDED, ExecutionFile("a", FileState.SUPERSEDED, 20, VERIFIED.at_ms)),
        (
            FileEvidence(0, VERIFIED),
            Outcome.MISSING,
            ExecutionFile("a", FileState.MISSING, 20, VERIFIED.at_ms, "not in S3 at its verified size"),
        ),
        (
            FileEvidence(0, VERIFIED, transferred=True, failed=FAILED),
            Outcome.PUBLISHED,
            ExecutionFile("a", FileState.FAILED, reason="the checksums differ"),
        ),
        (FileEvidence(0, failed=FAILED), None, ExecutionFile("a", FileState.FAILED, reason="the checksums differ")),
        (FileEvidence(0, transferred=True), Outcome.PUBLISHED, ExecutionFile("a", FileState.TRANSFERRED)),
        (FileEvidence(0, deleted=True), None, None),
    ],
)
def test_file_state_is_failed_or_else_the_outcome_or_else_the_fact(evidence, outcome, file):
    assert execution_file("a", evidence, outcome) == file


def test_path_of_a_file_has_the_leading_slash_of_datasync():
    assert file_view(ExecutionFile("dir/a.csv", FileState.PUBLISHED, 20, VERIFIED.at_ms)) == {
        "path": "/dir/a.csv",
        "state": "published",
        "size": 20,
        "verified_at": "2026-01-02T03:04:05Z",
        "reason": None,
    }


def test_unknown_values_of_a_file_are_null():
    assert file_view(ExecutionFile("a", FileState.FAILED, reason="checksums differ")) == {
        "path": "/a",
        "state": "failed",
        "size": None,
        "verified_at": None,
        "reason": "checksums differ",
    }


@pytest.mark.parametrize(
    ("text", "keep", "escaped"),
    [
        ("dir/ä b.csv", "", "dir/ä b.csv"),
        ("a\nb\tc", "", "a\\nb\\tc"),
        ("a\nb\tc", "\n", "a\nb\\tc"),
        ("\x1b[2J", "", "\\x1b[2J"),
        ("\u202ea", "", "\\u202ea"),
    ],
)
def test_unprintable_characters_are_escaped(text, keep, escaped):
    assert escape_unprintable(text, keep=keep) == escaped


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("<>", "source and destination differ (<>)"),
        ("<> srcMeta: size=1", "source and destination differ (<>) srcMeta: size=1"),
        ("<", "only the source has the file (<)"),
        (">", "only the destination has the file (>)"),
        ("<none>", "<none>"),
        (None, None),
    ],
)
def test_sign_of_a_mismatch_is_shown_with_a_sentence(stored, shown):
    assert file_view(ExecutionFile("a", FileState.FAILED, reason=stored))["reason"] == shown
