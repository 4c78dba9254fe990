"""Reading a log into facts: whatever CloudWatch does, nothing is skipped and nothing is made up."""

from dataclasses import dataclass, field, replace

import pytest

from service.adapters.memory.world import MemoryLogs
from service.domain.errors import Denied, Rejected, Transient
from service.domain.facts import FactKind
from service.domain.following import TOKEN_GOOD_MS
from service.domain.names import TaskMode
from service.domain.phases import Phase
from service.domain.records import LogEvent, LogPage
from service.worker.reader import PAGES_PER_LOOK, SAMPLES_PER_LOOK, Reader
from service.worker.terms import Terms
from tests.worker.world import EPOCH_MS, GROUP, Worker, World

PREFIX = "{task_id}-{execution_id}"


@dataclass
class FickleLogs(MemoryLogs):
    """Logs with all that CloudWatch is known for.

    `empty` pages come before the first event; lines with an index in `hidden` are there but not shown; `troubles` are
    raised once each, instead of a page; `refused` refuses the next token.
    """

    page_size: int = 2
    empty: int = 0
    hidden: set[int] = field(default_factory=set)
    troubles: list[Exception] = field(default_factory=list)
    fails_at: str | None = None
    refused: bool = False
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    async def page(self, group, stream, token):
        self.asked.append((stream, token))
        if self.troubles:
            raise self.troubles.pop(0)
        if token is not None and token == self.fails_at:
            raise Transient("logs.GetLogEvents", "slow")
        if token is not None and self.refused:
            self.refused = False
            raise Rejected("logs.GetLogEvents", "the token has expired")
        if token is None and self.empty:
            return LogPage([], "empty-1", at_end=False)
        if token is not None and token.startswith("empty-"):
            number = int(token.removeprefix("empty-"))
            return LogPage([], f"empty-{number + 1}" if number < self.empty else "0", at_end=False)
        page = await super().page(group, stream, token)
        start = int(token or 0)
        shown = [event for place, event in enumerate(page.events, start) if place not in self.hidden]
        return LogPage(shown, page.token, page.at_end)


class Scene:
    """One execution in the hands of a reader."""

    def __init__(self, **logs):
        self.world = World(logs=FickleLogs({GROUP: {}}, **logs))
        self.arn = self.world.start()
        self.logs = self.world.logs

    async def begin(self):
        worker = Worker(self.world)
        await worker.sweeper.tick()
        await worker.surveyor.tick(())
        self.keeper = worker.keeper
        self.reader = Reader(self.world.ports(), worker.keeper, Terms(), self.world.clock.both())
        return self

    @property
    def stored(self):
        return self.world.execution(self.arn)

    async def look(self):
        _, looked = await self.reader.look(self.stored)
        return looked

    def paths(self, kind=FactKind.VERIFIED):
        rows = self.world.facts.rows
        return sorted(path for (_, k, _), facts in rows.items() for path in facts if k is kind)


async def scene(**logs):
    return await Scene(**logs).begin()


def lines(*paths):
    return [f"[NOTICE] Verified file /{path}, 3 bytes" for path in paths]


async def test_what_is_read_becomes_facts_and_a_position():
    s = await scene()
    s.world.log(s.arn, *lines("a", "b", "c"), "[NOTICE] Verified directory /")
    looked = await s.look()
    assert (s.paths(), s.paths(FactKind.DIRECTORY)) == (["a", "b", "c"], ["/"])
    assert (looked.at_end, looked.pages, looked.pass_number) == (True, 3, 1)
    assert looked.lines == {"fact": 4, "known": 0, "unknown": 0}
    assert looked.facts == {FactKind.VERIFIED: 3, FactKind.DIRECTORY: 1}
    assert s.stored.reading.tally.kinds == looked.facts
    assert s.stored.quiet_since_ms == EPOCH_MS


async def test_the_next_look_reads_on_and_not_again():
    s = await scene()
    s.world.log(s.arn, *lines("a", "b"))
    await s.look()
    s.world.log(s.arn, *lines("c"))
    looked = await s.look()
    assert (looked.lines["fact"], s.stored.reading.tally.lines) == (1, 3)
    assert s.paths() == ["a", "b", "c"]


