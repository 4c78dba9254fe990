import asyncio

import pytest

from service.adapters.aws import table
from service.adapters.aws.dynamodb import Table, batches, each
from service.adapters.aws.executions import DynamoExecutions
from service.adapters.aws.facts import DynamoFacts
from service.adapters.aws.leases import DynamoLeases
from service.domain.errors import Absent, Conflict, Denied, Transient
from service.domain.facts import Fact, FactKind
from service.domain.phases import Event, Phase
from service.domain.records import Lease
from tests.contracts.examples import START_MS, an_execution


@pytest.fixture
def rows(clients):
    return Table(clients.dynamodb, "t")


def verified(*paths):
    return [Fact(FactKind.VERIFIED, path, 1, START_MS) for path in paths]


def written(asked):
    """The sort keys that a BatchWriteItem put."""
    return [request["PutRequest"]["Item"]["sk"]["S"] for request in asked.body["RequestItems"]["t"]]


async def test_what_a_batch_leaves_undone_is_written_again(rows, stub):
    undone = {"PutRequest": {"Item": {"pk": {"S": "p"}, "sk": {"S": "b"}}}}
    stub.answer({"UnprocessedItems": {"t": [undone]}}, {"UnprocessedItems": {}})
    await DynamoFacts(rows).add(an_execution(), verified("a", "b"))
    assert [written(asked) for asked in stub.asked] == [["a", "b"], ["b"]]


async def test_what_is_left_undone_each_time_is_transient(rows, stub):
    undone = {"PutRequest": {"Item": {"pk": {"S": "p"}, "sk": {"S": "a"}}}}
    stub.answer(*[{"UnprocessedItems": {"t": [undone]}}] * 6)
    with pytest.raises(Transient, match="table t takes no more for now"):
        await DynamoFacts(rows).add(an_execution(), verified("a"))


async def test_an_answer_that_does_not_say_what_is_undone_is_no_success(rows, stub):
    stub.answer({"message": "<html>a proxy</html>"})
    with pytest.raises(Transient, match="UnprocessedItems"):
        await DynamoFacts(rows).add(an_execution(), verified("a"))


async def test_an_answer_without_rows_is_not_an_empty_one(rows, stub):
    stub.answer("<html>a proxy</html>")
    with pytest.raises(Transient, match="Count"):
        await DynamoFacts(rows).page(an_execution(), FactKind.VERIFIED, 0, after="", limit=1)


async def test_a_batch_has_no_more_than_twenty_five_rows_and_none_twice(rows, stub):
    stub.answer(*[{"UnprocessedItems": {}}] * 3)
    await DynamoFacts(rows).add(an_execution(), verified(*map(str, range(60)), "0", "59"))
    assert [len(written(asked)) for asked in stub.asked] == [25, 25, 10]


async def test_the_later_of_two_equal_facts_is_written(rows, stub):
    stub.answer({"UnprocessedItems": {}})
    early, late = verified("a")[0], verified("a")[0]._replace(at_ms=START_MS + 1)
    await DynamoFacts(rows).add(an_execution(), [early, late])
    (request,) = stub.asked[0].body["RequestItems"]["t"]
    assert table.fact_from(FactKind.VERIFIED, request["PutRequest"]["Item"]) == late


async def test_a_refused_batch_ends_the_others_and_its_own_error_is_raised(rows, stub):
    stub.answer({"UnprocessedItems": {}})
    stub.refuse("AccessDeniedException", "not authorized to perform: dynamodb:BatchWriteItem")
    stub.answer(*[{"UnprocessedItems": {}}] * 6)
    with pytest.raises(Denied, match=r"table t.*not authorized") as caught:
        await DynamoFacts(rows).add(an_execution(), verified(*map(str, range(25 * 8))))
    assert caught.value.__cause__.response["Error"]["Code"] == "AccessDeniedException"


async def test_rows_of_all_pages_are_counted_and_each_read_sees_what_was_written(rows, stub):
    more = {"LastEvaluatedKey": table.key("p", "k")}
    stub.answer({"Count": 2, **more}, {"Count": 0, **more}, {"Count": 3})
    assert await DynamoFacts(rows).count(an_execution(), FactKind.VERIFIED) == 5
    assert all(asked.body["ConsistentRead"] and asked.body["Select"] == "COUNT" for asked in stub.asked)
    assert [asked.body.get("ExclusiveStartKey") for asked in stub.asked] == [None, *[table.key("p", "k")] * 2]


async def test_a_page_that_dynamodb_cuts_short_is_filled(rows, stub):
    items = [{"sk": {"S": path}, "said": {"S": f"{START_MS} 1"}} for path in "abc"]
    stub.answer({"Items": items[:1], "Count": 1, "LastEvaluatedKey": table.key("p", "a")})
    stub.answer({"Items": items[1:], "Count": 2})
    found = await DynamoFacts(rows).page(an_execution(), FactKind.VERIFIED, 0, after="", limit=3)
    assert found == verified("a", "b", "c")
    assert [asked.body["Limit"] for asked in stub.asked] == [3, 2]


