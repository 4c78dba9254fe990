"""The outcome of each file of a chunk, and how far the messages of a chunk are acknowledged."""

import json

import pytest

from service.domain.execution import Outcome, PlanMember, PublishPlan, ReplayState, S3Location, SendProgress
from service.domain.facts import FactKind
from service.domain.file_chunk import decide_files, decided_files, resolve_candidates
from service.domain.file_decision import FileEvidence
from service.domain.messages import StoredObject, message_id
from service.domain.port_types import OutcomeRange
from tests.domain.examples import START_MS, an_execution, number_of, rows, verified

LOCATION = S3Location("bucket", "in/")
PIT = "POINT_IN_TIME_CONSISTENT"
FIRST, SECOND = an_execution(1), an_execution(2)
PLAN = PublishPlan(tuple(PlanMember(e.id, e.started_at_ms, publishes=True) for e in (FIRST, SECOND)), START_MS)
NO_PROGRESS = SendProgress()


def verified_by(*members, path="a", **others):
    """Return the path with the evidence of the members that verified it."""
    return path, [FileEvidence(member, verified(path), **others) for member in members]


def stored(path, size_bytes=3, at_ms=START_MS):
    return StoredObject(f"in/{path}", size_bytes, "etag", at_ms)


def resolved(files, *objects, plan=PLAN, executions=(FIRST, SECOND), check_s3=True, **options):
    """Return the chunk after all its files were decided."""
    chunk, candidates = decide_files(files, plan, executions)
    stored_objects = {LOCATION: {o.key: o for o in objects}} if check_s3 else None
    resolve_candidates(chunk, candidates, stored_objects, **{"publish_unchanged": False} | options)
    return chunk


def outcomes(chunk):
    """Return the outcomes by path and the number of the execution."""
    return {path: {number_of(e): o.value for e, o in by_id.items()} for path, by_id in chunk.outcomes.items()}


def test_file_that_s3_has_at_its_verified_size_is_published():
    chunk = resolved([verified_by(1)], stored("a"))
    assert outcomes(chunk) == {"a": {2: "published"}}
    assert chunk.pending["a"].id == message_id(SECOND.ids.arn, "a")


@pytest.mark.parametrize("objects", [[], [stored("a", 4)], [stored("b")]], ids=["no object", "other size", "other key"])
def test_file_that_s3_does_not_have_at_its_verified_size_is_missing(objects):
    chunk = resolved([verified_by(1)], *objects)
    assert outcomes(chunk) == {"a": {2: "missing"}}
    assert chunk.pending == {}


def test_file_whose_line_has_no_size_is_published_with_the_size_in_s3():
    chunk = resolved([("a", [FileEvidence(1, verified("a", size_bytes=None))])], stored("a", 7))
    assert json.loads(chunk.pending["a"].body)["size"] == 7


OLD_OBJECT = stored("a", at_ms=START_MS - 1000)
PIT_EXECUTIONS = [an_execution(n, verify_mode=PIT) for n in (1, 2)]


def test_file_that_is_not_new_is_unchanged():
    chunk = resolved([verified_by(1)], OLD_OBJECT, executions=PIT_EXECUTIONS)
    assert (outcomes(chunk), chunk.pending) == ({"a": {2: "unchanged"}}, {})


def test_unchanged_file_that_is_published_by_option_is_marked_as_not_transferred():
    chunk = resolved([verified_by(1)], OLD_OBJECT, executions=PIT_EXECUTIONS, publish_unchanged=True)
    assert outcomes(chunk) == {"a": {2: "published"}}
    assert json.loads(chunk.pending["a"].body)["state"]["transferred_state"] == "false"


@pytest.mark.parametrize(
    ("transferred", "fact_counts", "outcome"),
    [
        (True, rows(2, transferred=1), "published"),
        (False, rows(2, transferred=1), "unchanged"),
        (False, rows(2), "published"),  # released by a person: nothing shows which files are new
    ],
)
def test_log_decides_which_files_are_new_if_s3_is_not_asked(transferred, fact_counts, outcome):
    executions = [an_execution(n, verify_mode=PIT, fact_counts=fact_counts) for n in (1, 2)]
    chunk = resolved([verified_by(1, transferred=transferred)], executions=executions, check_s3=False)
    assert outcomes(chunk) == {"a": {2: outcome}}


def test_message_has_the_size_of_the_log_line_if_s3_is_not_asked():
    body = json.loads(resolved([verified_by(1)], check_s3=False).pending["a"].body)
    assert (body["size"], "etag" in body) == (3, False)


def test_message_of_a_replay_has_the_same_id_and_another_deduplication_id():
    identity = message_id(SECOND.ids.arn, "a")
    replayed = resolved([verified_by(1)], stored("a"), replay_count=2).pending["a"]
    assert (replayed.id, replayed.deduplication_id) == (identity, f"{identity}-2")


