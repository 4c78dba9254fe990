"""Reading of a log into facts: nothing is skipped and nothing is invented, whatever CloudWatch Logs does."""

from dataclasses import dataclass, field, replace

import pytest

from service.domain.errors import AccessDeniedError, RequestRejectedError, TransientError
from service.domain.execution_updates import MAX_TOKEN_AGE_MS
from service.domain.facts import FactKind
from service.domain.names import TaskMode
from service.domain.observations import LogRead
from service.domain.phases import Phase
from service.domain.port_types import LogEvent, LogPage
from service.evidence.log_reader import MAX_PAGES_PER_READ, LogReader
from service.parsing import MAX_SAMPLES
from tests.fakes.services import MemoryLogs
from tests.fakes.world import EPOCH_MS, GROUP, Worker, World

PREFIX = "{task_id}-{execution_id}"


@dataclass
class FlakyLogs(MemoryLogs):
    """Logs with the known irregularities of CloudWatch Logs.

    `empty` pages come before the first event; lines with an index in `hidden` are there but not shown; `errors` are
    raised once each, instead of a page; `refused` refuses the next token.
    """

    page_size: int = 2
    empty: int = 0
    hidden: set[int] = field(default_factory=set)
    errors: list[Exception] = field(default_factory=list)
    fails_at: str | None = None
    refused: bool = False
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    async def read_page(self, group, stream, token):
        self.asked.append((stream, token))
        if self.errors:
            raise self.errors.pop(0)
        if token is not None and token == self.fails_at:
            raise TransientError("logs.GetLogEvents", "slow")
        if token is not None and self.refused:
            self.refused = False
            raise RequestRejectedError("logs.GetLogEvents", "the token has expired")
        if token is None and self.empty:
            return LogPage([], "empty-1", at_end=False)
        if token is not None and token.startswith("empty-"):
            number = int(token.removeprefix("empty-"))
            return LogPage([], f"empty-{number + 1}" if number < self.empty else "0", at_end=False)
        page = await super().read_page(group, stream, token)
        start = int(token or 0)
        shown = [event for place, event in enumerate(page.events, start) if place not in self.hidden]
        return LogPage(shown, page.token, page.at_end)


class FollowedExecution:
    """One execution and the log reader of the worker that follows it."""

    def __init__(self, **logs):
        self.world = World(logs=FlakyLogs({GROUP: {}}, **logs))
        self.arn = self.world.start()
        self.logs = self.world.logs

    async def begin(self):
        self.worker = Worker(self.world)
        await self.worker.discovery.tick()
        await self.worker.claimer.tick(())
        self.leases = self.worker.leases
        world = self.world
        self.reader = LogReader(
            world.datasync, world.logs, world.facts, stream_prefix=PREFIX, now_ms=world.clock.now_ms
        )
        return self

    @property
    def stored(self):
        return self.world.execution(self.arn)

    async def leased(self):
        return await self.worker.wiring.leased_executions().load(self.stored.id)

    async def read(self):
        self.worker.observations.clear()
        await self.reader.read(await self.leased())
        (observation,) = [o for o in self.worker.observations if isinstance(o, LogRead)]
        return observation

    def paths(self, kind=FactKind.VERIFIED):
        return sorted(fact.path for fact in self.world.facts.facts(self.stored.id) if fact.kind is kind)


async def followed(**logs):
    return await FollowedExecution(**logs).begin()


def lines(*paths):
    return [f"[NOTICE] Verified file /{path}, 3 bytes" for path in paths]


async def test_lines_become_facts_and_a_checkpoint():
    s = await followed()
    s.world.log(s.arn, *lines("a", "b", "c"), "[NOTICE] Verified directory /")
    read = await s.read()
    assert (s.paths(), s.paths(FactKind.DIRECTORY)) == (["a", "b", "c"], ["/"])
    assert (read.at_end, read.pages, read.pass_number) == (True, 3, 1)
    assert read.lines == {"fact": 4, "known": 0, "unknown": 0}
    assert read.facts == {FactKind.VERIFIED: 3, FactKind.DIRECTORY: 1}
    assert s.stored.log_pass.counts.lines_by_kind == read.facts
    assert s.stored.log_last_grew_at_ms == EPOCH_MS


