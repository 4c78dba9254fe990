import ast
import re
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.error_policy import (
    MAX_PERMANENT_FAILURES,
    NOT_FOUND_PATIENCE_S,
    RESOURCE_OF,
    RETRIED_REASONS,
    TREATMENTS,
    Action,
    Resource,
    Treatment,
    blocks,
    held_retry_ms,
    hold_reason,
    treatment_of,
)
from service.domain.errors import ERROR_KINDS, AwsCallError
from service.domain.options import WorkerOptions
from service.domain.phases import Reason
from tests.domain.examples import MINUTE_MS, START_MS

SERVICE = Path(__file__).parents[2] / "service"

# The treatment of every error of every resource.

CELLS = {
    "retry": Treatment(Action.RETRY),
    "let-go": Treatment(Action.LET_GO),
    "repeated": Treatment(Action.HOLD_WHEN_REPEATED, Reason.INTERNAL_ERROR),
    "denied": Treatment(Action.HOLD_AFTER_DEADLINE, Reason.ACCESS_DENIED),
    "unknown": Treatment(Action.HOLD_AFTER_PATIENCE, Reason.EXECUTION_NOT_FOUND),
    "no-bucket": Treatment(Action.HOLD_NOW, Reason.BUCKET_NOT_FOUND),
    "bad-message": Treatment(Action.HOLD_NOW, Reason.MESSAGE_REJECTED),
}
"""The treatments that the cells of the matrix stand for."""

MATRIX = """
           | transient  conflict  not_found  credentials  access_denied  rejected
TABLE      | retry      let-go    retry      retry        retry          repeated
QUEUE      | retry      let-go    retry      retry        retry          bad-message
WAKE_QUEUE | retry      let-go    retry      retry        retry          repeated
TOPIC      | retry      let-go    retry      retry        retry          repeated
TASK_LIST  | retry      let-go    retry      retry        retry          repeated
EXECUTION  | retry      let-go    unknown    retry        denied         repeated
LOG        | retry      let-go    retry      retry        denied         repeated
BUCKET     | retry      let-go    no-bucket  retry        denied         repeated
"""
"""The treatment by resource (row) and kind of error (column)."""


def parsed_matrix():
    """Return the treatments by resource and kind. A row with too few or too many cells is an error."""
    header, *lines = [line.replace("|", " ").split() for line in MATRIX.strip().splitlines()]
    return {
        (Resource[row], kind): CELLS[cell] for row, *cells in lines for kind, cell in zip(header, cells, strict=True)
    }


EXPECTED = parsed_matrix()
PAIRS = list(product(Resource, ERROR_KINDS))


def operation_on(resource):
    return next(operation for operation, of in RESOURCE_OF.items() if of is resource)


def error_of(resource, kind):
    return ERROR_KINDS[kind](operation_on(resource), "a sentence")


def test_matrix_has_a_cell_for_every_resource_and_kind_of_error():
    assert sorted(EXPECTED) == sorted(PAIRS)


def test_every_named_treatment_is_in_the_matrix():
    assert set(EXPECTED.values()) == set(CELLS.values())


def test_table_in_the_code_has_no_other_rows_and_columns():
    assert sorted((resource, kind) for resource, row in TREATMENTS.items() for kind in row) == sorted(PAIRS)


@pytest.mark.parametrize(("resource", "kind"), PAIRS, ids=str)
def test_treatment_is_the_one_in_the_matrix(resource, kind):
    assert treatment_of(error_of(resource, kind)) == EXPECTED[resource, kind]


def test_error_that_is_not_a_call_to_aws_holds_the_execution_when_repeated():
    assert treatment_of(KeyError("a bug")) == CELLS["repeated"]


@pytest.mark.parametrize("treatment", list(CELLS.values()), ids=list(CELLS))
def test_treatment_has_a_reason_if_it_may_hold_the_execution(treatment):
    assert (treatment.reason is None) is (treatment.action in (Action.RETRY, Action.LET_GO))


def test_own_resource_of_the_deployment_holds_an_execution_only_for_a_rejected_request():
    own = [Resource.TABLE, Resource.QUEUE, Resource.WAKE_QUEUE, Resource.TOPIC, Resource.TASK_LIST]
    assert {kind for (resource, kind), cell in EXPECTED.items() if resource in own and cell.reason} == {"rejected"}


# The resource of every operation.

OPERATIONS_OF_INIT = {
    "dynamodb.CreateTable",
    "dynamodb.DescribeTimeToLive",
    "dynamodb.UpdateContinuousBackups",
    "dynamodb.UpdateTimeToLive",
    "sqs.CreateQueue",
    "sqs.GetQueueUrl",
}
"""The operations that `init` calls and a worker does not."""

NOT_CALLS_TO_AWS = {"'aws.session'", "f'{service}.client'"}
"""The names under which the creation of the SDK's clients fails, before a worker starts."""

TRANSLATORS = {"translate_errors", "_translate_not_found"}


def syntax_trees():
    return [ast.parse(path.read_text()) for path in SERVICE.rglob("*.py") if path.name != "error_policy.py"]


def strings_named_like_operations():
    """Return every string in the service's code, constants included, that is named like `service.Operation`."""
    nodes = (node for tree in syntax_trees() for node in ast.walk(tree))
    strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {string for string in strings if re.fullmatch(r"[a-z0-9]+\.[A-Z][A-Za-z0-9]+", string)}


