"""Errors of calls to AWS, named by what the caller does next.

AwsCallError
 ├─ TransientError        retry later: throttled, timed out, or the service failed
 ├─ ConflictError         read again and decide again: another writer was first
 ├─ NotFoundError         the named resource does not exist, or not yet
 ├─ CredentialsError      wait: credentials are missing, expired or not accepted yet
 ├─ AccessDeniedError     a person must grant a permission; retry slowly
 └─ RequestRejectedError  do not repeat this request: it will be refused each time
"""

from typing import ClassVar


class AwsCallError(Exception):
    """A call to AWS that failed. `operation` is `service.Operation`, `detail` one sentence for a person."""

    kind: ClassVar[str]
    """The `kind` of log lines and metric labels."""

    def __init__(self, operation: str, detail: str) -> None:
        super().__init__(f"{operation}: {detail}")
        self.operation = operation
        self.detail = detail


class TransientError(AwsCallError):
    """A call that was throttled, timed out, or failed in the service. Retry it."""

    kind = "transient"


class ConflictError(AwsCallError):
    """A conditional write found another state than the expected one. Nothing was written."""

    kind = "conflict"


class NotFoundError(AwsCallError):
    """A call whose named resource does not exist, or not yet."""

    kind = "not_found"


class CredentialsError(AwsCallError):
    """A call without valid credentials: they are missing, have expired, or are not accepted yet."""

    kind = "credentials"


class AccessDeniedError(AwsCallError):
    """A call that the credentials, although valid, do not allow."""

    kind = "access_denied"


class RequestRejectedError(AwsCallError):
    """A call whose request is itself invalid and will be refused each time."""

    kind = "rejected"


ERROR_KINDS: dict[str, type[AwsCallError]] = {
    error.kind: error
    for error in (
        TransientError,
        ConflictError,
        NotFoundError,
        CredentialsError,
        AccessDeniedError,
        RequestRejectedError,
    )
}
"""Every error class by its kind."""
