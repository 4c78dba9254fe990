from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.execution import Execution, Outcome, S3Location
from service.domain.facts import Fact, FactKind, with_storable_path
from service.domain.names import parse_execution_arn
from service.domain.phases import Phase
from service.domain.port_types import OutcomeRange
from service.domain.views import CursorError, ExecutionFile, FileState
from service.operations import inspect
from service.operations.inspect import Inspector
from tests.domain.examples import an_execution
from tests.fakes.stores import MemoryExecutionStore, MemoryFactStore, MemoryOutcomeStore

IDS = parse_execution_arn("arn:aws:datasync:eu-west-1:111122223333:task/task-0a/execution/exec-0b")
EXECUTION = an_execution(
    ids=IDS,
    location=S3Location("bucket", ""),
    started_at_ms=1_767_323_045_000,
    ended_at_ms=None,
    phase=Phase.FOLLOWING,
)


class World:
    """One execution in memory, and an inspector of it."""

    def __init__(self, execution: Execution = EXECUTION) -> None:
        self.execution = execution
        self.facts, self.outcomes, self.executions = MemoryFactStore(), MemoryOutcomeStore(), MemoryExecutionStore()
        self.inspector = Inspector(self.executions, self.executions, self.facts, self.outcomes)

    async def log(self, kind: FactKind, *paths: str, detail: str | None = None) -> None:
        await self.executions.register(self.execution)
        await self.facts.add(self.execution, [with_storable_path(Fact(kind, path, 1, 5, detail)) for path in paths])

    async def decide(self, last_path: str, default: Outcome, **exceptions: list[str]) -> None:
        outcomes = OutcomeRange(last_path, default, {Outcome(outcome): paths for outcome, paths in exceptions.items()})
        await self.outcomes.write(IDS.execution_id, outcomes, expires_at_s=0)

    async def files(self, **asked) -> list[ExecutionFile]:
        """Return all files, page by page."""
        found, cursor = [], None
        while True:
            page = await self.inspector.files(IDS.execution_id, cursor=cursor, **{"limit": 100, **asked})
            assert page is not None
            found += page.files
            if page.cursor is None:
                return found
            cursor = page.cursor

    async def states(self, **asked) -> dict[str, str]:
        return {file.path: file.state.value for file in await self.files(**asked)}


async def test_carried_execution_counts_the_files_that_a_later_one_has_published_so_far():
    world = World(replace(EXECUTION, phase=Phase.CARRIED))
    later_ids = parse_execution_arn(IDS.arn[:-2] + "0c")
    later = replace(
        EXECUTION,
        ids=later_ids,
        started_at_ms=EXECUTION.started_at_ms + 1,
        carried_outcome_counts={IDS.execution_id: {Outcome.PUBLISHED: 7}},
    )
    for execution in (world.execution, later):
        await world.executions.register(execution)
    shown = await world.inspector.execution(IDS.execution_id)
    listed = {execution.id: execution for execution in await world.inspector.latest(10)}
    assert [shown.file_counts()["published"], listed[IDS.execution_id].file_counts()["published"]] == [7, 7]
    assert listed[later.id].file_counts()["published"] == 0


async def test_latest_executions_come_newest_first_up_to_the_limit():
    world = World()
    names = [parse_execution_arn(f"{IDS.task_arn}/execution/exec-{number}") for number in range(3)]
    for number, name in enumerate(names):
        await world.executions.register(replace(EXECUTION, ids=name, started_at_ms=number))
    assert [e.ids for e in await world.inspector.latest(2)] == [names[2], names[1]]
    assert await world.inspector.execution(names[0].execution_id) is not None
    assert await world.inspector.execution(IDS.execution_id) is None


async def test_unknown_execution_has_no_page():
    assert await World().inspector.files(IDS.execution_id, limit=1) is None


async def test_state_of_a_file_follows_from_its_facts_and_outcome():
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


