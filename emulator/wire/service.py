"""One AWS service behind its model: a request is judged, carried out, and answered or refused."""

import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from emulator.errors import ApiError, internal
from emulator.wire.model import Judge

Operation = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Service:
    """The operations of a service.

    `before` may refuse any of them by raising ApiError; `changed` is called after each that may have changed something.
    """

    def __init__(
        self,
        judge: Judge,
        operations: Mapping[str, Operation],
        before: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        self._judge = judge
        self._operations = operations
        self._before = before
        self._changed = changed

    async def call(self, operation: str, payload: Any) -> dict[str, Any]:  # noqa: ANN401 - because it is untrusted
        """The members of the answer. Raises nothing but ApiError; a defect in here becomes the service's own 500."""
        self._before(operation)
        fields = self._judge.accept(operation, payload)
        if operation not in self._operations:
            raise ApiError("UnknownOperationException", f"{operation} is not emulated")
        try:
            answer = await self._operations[operation](fields)
        except ApiError:
            raise
        except Exception as error:
            traceback.print_exc()
            raise internal(repr(error)) from error
        if not operation.startswith(("Describe", "List", "Get", "Filter")):
            self._changed()
        return answer
