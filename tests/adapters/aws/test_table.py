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

from service.adapters.aws import table
from service.domain.errors import Rejected
from service.domain.execution import Execution
from service.domain.facts import Fact, FactKind
from service.domain.names import ExecutionName
from service.domain.records import Lease, Outcomes
from tests.contracts.examples import START_MS, an_execution

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLAIN = {
    str: TEXTS,
    int: st.integers(-(1 << 63), 1 << 64),
    bool: st.booleans(),
    NoneType: st.none(),
    ExecutionName: st.builds(lambda: an_execution().name),
}


def any_of(kind):
    """Values of a type as its annotations say, so that what is added to the domain is tried by itself."""
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
def test_any_execution_comes_back_from_its_row_as_it_was(execution):
    assert table.execution_from(table.execution_attributes(execution)) == execution


def test_a_record_with_fields_of_a_later_version_can_be_read():
    execution = an_execution()
    item = table.execution_attributes(execution)
    item["record"]["M"]["invented_later"] = {"S": "x"}
    item["record"]["M"]["reading"]["M"]["tally"]["M"]["invented_later"] = {"N": "1"}
    item["invented_later"] = {"NULL": True}
    assert table.execution_from(item) == execution


def test_a_record_with_a_word_of_a_later_version_is_rejected_by_name():
    execution = an_execution()
    item = table.execution_attributes(execution)
    item["record"]["M"]["phase"] = {"S": "LEVITATING"}
    with pytest.raises(Rejected, match=execution.name.execution_id):
        table.execution_from(item)


def test_waiting_begins_with_the_end_or_with_the_first_sight_of_it():
    execution = an_execution()
    assert "waiting_since_ms" not in table.execution_attributes(execution)
    seen = replace(execution, terminal_seen_at_ms=START_MS + 2)
    assert table.execution_attributes(seen)["waiting_since_ms"] == {"N": str(START_MS + 2)}
    ended = replace(seen, ended_at_ms=START_MS + 1)
    assert table.execution_attributes(ended)["waiting_since_ms"] == {"N": str(START_MS + 1)}


FACTS = st.builds(
    Fact,
    st.sampled_from(FactKind),
    TEXTS.filter(bool),
    st.none() | st.integers(0, 1 << 62),
    st.integers(0, 1 << 52),
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=table.MAX_DETAIL),
)


@given(FACTS)
def test_any_fact_comes_back_from_its_row_as_it_was(fact):
    assert table.fact_from(fact.kind, table.fact_item("pk", fact, table.number(1))) == fact


def test_an_explanation_is_cut_and_made_fit_for_dynamodb():
    fact = Fact(FactKind.FAILED, "a", None, 0, "x\ud800" * 9000)
    detail = table.fact_from(fact.kind, table.fact_item("pk", fact, table.number(1))).detail
    assert detail == "x?" * (table.MAX_DETAIL // 2)


@given(any_of(Outcomes))
def test_any_outcomes_come_back_from_their_row_as_they_were(outcomes):
    assert table.outcomes_from(table.outcomes_item("exec-1", outcomes, 1)) == outcomes


@given(st.integers(0, 10**14), st.integers(0, 10**14))
def test_a_tasks_executions_sort_by_their_start(one, other):
    keys = sorted([table.started_sk(one, "exec-f"), table.started_sk(other, "exec-0")])
    assert [int(key.split("#")[1]) for key in keys] == sorted([one, other])
    assert all(table.started_sk(min(one, other)) < key < table.STARTED_LAST for key in keys)


def test_rows_of_other_kinds_lie_outside_a_tasks_executions():
    assert table.ALONE < table.STARTED < table.STARTED_LAST < table.TASK


def test_a_row_without_a_lease_holds_a_free_one():
    assert table.lease_from("n", {}) == Lease("n", None, 0, 0)


def test_a_fraction_is_no_attribute():
    with pytest.raises(TypeError, match="float"):
        table.attribute(1.5)