async def test_failed_file_has_its_detail_and_verified_file_its_size_and_time():
    world = World()
    await world.log(FactKind.VERIFIED, "a", "b")
    await world.log(FactKind.FAILED, "b", "c", detail="checksums differ")
    assert await world.files() == [
        ExecutionFile("a", FileState.VERIFIED, 1, 5),
        ExecutionFile("b", FileState.FAILED, reason="checksums differ"),
        ExecutionFile("c", FileState.FAILED, reason="checksums differ"),
    ]


async def test_file_whose_name_cannot_be_a_key_has_that_reason():
    world = World()
    await world.log(FactKind.VERIFIED, "caf\udce9")
    [file] = await world.files()
    assert file.state is FileState.FAILED
    assert file.path.startswith("//sha256/")
    assert file.reason == 'the name cannot be an S3 key: "caf\\udce9"'


async def test_outcomes_of_many_ranges_are_all_read():
    world = World()
    paths = [f"{number:03}" for number in range(100)]
    await world.log(FactKind.VERIFIED, *paths)
    for path in paths[:90]:
        await world.decide(path, Outcome.PUBLISHED)
    states = await world.states()
    assert [states[path] for path in paths] == ["published"] * 90 + ["verified"] * 10


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_pages_have_every_file_once_in_order_and_the_last_has_no_cursor(limit: int):
    world = World()
    paths = ["a", "b/c", "b/d", "ü", "z", "0", "b"]
    await world.log(FactKind.VERIFIED, *paths)
    assert [file.path for file in await world.files(limit=limit)] == sorted(paths)
    whole = await world.inspector.files(IDS.execution_id, limit=7)
    assert whole is not None
    assert whole.cursor is None


async def test_files_are_filtered_by_state():
    world = World()
    await world.log(FactKind.VERIFIED, "a", "b", "c")
    await world.log(FactKind.FAILED, "b")
    assert await world.states(state=FileState.VERIFIED) == {"a": "verified", "c": "verified"}
    assert await world.states(state=FileState.MISSING) == {}


async def test_filter_for_a_rare_state_scans_a_bounded_number_of_files_per_call(monkeypatch):
    monkeypatch.setattr(inspect, "MAX_SCANNED", 10)
    world = World()
    await world.log(FactKind.VERIFIED, *(f"{number:02}" for number in range(35)))
    await world.log(FactKind.FAILED, "34")
    page = await world.inspector.files(IDS.execution_id, state=FileState.FAILED, limit=5)
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
async def test_files_are_filtered_by_prefix(prefix: str, paths: list[str]):
    world = World()
    await world.log(FactKind.VERIFIED, "dir", "dir.x", "dir/", "dir/a", "dir/b/c", "dir0", "e")
    assert [file.path for file in await world.files(prefix=prefix, limit=2)] == paths


possible = st.text(st.sampled_from("a/~\x00\ud7ff\ue000\U0010ffff"), min_size=1, max_size=4)


@given(st.lists(possible, max_size=8), possible)
async def test_prefix_finds_exactly_the_paths_that_begin_with_it(paths: list[str], prefix: str):
    world = World()
    await world.log(FactKind.VERIFIED, *paths)
    expected = sorted({path for path in paths if path.startswith(prefix)})
    assert [file.path for file in await world.files(prefix=f"/{prefix}", limit=1)] == expected


@given(st.text(max_size=20))
async def test_text_that_is_not_a_cursor_is_refused(text: str):
    world = World()
    await world.log(FactKind.VERIFIED, "a")
    try:
        page = await world.inspector.files(IDS.execution_id, limit=1, cursor=text)
    except CursorError:
        return
    assert page is not None


@pytest.mark.parametrize("cursor", ["?", "é", "YQ==", "YR", "x" * 2000, "_w"])
async def test_cursor_that_was_never_returned_is_refused(cursor: str):
    world = World()
    await world.log(FactKind.VERIFIED, "a")
    with pytest.raises(CursorError):
        await world.inspector.files(IDS.execution_id, limit=1, cursor=cursor)
