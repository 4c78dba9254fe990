"""Known mistakes of other readers of CloudWatch Logs, with the tests that the service does not make them."""

import contextlib
from dataclasses import dataclass, field, replace

import pytest

from service.domain.errors import RequestRejectedError, TransientError
from service.domain.execution import Outcome
from service.domain.phases import Phase, Reason
from service.domain.port_types import LogEvent, LogPage
from service.evidence.log_reader import MAX_PAGES_PER_READ
from service.ports import Logs
from tests.fakes.world import GROUP, Worker, World


def verified_line(name: str) -> str:
    return f"[NOTICE] Verified file /{name}, 3 bytes"


@dataclass
class LogsWrapper:
    """The logs of a world, to which subclasses add irregularities. `calls` counts the pages that were read."""

    logs: Logs
    calls: int = 0

    async def list_streams(self, group, prefix):
        return await self.logs.list_streams(group, prefix)

    async def read_page(self, group, stream, token):
        self.calls += 1
        return await self.logs.read_page(group, stream, token)


def worker_with(world: World, logs: object, **options) -> Worker:
    return Worker(world, ports=replace(world.ports(), logs=logs), **options)


# 1. The read position is a time, so events that arrive late are lost.


async def test_late_line_with_an_older_time_is_read():
    world = World()
    arn = world.start()
    world.copy(arn, "b.csv")
    worker = Worker(world)
    await worker.work(seconds=60)
    world.put("a.csv")
    world.stream(arn).append(LogEvent(world.clock.ms - 3_600_000, verified_line("a.csv")))
    world.finish(arn)
    await worker.work(seconds=60)
    assert world.names() == ["/a.csv", "/b.csv"]


async def test_late_line_before_the_checkpoint_is_found_from_the_head():
    world = World()
    arn = world.start()
    world.copy(arn, "b.csv", "c.csv")
    world.put("a.csv")
    world.finish(arn, files_verified=3)
    worker = Worker(world)
    await worker.work(seconds=30)
    assert world.names() == []
    world.stream(arn).insert(0, LogEvent(world.clock.ms, verified_line("a.csv")))
    await worker.work(seconds=120)
    assert world.names() == ["/a.csv", "/b.csv", "/c.csv"]
    assert world.execution(arn).reconciled


# 2. Reading goes on one millisecond later, so events of the same millisecond are lost.


async def test_events_of_the_same_millisecond_on_two_pages_are_all_read():
    world = World()
    world.logs.page_size = 2
    arn = world.start()
    world.copy(arn, *"abcde")
    world.finish(arn)
    assert len({event.at_ms for event in world.stream(arn)}) == 1
    await Worker(world).work(seconds=60)
    assert world.names() == ["/a", "/b", "/c", "/d", "/e"]


# 3. An empty page is taken for the end of the log.


class LogsWithEmptyPages(LogsWrapper):
    """Logs with five empty pages before each page with events. A token is `real token/number of empty pages`."""

    async def read_page(self, group, stream, token):
        real, _, empty_pages = (token or "/0").partition("/")
        page = await super().read_page(group, stream, real or None)
        if page.events and int(empty_pages) < 5:
            return LogPage((), f"{real}/{int(empty_pages) + 1}", at_end=False)
        at_end = page.at_end and real == page.token
        return LogPage(page.events, token if at_end else f"{page.token}/0", at_end=at_end)


async def test_empty_pages_are_not_the_end():
    world = World()
    world.logs.page_size = 1
    arn = world.start()
    world.copy(arn, "a.csv", "b.csv")
    world.log(arn, "[NOTICE] Verification failed <> /a.csv")  # The counter does not include this file.
    world.finish(arn, "ERROR", files_verified=2)
    worker = worker_with(world, LogsWithEmptyPages(world.logs))
    await worker.work(until=lambda: any(r.phase is Phase.CARRIED for r in world.executions.records.values()))
    assert world.execution(arn).file_counts()["failed"] == 1


