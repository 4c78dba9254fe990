"""A reader of an execution's stored outcomes, in path order."""

from collections import deque

from service.domain.execution import Outcome
from service.domain.names import ExecutionId
from service.domain.port_types import OutcomeRange
from service.ports import OutcomeStore

_RANGES_PER_READ = 100


class OutcomeReader:
    """The reader of one execution's stored outcomes. Ask for paths in ascending order; each range is read once."""

    def __init__(self, outcomes: OutcomeStore, execution_id: ExecutionId) -> None:
        self._outcomes = outcomes
        self._execution_id = execution_id
        self._ranges = deque[OutcomeRange]()
        self._exceptions: dict[str, Outcome] = {}
        self._exhausted = False

    async def outcome_of(self, path: str) -> Outcome | None:
        """Return the outcome of a file that the execution verified; None if it was not decided yet."""
        if not self._ranges or self._ranges[0].last_path < path:
            await self._advance_to(path)
        return self._exceptions.get(path, self._ranges[0].default) if self._ranges else None

    async def _advance_to(self, path: str) -> None:
        """Make the range that holds the path the first one."""
        while self._ranges and self._ranges[0].last_path < path:
            self._ranges.popleft()
        if not self._ranges and not self._exhausted:
            self._ranges.extend(await self._outcomes.read(self._execution_id, start=path, limit=_RANGES_PER_READ))
            self._exhausted = not self._ranges
        exceptions = self._ranges[0].exceptions if self._ranges else {}
        self._exceptions = {path: outcome for outcome, paths in exceptions.items() for path in paths}
