"""ports.TaskStore."""

import pytest

from service.adapters.aws.executions import DynamoExecutionStore
from service.adapters.aws.tasks import DynamoTaskStore
from service.domain.port_types import TaskRecord
from tests.contracts.examples import START_MS, a_task_id, an_execution
from tests.fakes.stores import MemoryExecutionStore, MemoryTaskStore


@pytest.fixture(params=["memory", "aws"])
def store(request):
    if request.param == "memory":
        executions = MemoryExecutionStore()
        return MemoryTaskStore(executions), executions
    table = request.getfixturevalue("table")
    return DynamoTaskStore(table), DynamoExecutionStore(table)


@pytest.fixture
def tasks(store):
    return store[0]


@pytest.fixture
def executions(store):
    return store[1]


async def test_task_keeps_the_time_at_which_it_was_first_seen(tasks):
    task = a_task_id()
    assert await tasks.get_or_create(task, first_seen_at_ms=START_MS) == TaskRecord(task, START_MS)
    assert await tasks.get_or_create(task, first_seen_at_ms=START_MS + 1) == TaskRecord(task, START_MS)


async def test_registered_backlog_is_stored(tasks):
    task = a_task_id()
    await tasks.get_or_create(task, first_seen_at_ms=START_MS)
    await tasks.mark_backlog_registered(task)
    assert await tasks.get_or_create(task, first_seen_at_ms=START_MS + 1) == TaskRecord(
        task, START_MS, backlog_registered=True
    )


async def test_fully_published_mark_never_moves_backwards(tasks):
    task = a_task_id()
    await tasks.get_or_create(task, first_seen_at_ms=START_MS)
    for start_ms in (5, 9, 7):
        await tasks.advance_fully_published(task, start_ms=start_ms)
    assert await tasks.get_or_create(task, first_seen_at_ms=START_MS) == TaskRecord(
        task, START_MS, fully_published_start_ms=9
    )


async def test_registered_and_ignored_executions_of_a_task_are_known(tasks, executions):
    new_execution, ignored, other = an_execution(), an_execution(), an_execution()
    task = new_execution.task_id
    await tasks.get_or_create(task, first_seen_at_ms=START_MS)
    await executions.register(new_execution)
    await executions.register(other)
    for _ in range(2):
        await tasks.ignore(task, ignored.id, started_at_ms=START_MS)
    assert await tasks.known_execution_ids(task) == {new_execution.id, ignored.id}
    assert await executions.list_of_task(task, started_since_ms=0) == [new_execution]


async def test_ignored_execution_stays_known_while_datasync_may_list_it(table):
    task = a_task_id()
    await DynamoTaskStore(table).ignore(task, an_execution().id, started_at_ms=START_MS)
    (item,) = await table.items(
        {"KeyConditionExpression": "pk = :task", "ExpressionAttributeValues": {":task": {"S": task}}}
    )
    assert int(item["expires_at"]["N"]) > START_MS // 1000 + 30 * 86_400


async def test_new_task_has_no_known_executions(tasks):
    assert await tasks.known_execution_ids(a_task_id()) == frozenset()
