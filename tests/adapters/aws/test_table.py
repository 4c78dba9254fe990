from itertools import chain

import pytest

from service.adapters.aws import items
from service.adapters.aws.executions import DynamoExecutionStore
from service.adapters.aws.fact_items import run_item
from service.adapters.aws.facts import DynamoFactStore
from service.adapters.aws.leases import DynamoLeaseStore
from service.adapters.aws.table import Table, batches
from service.domain.errors import AccessDeniedError, ConflictError, NotFoundError, TransientError
from service.domain.fact_runs import MAX_FACTS, pack
from service.domain.facts import Fact, FactKind
from service.domain.phases import Phase, PhaseEvent
from service.domain.port_types import Lease
from tests.contracts.examples import START_MS, an_execution


@pytest.fixture
def table(clients):
    return Table(clients.dynamodb, "t")


def verified(*paths):
    return [Fact(FactKind.VERIFIED, path, 1, START_MS) for path in paths]


def written(asked):
    """Return the sort keys of a BatchWriteItem."""
    return [request["PutRequest"]["Item"]["sk"]["S"] for request in asked.body["RequestItems"]["t"]]


async def test_unprocessed_items_are_written_again(table, stub):
    undone = {"PutRequest": {"Item": {"pk": {"S": "p"}, "sk": {"S": "b"}}}}
    stub.answer({"UnprocessedItems": {"t": [undone]}}, {"UnprocessedItems": {}})
    await table.put_all([items.key("p", "a"), items.key("p", "b")])
    assert [written(asked) for asked in stub.asked] == [["a", "b"], ["b"]]


async def test_items_that_stay_unprocessed_are_a_transient_error(table, stub):
    undone = {"PutRequest": {"Item": {"pk": {"S": "p"}, "sk": {"S": "a"}}}}
    stub.answer(*[{"UnprocessedItems": {"t": [undone]}}] * 6)
    with pytest.raises(TransientError, match="table t is throttling requests"):
        await DynamoFactStore(table).add(an_execution(), verified("a"))


async def test_answer_without_unprocessed_items_is_not_a_success(table, stub):
    stub.answer({"message": "<html>a proxy</html>"})
    with pytest.raises(TransientError, match="UnprocessedItems"):
        await DynamoFactStore(table).add(an_execution(), verified("a"))


async def test_answer_without_items_is_not_an_empty_page(table, stub):
    stub.answer("<html>a proxy</html>")
    with pytest.raises(TransientError, match="Count"):
        await DynamoFactStore(table).read_page(an_execution(), after_key="")


async def test_batch_has_at_most_25_items_and_none_twice(table, stub):
    stub.answer(*[{"UnprocessedItems": {}}] * 3)
    paths = [f"{number:04}" for number in range(60 * MAX_FACTS)]
    await DynamoFactStore(table).add(an_execution(), verified(*paths, *paths[:100]))
    batches_of_keys = [written(asked) for asked in stub.asked]
    assert [len(keys) for keys in batches_of_keys] == [25, 25, 10]
    assert len(set(chain(*batches_of_keys))) == 60


async def test_failed_batch_cancels_the_others_and_raises_its_error(table, stub):
    stub.answer({"UnprocessedItems": {}})
    stub.refuse("AccessDeniedException", "not authorized to perform: dynamodb:BatchWriteItem")
    stub.answer(*[{"UnprocessedItems": {}}] * 6)
    with pytest.raises(AccessDeniedError, match=r"table t.*not authorized") as caught:
        await DynamoFactStore(table).add(an_execution(), verified(*map(str, range(25 * 8 * MAX_FACTS))))
    assert caught.value.__cause__.response["Error"]["Code"] == "AccessDeniedException"


async def test_count_adds_all_pages(table, stub):
    more = {"LastEvaluatedKey": items.key("p", "k")}
    stub.answer({"Count": 2, **more}, {"Count": 0, **more}, {"Count": 3})
    assert await table.count({"KeyConditionExpression": "pk = p"}) == 5
    assert all(asked.body["Select"] == "COUNT" for asked in stub.asked)
    assert [asked.body.get("ExclusiveStartKey") for asked in stub.asked] == [None, *[items.key("p", "k")] * 2]


async def test_page_of_facts_is_read_consistently_and_ends_where_dynamodb_cuts_it(table, stub):
    execution = an_execution()
    (run,) = pack(verified("a"))
    stub.answer({"Items": [run_item(execution.id, run, 1)], "Count": 1, "LastEvaluatedKey": items.key("p", run.key)})
    stub.answer({"Items": [], "Count": 0})
    facts = DynamoFactStore(table)
    page = await facts.read_page(execution, after_key="")
    assert page == ([(run.key, verified("a"))], run.key)
    assert await facts.read_page(execution, after_key=run.key) == ([], None)
    assert all(asked.body["ConsistentRead"] for asked in stub.asked)
    assert stub.asked[1].body["ExpressionAttributeValues"][":after"] == {"S": run.key}


