import pytest

from service.domain.execution import Execution, Outcome, Tally, Target
from service.domain.facts import Fact, FactKind
from service.domain.freshness import Saying
from service.domain.names import TaskMode, execution_name
from service.domain.phases import Phase, Reason
from service.domain.views import File, FileState, execution_view, file_of, file_view

NAME = execution_name("arn:aws:datasync:eu-west-1:111122223333:task/task-0a/execution/exec-0b")
VERIFIED = Fact(FactKind.VERIFIED, "dir/a.csv", 20, 1_767_323_045_000)


def execution(**more) -> Execution:
    known = {
        "name": NAME,
        "task_mode": TaskMode.BASIC,
        "verify_mode": "ONLY_FILES_TRANSFERRED",
        "log_level": "TRANSFER",
        "log_group": "/aws/datasync",
        "target": Target("bucket", ""),
        "shards": 1,
        "status": "TRANSFERRING",
        "started_at_ms": 1_767_323_045_000,
        "expires_at_s": 0,
    }
    return Execution(**{**known, **more})


def test_a_published_execution_is_shown_as_the_contract_says():
    published = execution(
        status="SUCCESS",
        phase=Phase.PUBLISHED,
        reconciled=True,
        rows={FactKind.VERIFIED: 3, FactKind.TRANSFERRED: 3, FactKind.DIRECTORY: 2},
        outcomes={Outcome.PUBLISHED: 3},
        ended_at_ms=1_767_323_050_500,
        published_at_ms=1_767_323_060_000,
    )
    assert execution_view(published) == {
        "execution_arn": NAME.arn,
        "execution_id": "exec-0b",
        "task_arn": "arn:aws:datasync:eu-west-1:111122223333:task/task-0a",
        "task_id": "task-0a",
        "task_mode": "BASIC",
        "verify_mode": "ONLY_FILES_TRANSFERRED",
        "datasync_status": "SUCCESS",
        "phase": "PUBLISHED",
        "reason": None,
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


def test_what_is_not_known_yet_is_null():
    view = execution_view(execution(verify_mode=None))
    assert [view[key] for key in ("verify_mode", "reason", "reconciled", "ended_at", "published_at")] == [None] * 5
    assert set(view["files"].values()) == {0}


def test_a_held_execution_says_why():
    assert execution_view(execution(phase=Phase.HELD, reason=Reason.NO_LOG_STREAM))["reason"] == "no_log_stream"


def test_counts_grow_while_the_log_is_read():
    reading = execution(verify_mode="POINT_IN_TIME_CONSISTENT").reading
    tally = Tally(lines=2, kinds={FactKind.VERIFIED: 1, FactKind.FAILED: 1})
    view = execution_view(execution(reading=type(reading)(tally=tally)))
    assert (view["files"]["verified"], view["files"]["failed"]) == (1, 1)


@pytest.mark.parametrize(
    ("saying", "outcome", "file"),
    [
        (Saying(0, transferred=True), None, File("a", FileState.TRANSFERRED)),
        (Saying(0, VERIFIED), None, File("a", FileState.VERIFIED, 20, VERIFIED.at_ms)),
        (Saying(0, VERIFIED, transferred=True, deleted=True), None, File("a", FileState.VERIFIED, 20, VERIFIED.at_ms)),
        (Saying(0, VERIFIED), Outcome.PUBLISHED, File("a", FileState.PUBLISHED, 20, VERIFIED.at_ms)),
        (Saying(0, VERIFIED), Outcome.UNCHANGED, File("a", FileState.UNCHANGED, 20, VERIFIED.at_ms)),
        (Saying(0, VERIFIED), Outcome.SUPERSEDED, File("a", FileState.SUPERSEDED, 20, VERIFIED.at_ms)),
        (
            Saying(0, VERIFIED),
            Outcome.MISSING,
            File("a", FileState.MISSING, 20, VERIFIED.at_ms, "not in S3 at its verified size"),
        ),
        (Saying(0, VERIFIED, transferred=True, failed=True), Outcome.PUBLISHED, File("a", FileState.FAILED)),
        (Saying(0, failed=True), None, File("a", FileState.FAILED)),
        (Saying(0, transferred=True), Outcome.PUBLISHED, File("a", FileState.TRANSFERRED)),
        (Saying(0, deleted=True), None, None),
    ],
)
def test_failed_wins_over_verified_and_what_became_of_a_verified_file_over_both(saying, outcome, file):
    assert file_of("a", saying, outcome) == file


def test_a_file_is_shown_with_the_leading_slash_that_datasync_gives_it():
    assert file_view(File("dir/a.csv", FileState.PUBLISHED, 20, VERIFIED.at_ms)) == {
        "path": "/dir/a.csv",
        "state": "published",
        "size": 20,
        "verified_at": "2026-01-02T03:04:05Z",
        "reason": None,
    }


def test_a_file_of_which_little_is_known_says_so():
    assert file_view(File("a", FileState.FAILED, reason="checksums differ")) == {
        "path": "/a",
        "state": "failed",
        "size": None,
        "verified_at": None,
        "reason": "checksums differ",
    }
