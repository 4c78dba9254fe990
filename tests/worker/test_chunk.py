"""What becomes of each file of a stretch, and how far that is settled."""

import json

import pytest

from service.domain.execution import Outcome, Publishing, Source, Target
from service.domain.freshness import Saying
from service.domain.messages import StoredObject, message_id
from service.domain.records import Outcomes
from service.worker.chunk import advanced, settle, sort_out, stretches
from tests.domain.examples import START_MS, an_execution, rows, verified

TARGET = Target("bucket", "in/")
PIT = "POINT_IN_TIME_CONSISTENT"
FIRST, SECOND = an_execution(1), an_execution(2)
PLAN = Publishing(
    tuple(Source(e.name.execution_id, e.started_at_ms, publishes=True) for e in (FIRST, SECOND)), START_MS
)


def said_by(*sources, path="a", **others):
    return path, [Saying(source, verified(path), **others) for source in sources]


def stored(path, size_bytes=3, at_ms=START_MS):
    return StoredObject(f"in/{path}", size_bytes, "etag", at_ms)


def settled(files, *objects, publishing=PLAN, executions=(FIRST, SECOND), check_s3=True, **options):
    chunk, candidates = sort_out(files, publishing, executions)
    found = {TARGET: {o.key: o for o in objects}} if check_s3 else None
    settle(chunk, candidates, found, **{"publish_unchanged": False} | options)
    return chunk


def outcomes(chunk):
    """By path: the number of the execution and what became of the file there."""
    return {p: {int(e[5:], 16): o.value for e, o in outs.items()} for p, outs in chunk.outcomes.items()}


def test_a_file_that_is_there_at_its_verified_size_is_published():
    chunk = settled([said_by(1)], stored("a"))
    assert outcomes(chunk) == {"a": {2: "published"}}
    assert chunk.pending["a"].id == message_id(SECOND.name.arn, "a")


@pytest.mark.parametrize("objects", [[], [stored("a", 4)], [stored("b")]], ids=["gone", "another size", "another key"])
def test_a_file_that_is_not_there_as_it_was_verified_is_missing(objects):
    chunk = settled([said_by(1)], *objects)
    assert outcomes(chunk) == {"a": {2: "missing"}}
    assert chunk.pending == {}


def test_a_file_whose_log_line_tells_no_size_is_published_with_the_one_that_s3_has():
    chunk = settled([("a", [Saying(1, verified("a", size_bytes=None))])], stored("a", 7))
    assert json.loads(chunk.pending["a"].body)["size"] == 7


def test_a_file_that_is_not_new_is_unchanged():
    old = stored("a", at_ms=START_MS - 1000)
    executions = [an_execution(n, verify_mode=PIT) for n in (1, 2)]
    assert outcomes(settled([said_by(1)], old, executions=executions)) == {"a": {2: "unchanged"}}


def test_publish_unchanged_sends_it_and_says_that_it_was_not_transferred():
    old = stored("a", at_ms=START_MS - 1000)
    executions = [an_execution(n, verify_mode=PIT) for n in (1, 2)]
    chunk = settled([said_by(1)], old, executions=executions, publish_unchanged=True)
    assert outcomes(chunk) == {"a": {2: "published"}}
    assert json.loads(chunk.pending["a"].body)["state"]["transferred_state"] == "false"


@pytest.mark.parametrize(
    ("transferred", "facts", "outcome"),
    [
        (True, rows(2, transferred=1), "published"),
        (False, rows(2, transferred=1), "unchanged"),
        (False, rows(2), "published"),  # released by a person: nothing tells what is new
    ],
)
def test_without_s3_the_log_tells_what_is_new(transferred, facts, outcome):
    executions = [an_execution(n, verify_mode=PIT, rows=facts) for n in (1, 2)]
    chunk = settled([said_by(1, transferred=transferred)], executions=executions, check_s3=False)
    assert outcomes(chunk) == {"a": {2: outcome}}


def test_without_s3_a_message_has_the_size_of_the_log_line():
    body = json.loads(settled([said_by(1)], check_s3=False).pending["a"].body)
    assert (body["size"], "etag" in body) == (3, False)


def test_the_newest_execution_owns_the_file_and_the_older_one_is_superseded():
    chunk = settled([said_by(0, 1)], stored("a"))
    assert outcomes(chunk) == {"a": {1: "superseded", 2: "published"}}
    assert chunk.pending["a"].execution_id == SECOND.name.execution_id


def test_a_carried_file_is_published_under_the_execution_that_verified_it():
    chunk = settled([said_by(0)], stored("a"))
    assert outcomes(chunk) == {"a": {1: "published"}}
    assert chunk.pending["a"].id == message_id(FIRST.name.arn, "a")


def test_a_file_that_failed_is_counted_and_not_published():
    chunk = settled([("a", [Saying(0, verified("a")), Saying(1, failed=True)])], stored("a"))
    assert outcomes(chunk) == {"a": {1: "superseded"}}
    assert (chunk.failures(["a"]), chunk.failures(["b"]), chunk.pending) == (1, 0, {})


@pytest.mark.parametrize("newest", [Saying(1, transferred=True), Saying(1, deleted=True)])
def test_a_file_without_a_good_newest_word_is_not_published(newest):
    chunk = settled([("a", [Saying(0, verified("a")), newest])], stored("a"))
    assert (outcomes(chunk), chunk.pending) == ({"a": {1: "superseded"}}, {})


def test_a_file_that_is_verified_and_deleted_in_one_execution_is_superseded():
    chunk = settled([said_by(1, deleted=True)], stored("a"))
    assert (outcomes(chunk), chunk.pending) == ({"a": {2: "superseded"}}, {})