async def test_unprocessed_keys_are_read_again(table, stub):
    first, second = an_execution("task-1"), an_execution("task-1", started_at_ms=START_MS + 1)
    keys = [items.key(execution.id, "record") for execution in (first, second)]
    records = [items.execution_attributes(execution) for execution in (first, second)]
    started = [{"sk": {"S": f"execution#0#{execution.id}"}} for execution in (first, second)]
    stub.answer({"Items": started, "Count": 2})
    stub.answer({"Responses": {"t": records[:1]}, "UnprocessedKeys": {"t": {"Keys": keys[1:], "ConsistentRead": True}}})
    stub.answer({"Responses": {"t": records[1:]}, "UnprocessedKeys": {}})
    assert await DynamoExecutionStore(table).list_of_task("task-1", started_since_ms=0) == [first, second]
    assert stub.asked[2].body["RequestItems"]["t"]["Keys"] == keys[1:]


async def test_cancelled_registration_means_known_only_if_its_condition_failed(table, stub):
    for reason in ("ConditionalCheckFailed", "TransactionConflict"):
        stub.refuse(
            "TransactionCanceledException",
            CancellationReasons=[{"Code": reason, "Message": "because"}, {"Code": "None"}],
        )
    executions = DynamoExecutionStore(table)
    assert await executions.register(an_execution()) is False
    with pytest.raises(TransientError):
        await executions.register(an_execution())


async def test_transition_and_its_outbox_entry_are_one_idempotent_write(table, stub):
    stub.answer(None, {})
    execution = an_execution(phase=Phase.SEALING)
    await DynamoExecutionStore(table, with_outbox=True).transition_unowned(
        execution.apply(PhaseEvent.HOLD), expected_phase=Phase.SEALING
    )
    assert [asked.operation for asked in stub.asked] == ["TransactWriteItems"] * 2
    first, again = (asked.body for asked in stub.asked)
    assert first == again
    assert first["ClientRequestToken"]
    update, put = first["TransactItems"]
    assert update["Update"]["Key"] == items.key(execution.id, "record")
    assert update["Update"]["ExpressionAttributeValues"][":new_phase"] == {"S": "HELD"}
    assert put["Put"]["Item"]["pk"] == {"S": "outbox"}
    assert put["Put"]["Item"]["record"] == update["Update"]["ExpressionAttributeValues"][":new_record"]


@pytest.mark.parametrize(
    ("reason", "kind"), [("ConditionalCheckFailed", ConflictError), ("TransactionConflict", TransientError)]
)
async def test_cancelled_transition_is_a_conflict_only_if_its_condition_failed(table, stub, reason, kind):
    stub.refuse("TransactionCanceledException", CancellationReasons=[{"Code": reason}, {"Code": "None"}])
    with pytest.raises(kind):
        await DynamoExecutionStore(table, with_outbox=True).transition_unowned(
            an_execution(phase=Phase.HELD), expected_phase=Phase.SEALING
        )


async def test_transition_without_an_outbox_is_a_plain_update(table, stub):
    stub.answer({})
    await DynamoExecutionStore(table).transition_unowned(an_execution(phase=Phase.HELD), expected_phase=Phase.SEALING)
    assert [asked.operation for asked in stub.asked] == ["UpdateItem"]


async def test_renewing_a_lost_lease_is_a_conflict(table, stub):
    stub.refuse("ConditionalCheckFailedException", "The conditional request failed")
    with pytest.raises(ConflictError, match="the table t"):
        await DynamoLeaseStore(table).renew(Lease("n", "me", 1, 0))


async def test_missing_table_is_not_found(table, stub):
    stub.refuse("ResourceNotFoundException", "Requested resource not found")
    with pytest.raises(NotFoundError, match="the table t does not exist"):
        await DynamoLeaseStore(table).read("discovery")


async def test_table_that_is_being_created_is_not_ready(table, stub):
    layout = {
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "GlobalSecondaryIndexes": [{"IndexName": "by_phase"}, {"IndexName": "by_start"}],
    }
    stub.answer({"Table": {**layout, "TableStatus": "CREATING"}}, {"Table": {**layout, "TableStatus": "ACTIVE"}})
    with pytest.raises(TransientError, match="CREATING"):
        await table.check()
    assert await table.check() == "table t"


def test_batches_keep_all_items_in_order():
    assert list(batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(batches([], 2)) == []