# 4. An error is treated like an empty page, and the checkpoint moves.


@dataclass
class UnavailableLogs(LogsWrapper):
    """Logs that cannot be read while `is_unavailable` is set."""

    is_unavailable: bool = True

    async def read_page(self, group, stream, token):
        page = await super().read_page(group, stream, token)
        if self.is_unavailable:
            raise TransientError("logs.GetLogEvents", "throttled")
        return page


async def test_error_is_neither_an_empty_page_nor_the_end():
    world = World()
    arn = world.start()
    world.log(arn, "[NOTICE] Verification failed <> /a.csv")
    world.finish(arn, "ERROR", files_verified=0)  # The counter of 0 matches without any line.
    logs = UnavailableLogs(world.logs)
    worker = worker_with(world, logs)
    for _ in range(30):
        with contextlib.suppress(TransientError):
            await worker.round()
        world.clock.advance(5)
    assert world.execution(arn).phase is Phase.SEALING
    logs.is_unavailable = False
    await worker_with(world, logs, owner="worker-2").work(seconds=60)
    execution = world.execution(arn)
    assert (execution.phase, execution.reason) == (Phase.CARRIED, Reason.VERIFICATION_FAILED)


# 5. The checkpoint is written before the result.


@dataclass
class PortWithFailingMethod:
    """A port on which one method always fails without effect."""

    port: object
    method: str

    def __getattr__(self, name):
        async def fail(*_args, **_kwargs):
            raise TransientError("sqs.SendMessageBatch", "throttled")

        return fail if name == self.method else getattr(self.port, name)


async def test_checkpoint_does_not_advance_before_the_facts_are_stored():
    world = World()
    arn = world.start()
    world.copy(arn, "a.csv")
    facts = replace(world.ports(), facts=PortWithFailingMethod(world.facts, "add"))
    with pytest.raises(TransientError):
        await Worker(world, ports=facts).work(seconds=30)
    assert not world.execution(arn).log_pass.checkpoints


async def test_cursor_does_not_advance_before_the_message_is_acknowledged():
    world = World()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn)
    ports = replace(world.ports(), queue=PortWithFailingMethod(world.queue, "send"))
    with pytest.raises(TransientError):
        await Worker(world, ports=ports).work(seconds=60)
    execution = world.execution(arn)
    assert (execution.phase, execution.progress.cursor, execution.outcome_counts) == (Phase.PUBLISHING, "", {})
    assert not world.outcomes.ranges


# 6. A token is kept for more than a day, and reading cannot go on without it.


async def test_token_older_than_a_day_is_not_used():
    world = World()
    arn = world.start()
    world.copy(arn, "a.csv")
    worker = Worker(world)
    await worker.work(seconds=30)
    old_checkpoints = world.execution(arn).log_pass.checkpoints
    world.clock.advance(24 * 3600)
    # CloudWatch would reject the old token, so the worker has to read from the head.
    world.finish(arn)
    await Worker(world, owner="worker-2").work(seconds=120)
    assert old_checkpoints
    assert world.names() == ["/a.csv"]
    assert all(
        p.token_issued_at_ms > world.clock.ms - 3_600_000 for p in world.execution(arn).log_pass.checkpoints.values()
    )


@dataclass
class LogsWithExpiringTokens(LogsWrapper):
    """Logs that reject the tokens that they issued before the last call of `expire_tokens`."""

    issued: list = field(default_factory=list)
    expired_count: int = 0

    def expire_tokens(self):
        self.expired_count = len(self.issued)

    async def read_page(self, group, stream, token):
        if token is not None and int(token) < self.expired_count:
            raise RequestRejectedError("logs.GetLogEvents", "the token is not valid")
        page = await super().read_page(group, stream, None if token is None else self.issued[int(token)])
        if page.at_end:
            return replace(page, token=token)
        self.issued.append(page.token)
        return replace(page, token=str(len(self.issued) - 1))


