import builtins
import collections.abc
import types
import typing
from dataclasses import replace
from enum import Enum
from types import NoneType
from typing import get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.adapters.aws import items
from service.domain.errors import RequestRejectedError
from service.domain.execution import Execution
from service.domain.names import ExecutionIds
from service.domain.port_types import Lease, OutcomeRange
from tests.contracts.examples import START_MS, an_execution

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLAIN = {
    str: TEXTS,
    int: st.integers(-(1 << 63), 1 << 64),
    bool: st.booleans(),
    NoneType: st.none(),
    ExecutionIds: st.builds(lambda: an_execution().ids),
}


def any_of(kind):
    """Return a strategy for any type of the domain, built from its annotations, so new fields are covered."""
    arguments = get_args(kind)
    match get_origin(kind):
        case collections.abc.Mapping:
            values = st.dictionaries(*map(any_of, arguments), max_size=3)
        case collections.abc.Sequence:
            values = st.lists(any_of(arguments[0]), max_size=3)
        case builtins.tuple:
            values = st.lists(any_of(arguments[0]), max_size=3).map(tuple)
        case types.UnionType | typing.Union:
            values = st.one_of(*map(any_of, arguments))
        case _:
            values = PLAIN[kind] if kind in PLAIN else any_named(kind)
    return values


def any_named(kind):
    if isinstance(kind, typing.NewType):
        return any_of(kind.__supertype__)
    if issubclass(kind, Enum):
        return st.sampled_from(kind)
    return st.builds(kind, **{name: any_of(field) for name, field in typing.get_type_hints(kind).items()})


@given(any_of(Execution))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_execution_survives_its_item(execution):
    assert items.execution_from(items.execution_attributes(execution)) == execution


def test_record_with_fields_of_a_later_version_is_read():
    execution = an_execution()
    item = items.execution_attributes(execution)
    item["record"]["M"]["invented_later"] = {"S": "x"}
    item["record"]["M"]["log_pass"]["M"]["counts"]["M"]["invented_later"] = {"N": "1"}
    item["invented_later"] = {"NULL": True}
    assert items.execution_from(item) == execution


def test_record_with_a_value_of_a_later_version_is_rejected_with_its_execution():
    execution = an_execution()
    item = items.execution_attributes(execution)
    item["record"]["M"]["phase"] = {"S": "LEVITATING"}
    with pytest.raises(RequestRejectedError, match=execution.id):
        items.execution_from(item)


def test_end_attribute_is_datasyncs_end_or_the_time_at_which_it_was_first_seen():
    execution = an_execution()
    assert "ended_at_ms" not in items.execution_attributes(execution)
    seen = replace(execution, end_seen_at_ms=START_MS + 2)
    assert items.execution_attributes(seen)["ended_at_ms"] == {"N": str(START_MS + 2)}
    ended = replace(seen, ended_at_ms=START_MS + 1)
    assert items.execution_attributes(ended)["ended_at_ms"] == {"N": str(START_MS + 1)}


def test_retry_attribute_is_set_only_for_an_execution_that_is_retried():
    assert "retry_at_ms" not in items.execution_attributes(an_execution())
    assert items.execution_attributes(an_execution(retry_at_ms=START_MS))["retry_at_ms"] == {"N": str(START_MS)}


@given(any_of(OutcomeRange))
def test_outcome_range_survives_its_item(outcomes):
    assert items.outcomes_from(items.outcomes_item("exec-1", outcomes, 1)) == outcomes


@given(st.integers(0, 10**14), st.integers(0, 10**14))
def test_executions_of_a_task_sort_by_start(one, other):
    keys = sorted([items.started_sk(one, "exec-f"), items.started_sk(other, "exec-0")])
    assert [int(key.split("#")[1]) for key in keys] == sorted([one, other])
    assert all(items.started_sk(min(one, other)) < key < items.LAST_STARTED for key in keys)


def test_sort_keys_of_other_kinds_are_outside_a_tasks_executions():
    assert items.STARTED < items.LAST_STARTED < items.IGNORED < items.LAST_IGNORED < items.TASK


def test_item_without_lease_attributes_has_a_free_lease():
    assert items.lease_from("n", {}) == Lease("n", None, 0, 0)


def test_fraction_is_not_an_attribute():
    with pytest.raises(TypeError, match="float"):
        items.attribute(1.5)