async def test_next_read_continues_at_the_checkpoint():
    s = await followed()
    s.world.log(s.arn, *lines("a", "b"))
    await s.read()
    s.world.log(s.arn, *lines("c"))
    read = await s.read()
    assert (read.lines["fact"], s.stored.log_pass.counts.lines) == (1, 3)
    assert s.paths() == ["a", "b", "c"]


async def test_empty_page_is_not_the_end():
    s = await followed(empty=5)
    s.world.log(s.arn, *lines("a"))
    assert (await s.read()).at_end
    assert s.paths() == ["a"]


@pytest.mark.parametrize(
    "error", [TransientError("logs.GetLogEvents", "slow"), AccessDeniedError("logs.GetLogEvents", "no")]
)
async def test_error_is_not_an_empty_page(error):
    s = await followed()
    s.world.log(s.arn, *lines("a", "b", "c"))
    s.logs.errors.append(error)
    before = s.stored
    with pytest.raises(type(error)):
        await s.read()
    assert s.stored == before
    assert (await s.read()).at_end
    assert s.paths() == ["a", "b", "c"]


@pytest.mark.parametrize(
    "error", [TransientError("logs.DescribeLogStreams", "slow"), AccessDeniedError("logs.DescribeLogStreams", "no")]
)
async def test_error_of_the_list_of_streams_is_not_an_empty_list(error):
    s = await followed()

    async def list_streams(group, prefix):
        raise error

    s.logs.list_streams = list_streams
    before = s.stored
    with pytest.raises(type(error)):
        await s.read()
    assert s.stored == before


async def test_checkpoint_after_an_error_covers_only_stored_facts():
    s = await followed()
    s.world.log(s.arn, *lines("a", "b", "c"))
    s.logs.fails_at = "2"
    with pytest.raises(TransientError):
        await s.read()
    assert s.stored.log_pass.counts.lines == 2
    assert s.paths() == ["a", "b"]


async def test_facts_are_stored_before_their_checkpoint():
    s = await followed()
    s.world.log(s.arn, *lines("a"))
    await s.world.executions.release(s.leases.require(s.stored.id))
    before = s.stored
    with pytest.raises(Exception, match="another worker"):
        await s.read()
    assert (s.paths(), s.stored) == (["a"], before)


async def test_rejected_token_restarts_the_pass():
    s = await followed()
    s.world.log(s.arn, *lines("a", "b", "c"))
    await s.read()
    s.logs.refused = True
    assert (await s.read()).at_end
    assert s.stored.log_pass.counts.lines == 3
    assert s.stored.log_pass.number == 1
    assert s.paths() == ["a", "b", "c"]


async def test_rejected_read_without_a_token_is_an_error():
    s = await followed()
    s.world.log(s.arn, *lines("a"))
    s.logs.errors.append(RequestRejectedError("logs.GetLogEvents", "bad request"))
    with pytest.raises(RequestRejectedError):
        await s.read()


async def test_expired_token_is_not_used():
    s = await followed()
    s.world.log(s.arn, *lines("a", "b"))
    await s.read()
    s.world.clock.advance(MAX_TOKEN_AGE_MS / 1000)
    await s.leases.renew_all()
    s.logs.asked.clear()
    assert (await s.read()).at_end
    assert s.logs.asked[0] == (next(iter(s.logs.groups[GROUP])), None)
    assert s.stored.log_pass.counts.lines == 2


async def test_missing_group_or_stream_is_an_empty_log():
    s = await followed()
    assert (await s.read()).at_end
    s.logs.groups.clear()
    assert (await s.read()).at_end
    assert s.stored.log_pass.checkpoints == {}


async def test_execution_without_a_log_group_is_at_its_end():
    s = await followed()
    leased = await s.leased()
    leased.adopt(replace(s.stored, log_group=None))
    assert await s.reader.read(leased)
    assert s.logs.asked == []


async def test_stream_that_appears_later_is_read_from_its_head():
    s = await followed()
    await s.read()
    s.world.log(s.arn, *lines("a"))
    await s.read()
    other = f"{next(iter(s.logs.groups[GROUP]))}-2"
    s.logs.groups[GROUP][other] = [LogEvent(EPOCH_MS, line) for line in lines("b", "c")]
    read = await s.read()
    assert (s.paths(), read.lines["fact"], read.at_end) == (["a", "b", "c"], 2, True)


