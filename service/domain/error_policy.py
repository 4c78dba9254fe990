"""The treatment of every error of a call to AWS that an execution's step makes: one total table.

It rests on whose the resource is. Access to the deployment's own resources (table, queue) is the same for every
execution, so an outage, a missing permission or a missing resource there holds none of them. The same error of a task's
own resources holds that task's execution, so that the other tasks go on and a person sees which one does not.

A rejected request is different: it is about this execution's own content, whatever the resource. A message may be too
large for the queue, which a person can correct, so it holds at once. An item that the table rejects as too large or
invalid is a bug of this service in one execution's data, so it holds that execution when it is repeated, as other bugs
do.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from service.domain.errors import AwsCallError
from service.domain.phases import Reason

NOT_FOUND_PATIENCE_S = 300.0
"""Time for which an execution that DataSync does not know is asked for. One wrong answer must not end it."""

MAX_PERMANENT_FAILURES = 5
"""Failures that no retry can cure, with no success between them, after which the execution is held."""

RETRIED_REASONS = frozenset({Reason.ACCESS_DENIED, Reason.EXECUTION_NOT_FOUND})
"""The reasons of HELD executions that are retried without a person."""

_MIN_RETRY_S = 60.0
_MAX_RETRY_S = 900.0


class Resource(StrEnum):
    """The kinds of resources that operations act on."""

    TABLE = "the deployment's table"
    QUEUE = "the deployment's queue"
    WAKE_QUEUE = "the deployment's wake queue"
    TOPIC = "the deployment's notification topic"
    TASK_LIST = "the account's tasks"
    EXECUTION = "a task's execution"
    LOG = "a task's log group"
    BUCKET = "a task's bucket"


RESOURCE_OF: Mapping[str, Resource] = MappingProxyType(
    {
        f"{service}.{operation}": resource
        for (service, resource), operations in {
            ("datasync", Resource.TASK_LIST): "ListTasks ListTagsForResource",
            ("datasync", Resource.EXECUTION): """
                DescribeLocationS3 DescribeTask DescribeTaskExecution ListTaskExecutions
            """,
            ("logs", Resource.LOG): "DescribeLogStreams GetLogEvents",
            ("dynamodb", Resource.TABLE): """
                BatchGetItem BatchWriteItem DeleteItem DescribeTable GetItem PutItem Query TransactWriteItems
                UpdateItem
            """,
            ("sqs", Resource.QUEUE): "GetQueueAttributes SendMessageBatch",
            ("sqs", Resource.WAKE_QUEUE): "DeleteMessageBatch ReceiveMessage",
            ("s3", Resource.BUCKET): "HeadBucket HeadObject ListObjectsV2",
            ("sns", Resource.TOPIC): "Publish",
        }.items()
        for operation in operations.split()
    },
)
"""Every operation that a worker calls, and the resource that it acts on."""


_EXECUTION_WRITES = frozenset({f"dynamodb.{name}" for name in ("GetItem", "TransactWriteItems", "UpdateItem")})


class Action(StrEnum):
    """The actions of a worker after an error."""

    RETRY = "retry with growing pauses"
    LET_GO = "stop working on the execution: another worker owns it"
    HOLD_NOW = "hold the execution"
    HOLD_AFTER_PATIENCE = "retry, and hold the execution after five minutes of refusals"
    HOLD_AFTER_DEADLINE = "retry, and hold the execution after TRIGGER_SEAL_DEADLINE_S of refusals"
    HOLD_WHEN_REPEATED = "retry, and hold the execution after five failures without a success"


class Treatment(NamedTuple):
    """The action after an error, and the reason with which it holds an execution."""

    action: Action
    reason: Reason | None = None


_RETRY = Treatment(Action.RETRY)
_LET_GO = Treatment(Action.LET_GO)
_REPEATED = Treatment(Action.HOLD_WHEN_REPEATED, Reason.INTERNAL_ERROR)
_DENIED = Treatment(Action.HOLD_AFTER_DEADLINE, Reason.ACCESS_DENIED)

_OWN_RESOURCE = {
    "transient": _RETRY,
    "conflict": _LET_GO,
    "not_found": _RETRY,
    "credentials": _RETRY,
    "access_denied": _RETRY,
    "rejected": _REPEATED,
}
_TASKS_RESOURCE = _OWN_RESOURCE | {"access_denied": _DENIED}

TREATMENTS: Mapping[Resource, Mapping[str, Treatment]] = MappingProxyType(
    {
        Resource.TABLE: _OWN_RESOURCE,
        Resource.QUEUE: _OWN_RESOURCE | {"rejected": Treatment(Action.HOLD_NOW, Reason.MESSAGE_REJECTED)},
        Resource.WAKE_QUEUE: _OWN_RESOURCE,
        Resource.TOPIC: _OWN_RESOURCE,
        Resource.TASK_LIST: _OWN_RESOURCE,
        Resource.EXECUTION: _TASKS_RESOURCE
        | {"not_found": Treatment(Action.HOLD_AFTER_PATIENCE, Reason.EXECUTION_NOT_FOUND)},
        # A log group or stream that is not there yet is an empty log to the reader.
        Resource.LOG: _TASKS_RESOURCE,
        Resource.BUCKET: _TASKS_RESOURCE | {"not_found": Treatment(Action.HOLD_NOW, Reason.BUCKET_NOT_FOUND)},
    },
)
"""By resource and kind of error. Every pair is here."""


def treatment_of(error: Exception) -> Treatment:
    """Return the treatment of an error. One that is no AwsCallError is a bug of this service."""
    if not isinstance(error, AwsCallError):
        return _REPEATED
    return TREATMENTS[RESOURCE_OF[error.operation]][error.kind]


def blocks(error: Exception) -> bool:
    """Return whether the error is shown with the execution, because it may last until a person acts.

    A transient error is over before a person looks. What keeps the execution itself from being written cannot be
    stored with it.
    """
    if not isinstance(error, AwsCallError) or error.kind in ("transient", "conflict"):
        return False
    if RESOURCE_OF[error.operation] is Resource.TABLE:
        return error.kind in ("access_denied", "rejected") and error.operation not in _EXECUTION_WRITES
    return True


def hold_reason(
    treatment: Treatment, *, seal_deadline_s: float, blocked_s: float, permanent_failures: int = 0
) -> Reason | None:
    """Return the reason for which the execution must be held now; None to retry.

    `blocked_s` is the time since the first of the refusals, `permanent_failures` the number of failures that no retry
    can cure, both since the last step that succeeded.
    """
    due = {
        Action.RETRY: False,
        Action.LET_GO: False,
        Action.HOLD_NOW: True,
        Action.HOLD_AFTER_PATIENCE: blocked_s >= NOT_FOUND_PATIENCE_S,
        Action.HOLD_AFTER_DEADLINE: blocked_s >= seal_deadline_s,
        Action.HOLD_WHEN_REPEATED: permanent_failures >= MAX_PERMANENT_FAILURES,
    }
    return treatment.reason if due[treatment.action] else None


def held_retry_ms(reason: Reason, *, blocked_since_ms: int, now_ms: int) -> int | None:
    """Return when to retry a HELD execution, after growing pauses of one to fifteen minutes; None for never."""
    if reason not in RETRIED_REASONS:
        return None
    pause_s = min(max((now_ms - blocked_since_ms) / 4000, _MIN_RETRY_S), _MAX_RETRY_S)
    return now_ms + round(pause_s * 1000)
