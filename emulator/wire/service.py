"""One AWS service: validates a request, runs the operation, returns its response or error."""

import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from emulator.errors import ApiError, internal
from emulator.wire.model import RequestValidator

Operation = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Service:
    """The operations of a service.

    `before_call` runs before each operation and may reject it by raising ApiError. `on_change` runs after each
    operation that may have changed something.
    """

    def __init__(
        self,
        validator: RequestValidator,
        operations: Mapping[str, Operation],
        before_call: Callable[[str], None],
        on_change: Callable[[], None],
    ) -> None:
        self._validator = validator
        self._operations = operations
        self._before_call = before_call
        self._on_change = on_change

    async def call(self, operation: str, payload: Any) -> dict[str, Any]:  # noqa: ANN401  (the value is untrusted input)
        """Return the members of the response. Raises only ApiError; a defect becomes the service's status 500."""
        self._before_call(operation)
        fields = self._validator.validate(operation, payload)
        if operation not in self._operations:
            raise ApiError("UnknownOperationException", f"{operation} is not emulated")
        try:
            response = await self._operations[operation](fields)
        except ApiError:
            raise
        except Exception as error:
            traceback.print_exc()
            raise internal(repr(error)) from error
        if not operation.startswith(("Describe", "List", "Get", "Filter")):
            self._on_change()
        return response
