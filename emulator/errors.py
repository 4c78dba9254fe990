"""Errors that an operation returns to its caller."""

from typing import Any


class ApiError(Exception):
    """An error response: its code (`__type`), HTTP status and members."""

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:  # noqa: ANN401  (the service's model defines the members)
        super().__init__(message)
        self.code = code
        self.status = status
        self.members: dict[str, Any] = {"message": message, **members}


def invalid_request(message: str, error_code: str = "InvalidParameter") -> ApiError:
    """Return DataSync's error for any invalid request, unknown ARNs included: it has no ResourceNotFound."""
    return ApiError("InvalidRequestException", message, errorCode=error_code, datasyncErrorCode=error_code)


def internal(message: str) -> ApiError:
    """Return DataSync's error for its own failures, which SDKs retry."""
    return ApiError("InternalException", message, 500, errorCode="InternalError")