async def test_records_that_a_batch_did_not_bring_are_asked_for_again(rows, stub):
    first, second = an_execution("task-1"), an_execution("task-1", started_at_ms=START_MS + 1)
    keys = [table.key(execution.name.execution_id, "record") for execution in (first, second)]
    records = [table.execution_attributes(execution) for execution in (first, second)]
    started = [{"sk": {"S": f"execution#0#{execution.name.execution_id}"}} for execution in (first, second)]
    stub.answer({"Items": started, "Count": 2})
    stub.answer({"Responses": {"t": records[:1]}, "UnprocessedKeys": {"t": {"Keys": keys[1:], "ConsistentRead": True}}})
    stub.answer({"Responses": {"t": records[1:]}, "UnprocessedKeys": {}})
    assert await DynamoExecutions(rows).of_task("task-1", since_ms=0) == [first, second]
    assert stub.asked[2].body["RequestItems"]["t"]["Keys"] == keys[1:]


async def test_a_cancelled_registration_is_news_only_where_a_condition_failed(rows, stub):
    for reason in ("ConditionalCheckFailed", "TransactionConflict"):
        stub.refuse(
            "TransactionCanceledException",
            CancellationReasons=[{"Code": reason, "Message": "because"}, {"Code": "None"}],
        )
    executions = DynamoExecutions(rows)
    assert await executions.register(an_execution()) is False
    with pytest.raises(Transient):
        await executions.register(an_execution())


async def test_a_transition_and_its_announcement_are_one_write_that_counts_once_however_often_it_is_sent(rows, stub):
    stub.answer(None, {})
    execution = an_execution(phase=Phase.SEALING)
    await DynamoExecutions(rows, announcing=True).move(execution.on(Event.HOLD), Phase.SEALING)
    assert [asked.operation for asked in stub.asked] == ["TransactWriteItems"] * 2
    first, again = (asked.body for asked in stub.asked)
    assert first == again
    assert first["ClientRequestToken"]
    update, put = first["TransactItems"]
    assert update["Update"]["Key"] == table.key(execution.name.execution_id, "record")
    assert update["Update"]["ExpressionAttributeValues"][":new_phase"] == {"S": "HELD"}
    assert put["Put"]["Item"]["pk"] == {"S": "outbox"}
    assert put["Put"]["Item"]["record"] == update["Update"]["ExpressionAttributeValues"][":new_record"]


@pytest.mark.parametrize(("reason", "kind"), [("ConditionalCheckFailed", Conflict), ("TransactionConflict", Transient)])
async def test_a_cancelled_transition_is_a_conflict_only_where_its_condition_failed(rows, stub, reason, kind):
    stub.refuse("TransactionCanceledException", CancellationReasons=[{"Code": reason}, {"Code": "None"}])
    with pytest.raises(kind):
        await DynamoExecutions(rows, announcing=True).move(an_execution(phase=Phase.HELD), Phase.SEALING)


async def test_without_announcements_a_transition_is_a_plain_update(rows, stub):
    stub.answer({})
    await DynamoExecutions(rows).move(an_execution(phase=Phase.HELD), Phase.SEALING)
    assert [asked.operation for asked in stub.asked] == ["UpdateItem"]


async def test_a_lease_that_was_lost_is_a_conflict(rows, stub):
    stub.refuse("ConditionalCheckFailedException", "The conditional request failed")
    with pytest.raises(Conflict, match="the table t"):
        await DynamoLeases(rows).renew(Lease("n", "me", 1, 0))


async def test_a_table_that_is_not_there_is_absent_in_every_call(rows, stub):
    stub.refuse("ResourceNotFoundException", "Requested resource not found")
    with pytest.raises(Absent, match="the table t does not exist"):
        await DynamoLeases(rows).read("sweep")


async def test_a_table_that_is_being_made_is_not_ready_yet(rows, stub):
    layout = {
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "GlobalSecondaryIndexes": [{"IndexName": "by_phase"}, {"IndexName": "by_start"}],
    }
    stub.answer({"Table": {**layout, "TableStatus": "CREATING"}}, {"Table": {**layout, "TableStatus": "ACTIVE"}})
    with pytest.raises(Transient, match="CREATING"):
        await rows.check()
    assert await rows.check() == "table t"


def test_batches_hold_everything_in_order():
    assert list(batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(batches([], 2)) == []


async def test_things_are_done_several_at_once_but_not_all():
    under_way, most, done = 0, 0, []

    async def do(number):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        done.append(number)

    await each(range(20), do)
    assert most == 8
    assert sorted(done) == list(range(20))