def test_newest_execution_publishes_the_file_and_the_older_one_is_superseded():
    chunk = resolved([verified_by(0, 1)], stored("a"))
    assert outcomes(chunk) == {"a": {1: "superseded", 2: "published"}}
    assert chunk.pending["a"].execution_id == SECOND.id


@pytest.mark.parametrize("outcome", [Outcome.PUBLISHED, Outcome.UNCHANGED])
def test_older_execution_keeps_an_outcome_with_which_it_published_the_file(outcome):
    evidence = [FileEvidence(0, verified("a"), previous_outcome=outcome), FileEvidence(1, verified("a"))]
    assert outcomes(resolved([("a", evidence)], stored("a"))) == {"a": {1: outcome.value, 2: "published"}}


@pytest.mark.parametrize("outcome", [Outcome.PUBLISHED, Outcome.UNCHANGED])
def test_file_that_its_execution_has_published_keeps_its_outcome_and_is_not_sent_again(outcome):
    chunk = resolved([verified_by(0, previous_outcome=outcome)], stored("a"))
    assert (outcomes(chunk), chunk.pending) == ({"a": {1: outcome.value}}, {})


def test_carried_file_is_published_under_the_execution_that_verified_it():
    chunk = resolved([verified_by(0)], stored("a"))
    assert outcomes(chunk) == {"a": {1: "published"}}
    assert chunk.pending["a"].id == message_id(FIRST.ids.arn, "a")


def test_file_that_failed_is_counted_and_not_published():
    failed = (
        "a",
        [FileEvidence(0, verified("a")), FileEvidence(1, failed=verified("a")._replace(kind=FactKind.FAILED))],
    )
    chunk = resolved([failed, verified_by(1, path="b")], stored("a"))
    assert outcomes(chunk) == {"a": {1: "superseded"}, "b": {2: "missing"}}
    assert (decided_files(chunk, NO_PROGRESS).failed, chunk.pending) == (1, {})


@pytest.mark.parametrize("newest", [FileEvidence(1, transferred=True), FileEvidence(1, deleted=True)])
def test_file_that_the_newest_execution_did_not_verify_is_not_published(newest):
    chunk = resolved([("a", [FileEvidence(0, verified("a")), newest])], stored("a"))
    assert (outcomes(chunk), chunk.pending) == ({"a": {1: "superseded"}}, {})


def test_file_that_one_execution_verified_and_deleted_is_superseded():
    chunk = resolved([verified_by(1, deleted=True)], stored("a"))
    assert (outcomes(chunk), chunk.pending) == ({"a": {2: "superseded"}}, {})


@pytest.mark.parametrize("path", [".aws-datasync", ".aws-datasync/log/x"])
def test_datasync_metadata_is_not_published(path):
    chunk = resolved([verified_by(1, path=path)], stored(path))
    assert (outcomes(chunk), chunk.pending) == ({path: {2: "unchanged"}}, {})


@pytest.mark.parametrize("path", [".aws-datasync2", "dir/.aws-datasync/x", ".aws-datasyn"])
def test_file_with_a_name_similar_to_datasync_metadata_is_published(path):
    assert outcomes(resolved([verified_by(1, path=path)], stored(path))) == {path: {2: "published"}}


def test_member_that_only_gives_evidence_gets_no_outcome():
    members = (*PLAN.members[:1], PlanMember(SECOND.id, SECOND.started_at_ms, publishes=False))
    chunk = resolved([verified_by(1), verified_by(0, 1, path="b")], plan=PublishPlan(members, START_MS))
    assert outcomes(chunk) == {"a": {}, "b": {1: "superseded"}}


def test_each_file_is_looked_up_where_its_execution_wrote_it():
    other = S3Location("other", "")
    executions = [FIRST, an_execution(2, location=other)]
    chunk, candidates = decide_files([verified_by(0), verified_by(1, path="b")], PLAN, executions)
    assert [(c.location, c.key) for c in candidates] == [(LOCATION, "in/a"), (other, "b")]
    stored_objects = {LOCATION: {"in/a": stored("a")}, other: {"b": StoredObject("b", 3, "etag", START_MS)}}
    resolve_candidates(chunk, candidates, stored_objects, publish_unchanged=False)
    assert json.loads(chunk.pending["b"].body)["s3uri"] == "s3://other/b"


def test_execution_without_a_location_in_s3_publishes_nothing():
    chunk = resolved([verified_by(1)], executions=[FIRST, an_execution(2, location=None)])
    assert chunk.pending == {}


# The acknowledged prefix.


def pending(*paths, **options):
    """Return a chunk with a pending message for each path."""
    return resolved([verified_by(1, path=path) for path in paths], *(stored(path) for path in paths), **options)


def acknowledged_ahead(chunk):
    return decided_files(chunk, NO_PROGRESS).progress.acknowledged_ahead


