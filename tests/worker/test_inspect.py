from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.memory.table import MemoryExecutions, MemoryFacts, MemoryOutcomeLog
from service.domain.execution import Execution, Outcome, Target
from service.domain.facts import Fact, FactKind, storable
from service.domain.names import execution_name
from service.domain.phases import Phase
from service.domain.records import Outcomes
from service.domain.views import CursorError, File, FileState
from service.worker import inspect
from service.worker.inspect import Inspector
from tests.domain.examples import an_execution

NAME = execution_name("arn:aws:datasync:eu-west-1:111122223333:task/task-0a/execution/exec-0b")
EXECUTION = an_execution(
    name=NAME,
    target=Target("bucket", ""),
    started_at_ms=1_767_323_045_000,
    shards=3,
    ended_at_ms=None,
    phase=Phase.FOLLOWING,
)


class World:
    """One execution in memory, and an inspector of it."""

    def __init__(self, execution: Execution = EXECUTION) -> None:
        self.execution = execution
        self.facts, self.outcomes, self.executions = MemoryFacts(), MemoryOutcomeLog(), MemoryExecutions()
        self.inspector = Inspector(self.executions, self.executions, self.facts, self.outcomes)

    async def log(self, kind: FactKind, *paths: str, detail: str | None = None) -> None:
        await self.executions.register(self.execution)
        await self.facts.add(self.execution, [storable(Fact(kind, path, 1, 5, detail)) for path in paths])

    async def decide(self, upto: str, most: Outcome, **others: list[str]) -> None:
        stretch = Outcomes(upto, most, {Outcome(outcome): paths for outcome, paths in others.items()})
        await self.outcomes.write(NAME.execution_id, stretch, expires_at_s=0)

    async def files(self, **asked) -> list[File]:
        """All files, page by page."""
        found, cursor = [], None
        while True:
            page = await self.inspector.files(NAME.execution_id, cursor=cursor, **{"limit": 100, **asked})
            assert page is not None
            found += page.files
            if page.cursor is None:
                return found
            cursor = page.cursor

    async def states(self, **asked) -> dict[str, str]:
        return {file.path: file.state.value for file in await self.files(**asked)}


async def test_executions_are_shown_newest_first_and_no_more_than_asked_for():
    world = World()
    names = [execution_name(f"{NAME.task_arn}/execution/exec-{number}") for number in range(3)]
    for number, name in enumerate(names):
        await world.executions.register(replace(EXECUTION, name=name, started_at_ms=number))
    assert [e.name for e in await world.inspector.latest(2)] == [names[2], names[1]]
    assert await world.inspector.execution(names[0].execution_id) is not None
    assert await world.inspector.execution(NAME.execution_id) is None


async def test_an_execution_that_is_not_known_has_no_files_to_show():
    assert await World().inspector.files(NAME.execution_id, limit=1) is None


async def test_each_file_is_in_the_state_that_its_facts_and_its_outcome_say():
    world = World()
    await world.log(FactKind.TRANSFERRED, "a", "b", "c", "f")
    await world.log(FactKind.VERIFIED, "b", "c", "d", "e", "f", "g", "h")
    await world.log(FactKind.FAILED, "c", "i", detail="checksums differ")
    await world.log(FactKind.DELETED, "j", "d")
    await world.log(FactKind.DIRECTORY, "k")
    await world.decide("d", Outcome.PUBLISHED, missing=["b"])
    await world.decide("g", Outcome.UNCHANGED, superseded=["f"])
    assert await world.states() == {
        "a": "transferred",
        "b": "missing",
        "c": "failed",
        "d": "published",
        "e": "unchanged",
        "f": "superseded",
        "g": "unchanged",
        "h": "verified",
        "i": "failed",
    }


async def test_a_failed_file_says_what_its_line_said_and_a_verified_one_its_size_and_time():
    world = World()
    await world.log(FactKind.VERIFIED, "a", "b")
    await world.log(FactKind.FAILED, "b", "c", detail="checksums differ")
    assert await world.files() == [
        File("a", FileState.VERIFIED, 1, 5),
        File("b", FileState.FAILED, reason="checksums differ"),
        File("c", FileState.FAILED, reason="checksums differ"),
    ]


