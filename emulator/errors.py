"""What an operation answers when it refuses."""

from typing import Any


class ApiError(Exception):
    """An answer that is an error: its code (`__type`), HTTP status and further members."""

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:  # noqa: ANN401 - because members are whatever the service's model names
        super().__init__(message)
        self.code = code
        self.status = status
        self.members: dict[str, Any] = {"message": message, **members}


def invalid_request(message: str, error_code: str = "InvalidParameter") -> ApiError:
    """DataSync's answer to whatever the caller did wrong, unknown ARNs included; there is no ResourceNotFound."""
    return ApiError("InvalidRequestException", message, errorCode=error_code, datasyncErrorCode=error_code)


def internal(message: str) -> ApiError:
    """DataSync's answer to its own failures; SDKs try again."""
    return ApiError("InternalException", message, 500, errorCode="InternalError")