async def test_rejected_token_restarts_the_pass():
    world = World()
    arn = world.start()
    world.copy(arn, "a.csv")
    logs = LogsWithExpiringTokens(world.logs)
    worker = worker_with(world, logs)
    await worker.work(seconds=60)
    logs.expire_tokens()
    world.copy(arn, "b.csv")
    world.finish(arn)
    await worker.work(seconds=120)
    assert world.names() == ["/a.csv", "/b.csv"]
    assert world.execution(arn).log_pass.number == 1


# 7. Calls are not limited, and AWS throttles the whole account. tests/adapters/aws/test_clients.py tests the rates.


async def test_log_without_new_lines_costs_one_page_per_poll():
    world = World()
    arn = world.start()
    world.copy(arn, "a.csv")
    logs = LogsWrapper(world.logs)
    worker = worker_with(world, logs)
    await worker.work(seconds=60)
    logs.calls = 0
    await worker.work(seconds=600)
    assert logs.calls <= 600 / 9 + 2  # This worker does a round every nine seconds.


async def test_one_read_has_a_bounded_number_of_pages():
    world = World()
    world.logs.page_size = 1
    arn = world.start()
    world.copy(arn, *(f"{n:03}" for n in range(100)))
    logs = LogsWrapper(world.logs)
    worker = worker_with(world, logs)
    await worker.round()
    assert logs.calls == MAX_PAGES_PER_READ


# 8. Streams are skipped because of the time of their last event, which CloudWatch updates up to an hour late.


async def test_stream_that_was_silent_for_hours_is_read():
    world = World()
    arn = world.start()
    second_stream = f"{world.stream_name(arn)}-2"
    world.logs.groups[GROUP][second_stream] = [LogEvent(world.clock.ms, verified_line("a.csv"))]
    world.put("a.csv")
    world.put("c.csv")
    world.copy(arn, "b.csv")
    worker = Worker(world)
    await worker.work(seconds=7200)
    world.logs.groups[GROUP][second_stream].append(LogEvent(world.clock.ms - 3_600_000, verified_line("c.csv")))
    world.finish(arn, files_verified=3)
    await worker.work(seconds=60)
    assert world.names() == ["/a.csv", "/b.csv", "/c.csv"]


# 9. Two workers send every message twice.


async def test_two_workers_send_each_message_once():
    world = World()
    arn = world.start()
    world.copy(arn, *(f"{n:03}" for n in range(30)))
    world.finish(arn)
    workers = [Worker(world, owner=f"worker-{n}") for n in (1, 2)]
    for _ in range(40):
        for worker in workers:
            await worker.round()
        world.clock.advance(5)
    assert world.names() == [f"/{n:03}" for n in range(30)]


async def test_worker_that_has_lost_its_lease_stops_sending():
    world = World()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn)
    worker = Worker(world)
    await worker.work(until=lambda: bool(world.executions.records) and world.execution(arn).phase is Phase.PUBLISHING)
    world.clock.advance(25)
    assert await next(iter(worker.runners.values())).tick() is None
    assert world.names() == []


# 10. Files are published without a check that the log is complete.


async def test_incomplete_log_is_published_at_the_deadline_with_a_reason():
    world = World()
    arn = world.start()
    world.copy(arn, "a.csv")
    world.finish(arn, files_verified=2)
    worker = Worker(world, settle_s=10, seal_deadline_s=300)
    await worker.work(seconds=290)
    assert world.names() == []
    await worker.work(seconds=120)
    execution = world.execution(arn)
    assert world.names() == ["/a.csv"]
    assert (execution.phase, execution.reason, execution.reconciled) == (Phase.PUBLISHED, Reason.LOG_INCOMPLETE, False)
    assert execution.outcome_counts == {Outcome.PUBLISHED: 1}
