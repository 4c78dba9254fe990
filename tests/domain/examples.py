"""Executions and facts for tests, with plain values for everything that a test does not state."""

from dataclasses import replace

from service.domain.execution import Execution, S3Location
from service.domain.facts import Fact, FactKind
from service.domain.log_pass import LineCounts, LogPass
from service.domain.names import TaskMode, parse_execution_arn
from service.domain.phases import Phase

TASK = "arn:aws:datasync:eu-west-1:123456789012:task/task-0123456789abcdef0"
START_MS = 1_767_323_045_000  # 2026-01-02T03:04:05Z
MINUTE_MS = 60_000


def an_execution(number=1, **changes):
    """Return the task's n-th execution: started n minutes after START_MS, ended 30 seconds later, in SEALING."""
    started_at_ms = changes.pop("started_at_ms", START_MS + number * MINUTE_MS)
    execution = Execution(
        ids=parse_execution_arn(f"{TASK}/execution/exec-{number:017x}"),
        task_mode=TaskMode.BASIC,
        verify_mode="ONLY_FILES_TRANSFERRED",
        log_level="TRANSFER",
        log_group="/aws/datasync",
        location=S3Location("bucket", "in/"),
        status="SUCCESS",
        started_at_ms=started_at_ms,
        expires_at_s=4_000_000_000,
        ended_at_ms=started_at_ms + MINUTE_MS // 2,
        phase=Phase.SEALING,
        end_seen_at_ms=started_at_ms + MINUTE_MS // 2,
    )
    return replace(execution, **changes)


def number_of(execution_id):
    """Return the number that `an_execution` put into the id."""
    return int(execution_id.removeprefix("exec-"), 16)


def rows(verified=0, **others):
    """Return counts of distinct facts by kind, with a zero for each kind that is not named."""
    return dict.fromkeys(FactKind, 0) | {FactKind.VERIFIED: verified} | {FactKind(k): n for k, n in others.items()}


def a_log_pass(number=1, *, lines=0, fingerprint=0, saw_finish_line=True, **changes):
    """Return a pass that has read `lines` lines, each about a verified file."""
    counts = LineCounts(lines, {FactKind.VERIFIED: lines}, fingerprint, saw_finish_line)
    return replace(LogPass(number, counts=counts), **changes)


def verified(path="a.csv", size_bytes=3, at_ms=START_MS):
    return Fact(FactKind.VERIFIED, path, size_bytes, at_ms)
