"""ports.Tasks."""

import pytest

from service.adapters.aws.executions import DynamoExecutions
from service.adapters.aws.tasks import DynamoTasks
from service.adapters.memory.table import MemoryExecutions, MemoryTasks
from service.domain.records import TaskRecord
from tests.contracts.examples import START_MS, a_task_id, an_execution


@pytest.fixture(params=["memory", "aws"])
def store(request):
    if request.param == "memory":
        executions = MemoryExecutions()
        return MemoryTasks(executions), executions
    rows = request.getfixturevalue("rows")
    return DynamoTasks(rows), DynamoExecutions(rows)


@pytest.fixture
def tasks(store):
    return store[0]


@pytest.fixture
def executions(store):
    return store[1]


async def test_a_task_is_remembered_as_first_seen(tasks):
    task = a_task_id()
    assert await tasks.remember(task, seen_at_ms=START_MS) == TaskRecord(task, START_MS)
    assert await tasks.remember(task, seen_at_ms=START_MS + 1) == TaskRecord(task, START_MS)


async def test_that_a_task_is_complete_is_remembered(tasks):
    task = a_task_id()
    await tasks.remember(task, seen_at_ms=START_MS)
    await tasks.complete(task)
    assert await tasks.remember(task, seen_at_ms=START_MS + 1) == TaskRecord(task, START_MS, is_complete=True)


async def test_the_latest_reconciled_start_stays(tasks):
    task = a_task_id()
    await tasks.remember(task, seen_at_ms=START_MS)
    for start_ms in (5, 9, 7):
        await tasks.reconcile(task, start_ms=start_ms)
    assert await tasks.remember(task, seen_at_ms=START_MS) == TaskRecord(task, START_MS, reconciled_start_ms=9)


async def test_known_are_the_registered_and_those_left_alone_of_this_task(tasks, executions):
    registered, alone, other = an_execution(), an_execution(), an_execution()
    task = registered.name.task_id
    await tasks.remember(task, seen_at_ms=START_MS)
    await executions.register(registered)
    await executions.register(other)
    for _ in range(2):
        await tasks.leave_alone(task, alone.name.execution_id, started_at_ms=START_MS)
    assert await tasks.known(task) == {registered.name.execution_id, alone.name.execution_id}
    assert await executions.of_task(task, since_ms=0) == [registered]


async def test_what_is_left_alone_stays_known_while_datasync_may_list_it(rows):
    task = a_task_id()
    await DynamoTasks(rows).leave_alone(task, an_execution().name.execution_id, started_at_ms=START_MS)
    (item,) = await rows.items(
        {"KeyConditionExpression": "pk = :task", "ExpressionAttributeValues": {":task": {"S": task}}}
    )
    assert int(item["expires_at"]["N"]) > START_MS // 1000 + 30 * 86_400


async def test_nothing_is_known_of_a_new_task(tasks):
    assert await tasks.known(a_task_id()) == frozenset()