def translated_operations():
    """Return the first argument of every call that translates errors, as source text; names are resolved."""
    found = set()
    for tree in syntax_trees():
        values: dict[str, set[str]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                values.setdefault(node.targets[0].id, set()).add(ast.unparse(node.value))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TRANSLATORS:
                argument = ast.unparse(node.args[0])
                found |= values.get(argument, {argument})
    return found


def test_every_operation_of_a_worker_has_a_resource_and_no_other_has_one():
    assert strings_named_like_operations() - OPERATIONS_OF_INIT == set(RESOURCE_OF)


def test_every_translated_operation_is_named_by_a_constant():
    literals = {repr(operation) for operation in RESOURCE_OF.keys() | OPERATIONS_OF_INIT}
    # The translators pass on the operation that they were called with.
    assert translated_operations() - literals == NOT_CALLS_TO_AWS | {"operation"}


# Holding.

OPTIONS = WorkerOptions(seal_deadline_s=900)


@pytest.mark.parametrize(
    ("action", "blocked_s", "permanent_failures", "holds"),
    [
        (Action.RETRY, 1e9, 1000, False),
        (Action.LET_GO, 1e9, 1000, False),
        (Action.HOLD_NOW, 0, 0, True),
        (Action.HOLD_AFTER_PATIENCE, NOT_FOUND_PATIENCE_S - 0.001, 1000, False),
        (Action.HOLD_AFTER_PATIENCE, NOT_FOUND_PATIENCE_S, 0, True),
        (Action.HOLD_AFTER_DEADLINE, OPTIONS.seal_deadline_s - 0.001, 1000, False),
        (Action.HOLD_AFTER_DEADLINE, OPTIONS.seal_deadline_s, 0, True),
        (Action.HOLD_WHEN_REPEATED, 1e9, MAX_PERMANENT_FAILURES - 1, False),
        (Action.HOLD_WHEN_REPEATED, 0, MAX_PERMANENT_FAILURES, True),
    ],
)
def test_execution_is_held_once_the_limit_of_the_action_is_reached(action, blocked_s, permanent_failures, holds):
    treatment = Treatment(action, Reason.INTERNAL_ERROR)
    reason = hold_reason(
        treatment,
        seal_deadline_s=OPTIONS.seal_deadline_s,
        blocked_s=blocked_s,
        permanent_failures=permanent_failures,
    )
    assert reason is (Reason.INTERNAL_ERROR if holds else None)


@pytest.mark.parametrize("action", Action)
def test_hold_reason_decides_about_every_action(action):
    reason = hold_reason(
        Treatment(action, Reason.INTERNAL_ERROR), seal_deadline_s=1, blocked_s=1e9, permanent_failures=1000
    )
    assert (reason is None) is (action in (Action.RETRY, Action.LET_GO))


def test_limits_are_the_documented_ones():
    assert (NOT_FOUND_PATIENCE_S, MAX_PERMANENT_FAILURES) == (300, 5)


# Retries of held executions.


@pytest.mark.parametrize(
    ("blocked_minutes", "pause_s"), [(0, 60), (4, 60), (8, 120), (16, 240), (32, 480), (60, 900), (10_000, 900)]
)
@pytest.mark.parametrize("reason", sorted(RETRIED_REASONS))
def test_pause_before_a_retry_grows_from_one_to_fifteen_minutes(reason, blocked_minutes, pause_s):
    now_ms = START_MS + blocked_minutes * MINUTE_MS
    assert held_retry_ms(reason, blocked_since_ms=START_MS, now_ms=now_ms) == now_ms + pause_s * 1000


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_pause_never_shrinks(earlier_ms, more_ms):
    def pause_ms(elapsed_ms):
        return held_retry_ms(Reason.ACCESS_DENIED, blocked_since_ms=0, now_ms=elapsed_ms) - elapsed_ms

    assert 60_000 <= pause_ms(earlier_ms) <= pause_ms(earlier_ms + more_ms) <= 900_000


def test_only_executions_without_access_or_unknown_to_datasync_are_retried():
    retried = {reason for reason in Reason if held_retry_ms(reason, blocked_since_ms=0, now_ms=0) is not None}
    assert retried == {Reason.ACCESS_DENIED, Reason.EXECUTION_NOT_FOUND} == RETRIED_REASONS


# Errors that are shown with the execution.


@pytest.mark.parametrize(("resource", "kind"), PAIRS, ids=str)
def test_error_is_shown_if_it_may_last_and_can_be_stored(resource, kind):
    lasting = {"not_found", "credentials", "access_denied", "rejected"}
    if resource is Resource.TABLE:
        lasting = {"access_denied", "rejected"}
    assert blocks(error_of(resource, kind)) is (kind in lasting)


@pytest.mark.parametrize("kind", ERROR_KINDS)
@pytest.mark.parametrize("operation", ["GetItem", "TransactWriteItems", "UpdateItem"])
def test_error_of_the_execution_s_own_item_is_not_shown(operation, kind):
    assert not blocks(ERROR_KINDS[kind](f"dynamodb.{operation}", "no"))


def test_error_that_is_not_a_call_to_aws_is_not_shown():
    assert not blocks(ValueError("a bug"))


def test_every_error_class_has_a_kind():
    assert {error: error.kind for error in AwsCallError.__subclasses__()} == {e: k for k, e in ERROR_KINDS.items()}