async def test_a_file_whose_name_cannot_be_a_key_says_so():
    world = World()
    await world.log(FactKind.VERIFIED, "caf\udce9")
    [file] = await world.files()
    assert file.state is FileState.FAILED
    assert file.path.startswith("//sha256/")
    assert file.reason == 'the name cannot be an S3 key: "caf\\udce9"'


async def test_many_stretches_of_outcomes_are_followed_to_the_end():
    world = World()
    paths = [f"{number:03}" for number in range(100)]
    await world.log(FactKind.VERIFIED, *paths)
    for path in paths[:90]:
        await world.decide(path, Outcome.PUBLISHED)
    states = await world.states()
    assert [states[path] for path in paths] == ["published"] * 90 + ["verified"] * 10


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_pages_hold_every_file_once_in_order_and_the_last_one_has_no_cursor(limit: int):
    world = World()
    paths = ["a", "b/c", "b/d", "ü", "z", "0", "b"]
    await world.log(FactKind.VERIFIED, *paths)
    assert [file.path for file in await world.files(limit=limit)] == sorted(paths)
    whole = await world.inspector.files(NAME.execution_id, limit=7)
    assert whole is not None
    assert whole.cursor is None


async def test_files_are_chosen_by_state():
    world = World()
    await world.log(FactKind.VERIFIED, "a", "b", "c")
    await world.log(FactKind.FAILED, "b")
    assert await world.states(state=FileState.VERIFIED) == {"a": "verified", "c": "verified"}
    assert await world.states(state=FileState.MISSING) == {}


async def test_looking_for_a_rare_state_reads_a_bounded_number_of_files_per_call_and_goes_on_where_it_was(monkeypatch):
    monkeypatch.setattr(inspect, "MAX_LOOKED_AT", 10)
    world = World()
    await world.log(FactKind.VERIFIED, *(f"{number:02}" for number in range(35)))
    await world.log(FactKind.FAILED, "34")
    page = await world.inspector.files(NAME.execution_id, state=FileState.FAILED, limit=5)
    assert page is not None
    assert (page.files, page.cursor is not None) == ([], True)
    assert await world.states(state=FileState.FAILED) == {"34": "failed"}


@pytest.mark.parametrize(
    ("prefix", "paths"),
    [
        ("/", ["dir", "dir.x", "dir/", "dir/a", "dir/b/c", "dir0", "e"]),
        ("", ["dir", "dir.x", "dir/", "dir/a", "dir/b/c", "dir0", "e"]),
        ("/dir/", ["dir/", "dir/a", "dir/b/c"]),
        ("/dir/a", ["dir/a"]),
        ("dir/b", ["dir/b/c"]),
        ("/dir/a/", []),
        ("/f", []),
        ("/dir/caf\udce9", []),
        ("/" + "x" * 1025, []),
    ],
)
async def test_files_are_chosen_by_the_beginning_of_their_path(prefix: str, paths: list[str]):
    world = World()
    await world.log(FactKind.VERIFIED, "dir", "dir.x", "dir/", "dir/a", "dir/b/c", "dir0", "e")
    assert [file.path for file in await world.files(prefix=prefix, limit=2)] == paths


possible = st.text(st.sampled_from("a/~\x00\ud7ff\ue000\U0010ffff"), min_size=1, max_size=4)


@given(st.lists(possible, max_size=8), possible)
async def test_a_prefix_finds_exactly_the_paths_that_begin_with_it_whatever_its_characters(
    paths: list[str], prefix: str
):
    world = World()
    await world.log(FactKind.VERIFIED, *paths)
    expected = sorted({path for path in paths if path.startswith(prefix)})
    assert [file.path for file in await world.files(prefix=f"/{prefix}", limit=1)] == expected


@given(st.text(max_size=20))
async def test_what_is_no_cursor_is_refused(text: str):
    world = World()
    await world.log(FactKind.VERIFIED, "a")
    try:
        page = await world.inspector.files(NAME.execution_id, limit=1, cursor=text)
    except CursorError:
        return
    assert page is not None


@pytest.mark.parametrize("cursor", ["?", "é", "YQ==", "YR", "x" * 2000, "_w"])
async def test_cursors_of_nobody_are_refused(cursor: str):
    world = World()
    await world.log(FactKind.VERIFIED, "a")
    with pytest.raises(CursorError):
        await world.inspector.files(NAME.execution_id, limit=1, cursor=cursor)
