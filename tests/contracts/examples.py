"""Executions to store, each with unique ids."""

import uuid

from service.domain.execution import Execution, S3Location
from service.domain.names import TaskMode, parse_execution_arn

DAY_MS = 86_400_000
START_MS = 1_790_000_000_000
NEVER_S = 4_000_000_000


def a_task_id():
    return f"task-{uuid.uuid4().hex[:17]}"


def an_execution(task=None, **changes):
    arn = f"arn:aws:datasync:eu-central-1:123456789012:task/{task or a_task_id()}"
    plain = {
        "ids": parse_execution_arn(f"{arn}/execution/exec-{uuid.uuid4().hex[:17]}"),
        "task_mode": TaskMode.BASIC,
        "verify_mode": "ONLY_FILES_TRANSFERRED",
        "log_level": "TRANSFER",
        "log_group": "/datasync",
        "location": S3Location("bucket", "prefix/"),
        "status": "TRANSFERRING",
        "started_at_ms": START_MS,
        "expires_at_s": NEVER_S,
    }
    return Execution(**{**plain, **changes})
