"""What became of an execution's files before: read along with a walk over them."""

from collections import deque

from service.domain.execution import Outcome
from service.domain.names import ExecutionId
from service.domain.records import Outcomes
from service.ports import OutcomeLog

PAGE = 100


class Past:
    """The outcomes that are stored of one execution. One walk's worth: paths only ever grow."""

    def __init__(self, outcomes: OutcomeLog, execution: ExecutionId) -> None:
        self._log = outcomes
        self._execution = execution
        self._stretches = deque[Outcomes]()
        self._named: dict[str, Outcome] = {}
        self._exhausted = False

    async def of(self, path: str) -> Outcome | None:
        """What became of a file that the execution verified; None when that was never decided."""
        if not self._stretches or self._stretches[0].upto < path:
            await self._go_on(path)
        return self._named.get(path, self._stretches[0].most) if self._stretches else None

    async def _go_on(self, path: str) -> None:
        """Go to the stretch that holds the path."""
        while self._stretches and self._stretches[0].upto < path:
            self._stretches.popleft()
        if not self._stretches and not self._exhausted:
            self._stretches.extend(await self._log.read(self._execution, start=path, limit=PAGE))
            self._exhausted = not self._stretches
        others = self._stretches[0].others if self._stretches else {}
        self._named = {named: outcome for outcome, paths in others.items() for named in paths}