@pytest.mark.parametrize("path", [".aws-datasync", ".aws-datasync/log/x"])
def test_datasync_s_own_files_are_not_published(path):
    chunk = settled([said_by(1, path=path)], stored(path))
    assert (outcomes(chunk), chunk.pending) == ({path: {2: "unchanged"}}, {})


@pytest.mark.parametrize("path", [".aws-datasync2", "dir/.aws-datasync/x", ".aws-datasyn"])
def test_what_merely_looks_like_them_is(path):
    assert outcomes(settled([said_by(1, path=path)], stored(path))) == {path: {2: "published"}}


def test_files_of_an_execution_that_only_has_a_say_get_no_outcome():
    sources = (*PLAN.sources[:1], Source(SECOND.name.execution_id, SECOND.started_at_ms, publishes=False))
    chunk = settled([said_by(1), said_by(0, 1, path="b")], publishing=Publishing(sources, START_MS))
    assert outcomes(chunk) == {"a": {}, "b": {1: "superseded"}}


def test_each_execution_s_files_are_looked_up_where_that_one_wrote():
    elsewhere = Target("other", "")
    executions = [FIRST, an_execution(2, target=elsewhere)]
    chunk, candidates = sort_out([said_by(0), said_by(1, path="b")], PLAN, executions)
    assert [(c.target, c.key) for c in candidates] == [(TARGET, "in/a"), (elsewhere, "b")]
    there = StoredObject("b", 3, "etag", START_MS)
    settle(chunk, candidates, {TARGET: {"in/a": stored("a")}, elsewhere: {"b": there}}, publish_unchanged=False)
    assert json.loads(chunk.pending["b"].body)["s3uri"] == "s3://other/b"


def test_an_execution_without_a_destination_in_s3_publishes_nothing():
    chunk = settled([said_by(1)], executions=[FIRST, an_execution(2, target=None)])
    assert chunk.pending == {}


# How far it is settled.


def pending(*paths, **options):
    return settled([said_by(1, path=path) for path in paths], *(stored(path) for path in paths), **options)


def test_a_stretch_is_settled_up_to_the_first_message_that_is_not_acknowledged():
    chunk = pending("a", "b", "c", "d")
    assert chunk.settled() == []
    chunk.acknowledge(["a", "c"])
    assert chunk.settled() == ["a"]
    assert chunk.ahead(["a"]) == (message_id(SECOND.name.arn, "c"),)
    chunk.acknowledge(["b", "d"])
    assert chunk.settled() == ["a", "b", "c", "d"]
    assert chunk.ahead(chunk.settled()) == ()


def test_a_stretch_without_messages_is_settled_as_a_whole():
    assert settled([said_by(1), said_by(1, path="b")]).settled() == ["a", "b"]


def test_a_message_that_was_taken_before_a_crash_is_not_sent_again():
    chunk = pending("a", "b", ahead=[message_id(SECOND.name.arn, "b")])
    assert list(chunk.pending) == ["a"]
    chunk.acknowledge(["a"])
    assert chunk.settled() == ["a", "b"]


def test_what_is_stored_is_forgotten():
    chunk = pending("a", "b", "c")
    chunk.acknowledge(["a", "c"])
    chunk.forget(["a"])
    assert (chunk.paths, list(chunk.pending), list(chunk.acknowledged)) == (["b", "c"], ["b"], ["c"])
    chunk.forget([])
    assert chunk.paths == ["b", "c"]


def test_the_cursor_moves_over_what_is_settled_and_no_further():
    chunk = pending("a", "b", "c")
    chunk.acknowledge(["a", "c"])
    after = advanced(PLAN, chunk, chunk.settled())
    assert (after.cursor, after.ahead) == ("a", (message_id(SECOND.name.arn, "c"),))
    assert after.outcomes == {SECOND.name.execution_id: {Outcome.PUBLISHED: 1}}


def test_where_nothing_is_settled_the_cursor_stays():
    chunk = pending("a")
    before = advanced(PLAN, pending("0"), [])
    assert advanced(before, chunk, []) == before


def test_outcomes_add_up_over_stretches_by_execution():
    publishing = PLAN
    for path, sources in (("a", (0, 1)), ("b", (0,)), ("c", (1,))):
        chunk = settled([said_by(*sources, path=path)], *([] if path == "c" else [stored(path)]))
        chunk.acknowledge(list(chunk.pending))
        publishing = advanced(publishing, chunk, chunk.settled())
    assert publishing.cursor == "c"
    assert publishing.outcomes == {
        FIRST.name.execution_id: {Outcome.SUPERSEDED: 1, Outcome.PUBLISHED: 1},
        SECOND.name.execution_id: {Outcome.PUBLISHED: 1, Outcome.MISSING: 1},
    }
    assert chunk.counts(["c"]) == {Outcome.MISSING: 1}


def test_of_a_stretch_the_most_frequent_outcome_is_stored_and_the_others_by_name():
    chunk = settled([said_by(1, path=path) for path in "abc"] + [said_by(0, path="d")], *map(stored, "bcd"))
    chunk.acknowledge(list(chunk.pending))
    assert stretches(chunk, chunk.settled()) == {
        SECOND.name.execution_id: Outcomes("d", Outcome.PUBLISHED, {Outcome.MISSING: ["a"]}),
        FIRST.name.execution_id: Outcomes("d", Outcome.PUBLISHED, {}),
    }


def test_a_stretch_is_stored_only_as_far_as_it_is_settled():
    chunk = pending("a", "b", "c")
    chunk.acknowledge(["a", "c"])
    assert stretches(chunk, chunk.settled()) == {SECOND.name.execution_id: Outcomes("a", Outcome.PUBLISHED, {})}
