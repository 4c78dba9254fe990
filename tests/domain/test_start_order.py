from service.domain.phases import Phase
from service.domain.port_types import ExecutionEntry, Lease
from service.domain.start_order import has_older_active, older_than, start_order
from tests.domain.examples import START_MS, an_execution

FIRST, SECOND, THIRD = (an_execution(number) for number in (1, 2, 3))
PUBLISHED = {"phase": Phase.PUBLISHED}


def entry_of(execution):
    """Return the index entry of an execution."""
    lease = Lease(execution.id, None, 0, 0)
    return ExecutionEntry(
        execution.id, execution.task_id, execution.phase, execution.started_at_ms, execution.ended_at_ms, lease
    )


def of_another_task(execution):
    return entry_of(execution)._replace(task_id="task-0another")


def test_executions_are_ordered_by_start_time():
    assert sorted([THIRD, FIRST, SECOND], key=start_order) == [FIRST, SECOND, THIRD]


def test_executions_that_started_at_the_same_time_are_ordered_by_id():
    same_start = [an_execution(number, started_at_ms=START_MS) for number in (3, 1, 2)]
    assert [e.id[-1] for e in sorted(same_start, key=start_order)] == ["1", "2", "3"]


def test_record_and_index_entry_of_an_execution_have_the_same_order():
    assert start_order(entry_of(SECOND)) == start_order(SECOND)
    assert older_than(entry_of(SECOND), [FIRST, SECOND, THIRD]) == [FIRST]


def test_only_executions_that_started_earlier_are_older():
    assert older_than(THIRD, [SECOND, THIRD, FIRST]) == [SECOND, FIRST]
    assert older_than(FIRST, [SECOND, THIRD, FIRST]) == []


def test_execution_that_started_at_the_same_time_is_older_if_its_id_is_smaller():
    first, second = (an_execution(number, started_at_ms=START_MS) for number in (1, 2))
    assert older_than(second, [first, second]) == [first]
    assert older_than(first, [first, second]) == []


def test_executions_of_another_task_are_not_older():
    assert older_than(SECOND, [of_another_task(FIRST)]) == []


def test_older_active_execution_is_found_in_every_active_phase_and_in_no_other():
    phases = {phase for phase in Phase if has_older_active(SECOND, [an_execution(1, phase=phase)])}
    assert phases == {Phase.FOLLOWING, Phase.SEALING, Phase.PUBLISHING}


def test_only_an_older_execution_of_the_same_task_counts_as_older_and_active():
    assert not has_older_active(SECOND, [])
    assert not has_older_active(SECOND, [an_execution(1, **PUBLISHED), SECOND, THIRD, of_another_task(FIRST)])
    assert has_older_active(SECOND, [an_execution(0, **PUBLISHED), FIRST])