async def test_stream_of_another_execution_is_not_read():
    s = await followed()
    s.logs.groups[GROUP]["task-0123456789abcdef0-exec-other"] = [LogEvent(EPOCH_MS, lines("x")[0])]
    await s.read()
    assert s.paths() == []


async def test_deleted_stream_is_at_its_end():
    s = await followed()
    s.world.log(s.arn, *lines("a"))
    await s.read()
    stream = next(iter(s.logs.groups[GROUP]))

    async def list_streams(group, prefix):
        return [stream]

    s.logs.groups[GROUP].clear()
    s.logs.list_streams = list_streams
    assert (await s.read()).at_end


async def test_gap_that_is_filled_before_the_checkpoint_is_read_by_the_next_pass():
    s = await followed(hidden={1})
    s.world.log(s.arn, *lines("a", "b", "c"))
    await s.read()
    s.logs.hidden.clear()
    assert (await s.read()).lines["fact"] == 0
    assert s.paths() == ["a", "c"]
    log_pass = s.stored.log_pass.next_pass({}, now_ms=0)
    s.world.executions.records[s.stored.id] = replace(s.stored, log_pass=log_pass)
    read = await s.read()
    assert (s.paths(), read.pass_number, s.stored.log_pass.passes_agree) == (["a", "b", "c"], 2, False)


async def test_long_log_is_read_some_pages_at_a_time():
    s = await followed(page_size=1)
    s.world.log(s.arn, *lines(*(f"{n:02}" for n in range(MAX_PAGES_PER_READ + 5))))
    read = await s.read()
    assert (read.at_end, read.pages) == (False, MAX_PAGES_PER_READ)
    assert s.stored.log_pass.reached_end_at_ms is None
    assert (await s.read()).at_end
    assert len(s.paths()) == MAX_PAGES_PER_READ + 5


async def test_unparsed_lines_are_counted_and_sampled():
    s = await followed(page_size=100)
    s.world.log(s.arn, *(f"gibberish {n} {'x' * 500}" for n in range(9)), "[INFO] Execution exec-1 started.")
    read = await s.read()
    assert read.lines == {"fact": 0, "known": 1, "unknown": 9}
    assert [kind for kind, _ in read.samples] == ["unknown_format"] * MAX_SAMPLES
    assert all(len(text) == 200 for _, text in read.samples)


HOSTILE = [
    "a, 9 bytes",
    "a,",
    " a ",
    "a\n[NOTICE] Verified file /b, 3 bytes",
    "[NOTICE] Verified file /b, 3 bytes",
    'quote"\\',
    "\x01\x7f",
    "é\U0001f600￾",
    "../..",
]


@pytest.mark.parametrize("path", HOSTILE)
async def test_hostile_name_becomes_one_fact_with_exactly_that_name(path):
    s = await followed()
    s.world.log(s.arn, *lines(path))
    await s.read()
    assert s.paths() == [path]
    assert len(s.world.facts.facts(s.stored.id)) == 1


@pytest.mark.parametrize("path", ["x" * 1025, "é" * 513])
async def test_name_that_cannot_be_a_key_becomes_a_failure(path):
    s = await followed()
    s.world.log(s.arn, *lines(path, "fine"))
    await s.read()
    assert s.paths() == ["fine"]
    (failure,) = s.paths(FactKind.FAILED)
    assert failure.startswith("//sha256/")


async def test_log_of_an_enhanced_task_is_parsed_as_enhanced():
    s = FollowedExecution()
    s.arn = s.world.start(task_mode=TaskMode.ENHANCED)
    await s.begin()
    path = '"Destination": {"RelativePath": "dir/a", "Metadata": {"ContentSize": 3}}'
    s.world.log(s.arn, f'{{"Action": "VERIFY", "Source": {{"RelativePath": "dir/a"}}, {path}}}')
    await s.read()
    assert s.paths() == ["dir/a"]


async def test_describe_returns_the_status_and_counters():
    s = await followed()
    s.world.end(s.arn, files_verified=4)
    described = await s.reader.describe(s.stored)
    assert (described.status, described.files_verified, described.end_seen_at_ms) == ("SUCCESS", 4, EPOCH_MS)
    assert s.stored.phase is Phase.FOLLOWING