async def test_an_empty_page_is_not_the_end():
    s = await scene(empty=5)
    s.world.log(s.arn, *lines("a"))
    assert (await s.look()).at_end
    assert s.paths() == ["a"]


@pytest.mark.parametrize("trouble", [Transient("logs.GetLogEvents", "slow"), Denied("logs.GetLogEvents", "no")])
async def test_an_error_is_not_an_empty_page(trouble):
    s = await scene()
    s.world.log(s.arn, *lines("a", "b", "c"))
    s.logs.troubles.append(trouble)
    before = s.stored
    with pytest.raises(type(trouble)):
        await s.look()
    assert s.stored == before
    assert (await s.look()).at_end
    assert s.paths() == ["a", "b", "c"]


@pytest.mark.parametrize(
    "trouble", [Transient("logs.DescribeLogStreams", "slow"), Denied("logs.DescribeLogStreams", "no")]
)
async def test_streams_that_cannot_be_listed_are_not_none(trouble):
    s = await scene()

    async def streams(group, prefix):
        raise trouble

    s.logs.streams = streams
    before = s.stored
    with pytest.raises(type(trouble)):
        await s.look()
    assert s.stored == before


async def test_after_an_error_half_way_the_position_is_behind_what_was_stored():
    s = await scene()
    s.world.log(s.arn, *lines("a", "b", "c"))
    s.logs.fails_at = "2"
    with pytest.raises(Transient):
        await s.look()
    assert s.stored.reading.tally.lines == 2
    assert s.paths() == ["a", "b"]


async def test_facts_are_stored_before_the_position_behind_them():
    s = await scene()
    s.world.log(s.arn, *lines("a"))
    await s.world.executions.release(s.keeper.lease(s.stored.name.execution_id))
    before = s.stored
    with pytest.raises(Exception, match="somebody else"):
        await s.look()
    assert (s.paths(), s.stored) == (["a"], before)


async def test_a_token_that_is_refused_begins_the_pass_again():
    s = await scene()
    s.world.log(s.arn, *lines("a", "b", "c"))
    await s.look()
    s.logs.refused = True
    assert (await s.look()).at_end
    assert s.stored.reading.tally.lines == 3
    assert s.stored.reading.pass_number == 1
    assert s.paths() == ["a", "b", "c"]


async def test_a_refusal_of_the_head_of_a_stream_is_an_error():
    s = await scene()
    s.world.log(s.arn, *lines("a"))
    s.logs.troubles.append(Rejected("logs.GetLogEvents", "bad request"))
    with pytest.raises(Rejected):
        await s.look()


async def test_a_token_that_cloudwatch_may_have_forgotten_is_not_used():
    s = await scene()
    s.world.log(s.arn, *lines("a", "b"))
    await s.look()
    s.world.clock.advance(TOKEN_GOOD_MS / 1000)
    await s.keeper.tick()
    s.logs.asked.clear()
    assert (await s.look()).at_end
    assert s.logs.asked[0] == (next(iter(s.logs.groups[GROUP])), None)
    assert s.stored.reading.tally.lines == 2


async def test_without_a_group_or_a_stream_there_is_nothing_to_read_yet():
    s = await scene()
    assert (await s.look()).at_end
    s.logs.groups.clear()
    assert (await s.look()).at_end
    assert s.stored.reading.positions == {}


async def test_an_execution_without_a_log_group_is_read_to_its_end_at_once():
    s = await scene()
    execution = replace(s.stored, log_group=None)
    _, looked = await s.reader.look(execution)
    assert (looked.at_end, s.logs.asked) == (True, [])


async def test_a_stream_that_appears_later_is_read_from_its_head():
    s = await scene()
    await s.look()
    s.world.log(s.arn, *lines("a"))
    await s.look()
    other = f"{next(iter(s.logs.groups[GROUP]))}-2"
    s.logs.groups[GROUP][other] = [LogEvent(EPOCH_MS, line) for line in lines("b", "c")]
    looked = await s.look()
    assert (s.paths(), looked.lines["fact"], looked.at_end) == (["a", "b", "c"], 2, True)


