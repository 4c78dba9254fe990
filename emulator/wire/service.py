"""One AWS service behind its model: a request is judged, carried out, and answered or refused."""

import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from emulator.errors import ApiError
from emulator.wire.model import Judge

Operation = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
Before = Callable[[str], None]


class Service:
    """The operations of a service; `before` may refuse any of them by raising ApiError."""

    def __init__(self, judge: Judge, operations: Mapping[str, Operation], failure: str, before: Before) -> None:
        self._judge = judge
        self._operations = operations
        self._failure = failure
        self._before = before

    async def call(self, operation: str, payload: Any) -> dict[str, Any]:  # noqa: ANN401 - because it is untrusted
        """The members of the answer. Raises nothing but ApiError; a defect in here becomes the service's own 500."""
        self._before(operation)
        fields = self._judge.accept(operation, payload)
        if operation not in self._operations:
            raise ApiError("UnknownOperationException", f"{operation} is not emulated")
        try:
            return await self._operations[operation](fields)
        except ApiError:
            raise
        except Exception as error:
            traceback.print_exc()
            raise ApiError(self._failure, repr(error), 500) from error
