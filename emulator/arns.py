"""Names in AWS's formats: ARNs, identifiers, log streams."""

import secrets
from dataclasses import dataclass


def new_id(kind: str) -> str:
    """Return a new identifier such as `task-0123456789abcdef0`: the kind and 17 hexadecimal digits."""
    return f"{kind}-{secrets.token_hex(9)[:17]}"


@dataclass(frozen=True)
class ArnFactory:
    """Factory of the ARNs of one account in one Region."""

    region: str
    account_id: str

    def new_location(self) -> str:
        """Return the ARN of a new location."""
        return f"{self._datasync}:location/{new_id('loc')}"

    def new_task(self) -> str:
        """Return the ARN of a new task."""
        return f"{self._datasync}:task/{new_id('task')}"

    def log_group(self, name: str) -> str:
        """Return the ARN of a log group, without the trailing `:*`."""
        return f"arn:aws:logs:{self.region}:{self.account_id}:log-group:{name}"

    @property
    def _datasync(self) -> str:
        return f"arn:aws:datasync:{self.region}:{self.account_id}"


def new_execution(task_arn: str) -> str:
    """Return the ARN of a new execution of a task."""
    return f"{task_arn}/execution/{new_id('exec')}"


def last_id(arn: str) -> str:
    """Return the identifier at the end of an ARN: `loc-…`, `task-…`, `exec-…`."""
    return arn.rpartition("/")[2]


def task_of(execution_arn: str) -> str:
    """Return the ARN of the task of an execution."""
    return execution_arn.partition("/execution/")[0]


def stream_of(execution_arn: str) -> str:
    """Return the log stream of an execution, `task-…-exec-…`, as seen in a real Basic mode log."""
    return f"{last_id(task_of(execution_arn))}-{last_id(execution_arn)}"


def log_group_name(arn: str) -> str:
    """Return the name in a log group's ARN, which may end with `:*`."""
    return arn.partition(":log-group:")[2].removesuffix(":*")


def bucket_name(arn: str) -> str:
    """Return the `Bucket` argument for S3: the name in a bucket's ARN, or an access point's ARN unchanged."""
    return arn.partition(":::")[2] or arn