async def test_a_stream_of_another_execution_is_not_read():
    s = await scene()
    s.logs.groups[GROUP]["task-0123456789abcdef0-exec-other"] = [LogEvent(EPOCH_MS, lines("x")[0])]
    await s.look()
    assert s.paths() == []


async def test_a_stream_that_is_deleted_has_no_more_lines():
    s = await scene()
    s.world.log(s.arn, *lines("a"))
    await s.look()
    stream = next(iter(s.logs.groups[GROUP]))

    async def streams(group, prefix):
        return [stream]

    s.logs.groups[GROUP].clear()
    s.logs.streams = streams
    assert (await s.look()).at_end


async def test_a_hole_that_fills_behind_the_position_is_seen_by_the_next_pass_only():
    s = await scene(hidden={1})
    s.world.log(s.arn, *lines("a", "b", "c"))
    await s.look()
    s.logs.hidden.clear()
    assert (await s.look()).lines["fact"] == 0
    assert s.paths() == ["a", "c"]
    reading = s.stored.reading.restarted({}, now_ms=0)
    s.world.executions.records[s.stored.name.execution_id] = replace(s.stored, reading=reading)
    looked = await s.look()
    assert (s.paths(), looked.pass_number, s.stored.reading.passes_agree) == (["a", "b", "c"], 2, False)


async def test_a_long_log_is_read_some_pages_at_a_time():
    s = await scene(page_size=1)
    s.world.log(s.arn, *lines(*(f"{n:02}" for n in range(PAGES_PER_LOOK + 5))))
    looked = await s.look()
    assert (looked.at_end, looked.pages) == (False, PAGES_PER_LOOK)
    assert s.stored.reading.ended_at_ms is None
    assert (await s.look()).at_end
    assert len(s.paths()) == PAGES_PER_LOOK + 5


async def test_lines_that_are_not_understood_are_counted_and_some_are_shown():
    s = await scene(page_size=100)
    s.world.log(s.arn, *(f"gibberish {n} {'x' * 500}" for n in range(9)), "[INFO] Execution exec-1 started.")
    looked = await s.look()
    assert looked.lines == {"fact": 0, "known": 1, "unknown": 9}
    assert [kind for kind, _ in looked.samples] == ["form"] * SAMPLES_PER_LOOK
    assert all(len(text) == 200 for _, text in looked.samples)


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
async def test_a_hostile_name_becomes_one_fact_of_exactly_that_name(path):
    s = await scene()
    s.world.log(s.arn, *lines(path))
    await s.look()
    assert s.paths() == [path]
    assert len(s.world.facts.rows) == 1


@pytest.mark.parametrize("path", ["x" * 1025, "é" * 513])
async def test_a_name_that_cannot_be_in_s3_becomes_a_failure(path):
    s = await scene()
    s.world.log(s.arn, *lines(path, "fine"))
    await s.look()
    assert s.paths() == ["fine"]
    (failure,) = s.paths(FactKind.FAILED)
    assert failure.startswith("//sha256/")


async def test_the_log_of_an_enhanced_task_is_read_as_such():
    s = Scene()
    s.arn = s.world.start(task_mode=TaskMode.ENHANCED)
    await s.begin()
    path = '"Destination": {"RelativePath": "dir/a", "Metadata": {"ContentSize": 3}}'
    s.world.log(s.arn, f'{{"Action": "VERIFY", "Source": {{"RelativePath": "dir/a"}}, {path}}}')
    await s.look()
    assert s.paths() == ["dir/a"]


async def test_datasync_is_asked_how_the_execution_stands():
    s = await scene()
    s.world.end(s.arn, files_verified=4)
    asked = await s.reader.ask(s.stored)
    assert (asked.status, asked.files_verified, asked.terminal_seen_at_ms) == ("SUCCESS", 4, EPOCH_MS)
    assert s.stored.phase is Phase.FOLLOWING
