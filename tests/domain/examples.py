"""Executions and facts to decide about, plain where a test says nothing of them."""

from dataclasses import replace

from service.domain.execution import Execution, Reading, Tally, Target
from service.domain.facts import Fact, FactKind
from service.domain.names import TaskMode, execution_name
from service.domain.phases import Phase

TASK = "arn:aws:datasync:eu-west-1:123456789012:task/task-0123456789abcdef0"
START_MS = 1_767_323_045_000  # 2026-01-02T03:04:05Z
MINUTE_MS = 60_000


def an_execution(number=1, **changes):
    """The task's n-th execution: it starts n minutes after START_MS, runs for half a minute, and is being sealed."""
    started_at_ms = changes.pop("started_at_ms", START_MS + number * MINUTE_MS)
    plain = Execution(
        name=execution_name(f"{TASK}/execution/exec-{number:017x}"),
        task_mode=TaskMode.BASIC,
        verify_mode="ONLY_FILES_TRANSFERRED",
        log_level="TRANSFER",
        log_group="/aws/datasync",
        target=Target("bucket", "in/"),
        shards=1,
        status="SUCCESS",
        started_at_ms=started_at_ms,
        expires_at_s=4_000_000_000,
        ended_at_ms=started_at_ms + MINUTE_MS // 2,
        phase=Phase.SEALING,
        terminal_seen_at_ms=started_at_ms + MINUTE_MS // 2,
    )
    return replace(plain, **changes)


def rows(verified=0, **others):
    """Counts of distinct facts, of each kind."""
    return dict.fromkeys(FactKind, 0) | {FactKind.VERIFIED: verified} | {FactKind(k): n for k, n in others.items()}


def a_reading(pass_number=1, *, lines=0, print_=0, finish_seen=True, **changes):
    """A pass whose tally has that many verified files."""
    tally = Tally(lines, {FactKind.VERIFIED: lines}, print_, finish_seen)
    return replace(Reading(pass_number=pass_number, tally=tally), **changes)


def verified(path="a.csv", size_bytes=3, at_ms=START_MS):
    return Fact(FactKind.VERIFIED, path, size_bytes, at_ms)