def test_acknowledged_prefix_ends_before_the_first_pending_message():
    chunk = pending("a", "b", "c", "d")
    assert chunk.acknowledged_prefix() == []
    chunk.acknowledge(["a", "c"])
    assert chunk.acknowledged_prefix() == ["a"]
    assert acknowledged_ahead(chunk) == (message_id(SECOND.ids.arn, "c"),)
    chunk.acknowledge(["b", "d"])
    assert chunk.acknowledged_prefix() == ["a", "b", "c", "d"]
    assert acknowledged_ahead(chunk) == ()


def test_acknowledged_prefix_of_a_chunk_without_messages_is_the_whole_chunk():
    assert resolved([verified_by(1), verified_by(1, path="b")]).acknowledged_prefix() == ["a", "b"]


def test_message_that_was_acknowledged_before_a_crash_is_not_sent_again():
    chunk = pending("a", "b", acknowledged=[message_id(SECOND.ids.arn, "b")])
    assert list(chunk.pending) == ["a"]
    chunk.acknowledge(["a"])
    assert chunk.acknowledged_prefix() == ["a", "b"]


def test_stored_paths_are_dropped():
    chunk = pending("a", "b", "c")
    chunk.acknowledge(["a", "c"])
    chunk.drop_stored(["a"])
    assert (chunk.paths, list(chunk.pending), list(chunk.acknowledged)) == (["b", "c"], ["b"], ["c"])
    assert list(chunk.outcomes) == ["b", "c"]
    chunk.drop_stored([])
    assert chunk.paths == ["b", "c"]


def test_cursor_advances_to_the_end_of_the_acknowledged_prefix():
    chunk = pending("a", "b", "c")
    chunk.acknowledge(["a", "c"])
    after = decided_files(chunk, NO_PROGRESS).add_to(SECOND)
    assert after.progress == SendProgress("a", (message_id(SECOND.ids.arn, "c"),))
    assert after.outcome_counts == {Outcome.PUBLISHED: 1}


def test_cursor_stays_if_nothing_is_acknowledged():
    before = SendProgress("0", ("id-of-a-later-path",))
    decided = decided_files(pending("a"), before)
    assert (decided.progress, decided.ranges, decided.total()) == (before, {}, {})


def test_ids_that_the_cursor_passes_are_forgotten():
    ids = {path: message_id(SECOND.ids.arn, path) for path in "abz"}
    chunk = pending("a", "b", acknowledged=[ids["b"]])
    chunk.acknowledge(["a"])
    assert decided_files(chunk, SendProgress("0", (ids["b"], ids["z"]))).progress == SendProgress("b", (ids["z"],))


def test_outcome_counts_add_up_over_chunks_by_execution():
    execution = SECOND
    for path, members in (("a", (0, 1)), ("b", (0,)), ("c", (1,))):
        chunk = resolved([verified_by(*members, path=path)], *([] if path == "c" else [stored(path)]))
        chunk.acknowledge(list(chunk.pending))
        decided = decided_files(chunk, execution.progress)
        execution = decided.add_to(execution)
    assert execution.progress.cursor == "c"
    assert execution.carried_outcome_counts == {FIRST.id: {Outcome.SUPERSEDED: 1, Outcome.PUBLISHED: 1}}
    assert execution.outcome_counts == {Outcome.PUBLISHED: 1, Outcome.MISSING: 1}
    assert decided.total() == {Outcome.MISSING: 1}


def test_replay_stores_its_own_progress_and_counts_no_outcome_again():
    chunk = pending("a")
    chunk.acknowledge(["a"])
    counts = {Outcome.PUBLISHED: 1}
    replayed = an_execution(2, replay=ReplayState(1, active=True), outcome_counts=counts)
    after = decided_files(chunk, NO_PROGRESS).add_to(replayed)
    assert (after.progress.cursor, after.replay.progress.cursor) == ("", "a")
    assert (after.outcome_counts, after.carried_outcome_counts) == (counts, {})


def test_range_stores_the_most_common_outcome_once_and_the_other_files_by_path():
    files = [verified_by(1, path=path) for path in "abc"] + [verified_by(0, path="d")]
    chunk = resolved(files, *map(stored, "bcd"))
    chunk.acknowledge(list(chunk.pending))
    assert decided_files(chunk, NO_PROGRESS).ranges == {
        SECOND.id: OutcomeRange("d", Outcome.PUBLISHED, {Outcome.MISSING: ["a"]}),
        FIRST.id: OutcomeRange("d", Outcome.PUBLISHED, {}),
    }


def test_range_ends_with_the_acknowledged_prefix():
    chunk = pending("a", "b", "c")
    chunk.acknowledge(["a", "c"])
    assert decided_files(chunk, NO_PROGRESS).ranges == {SECOND.id: OutcomeRange("a", Outcome.PUBLISHED, {})}
