"""Read-only queries about executions and their files, for the command line and HTTP."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from service.domain.execution import Execution
from service.domain.facts import MAX_PATH_BYTES
from service.domain.names import ExecutionId
from service.domain.phases import Phase
from service.domain.publish_plan import with_counts_of_later
from service.domain.views import CursorError, ExecutionFile, FilePage, FileState, execution_file
from service.files.fact_merge import FactMerge
from service.files.outcome_reader import OutcomeReader
from service.ports import ExecutionStore, FactStore, OutcomeStore, Overview

MAX_SCANNED = 20_000
"""The most files that one call scans, so that a filter for a rare state stays bounded."""


class Inspector:
    """The queries. They answer for every execution in the table, whichever worker processes it."""

    def __init__(
        self, overview: Overview, executions: ExecutionStore, facts: FactStore, outcomes: OutcomeStore
    ) -> None:
        self._overview = overview
        self._executions = executions
        self._facts = facts
        self._outcomes = outcomes

    async def latest(self, limit: int) -> Sequence[Execution]:
        """Return the executions that started last, newest first."""
        found = await self._overview.latest(limit)
        return [with_counts_of_later(execution, found) for execution in found]

    async def execution(self, execution_id: ExecutionId) -> Execution | None:
        """Return one execution; None if it is not known."""
        found = await self._executions.get(execution_id)
        if found is None or found.phase is not Phase.CARRIED:
            return found
        later = await self._executions.list_of_task(found.task_id, started_since_ms=found.started_at_ms)
        return with_counts_of_later(found, later)

    async def files(
        self,
        execution_id: ExecutionId,
        *,
        state: FileState | None = None,
        prefix: str = "/",
        limit: int,
        cursor: str | None = None,
    ) -> FilePage | None:
        """Return at most `limit` files whose path begins with `prefix` (`/dir/`), in order; None: no such execution.

        A page may be short or empty and still have a cursor, if few of many files are in that state. Raise
        CursorError.
        """
        execution = await self._executions.get(execution_id)
        if execution is None:
            return None
        first = prefix.removeprefix("/")
        if not _is_valid_path(first):
            return FilePage((), None)
        start = max(_largest_before_prefix(first), _path_of(cursor) if cursor is not None else "")
        merge = FactMerge(self._facts, [execution], after=start)
        outcomes = OutcomeReader(self._outcomes, execution_id)
        files: list[ExecutionFile] = []
        last, scanned = start, 0
        while batch := await merge.next_files():
            for path, evidence in batch:
                if path > first and not path.startswith(first):
                    return FilePage(files, None)
                if len(files) == limit or scanned == MAX_SCANNED:
                    return FilePage(files, _cursor(last))
                outcome = await outcomes.outcome_of(path) if evidence[0].verified else None
                file = execution_file(path, evidence[0], outcome)
                if file and path.startswith(first) and state in (None, file.state):
                    files.append(file)
                last, scanned = path, scanned + 1
        return FilePage(files, None)


def _cursor(path: str) -> str:
    return urlsafe_b64encode(path.encode()).decode().rstrip("=")


def _path_of(cursor: str) -> str:
    try:
        path = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        path = ""
    if not _is_valid_path(path) or _cursor(path) != cursor:
        raise CursorError("not a cursor")
    return path


def _is_valid_path(path: str) -> bool:
    """Return whether there can be facts about the path, or about paths that begin with it."""
    try:
        return len(path.encode()) <= MAX_PATH_BYTES
    except UnicodeEncodeError:
        return False


def _largest_before_prefix(prefix: str) -> str:
    """Return a path before all that begin with the prefix, with few paths or none between the two."""
    if not prefix:
        return ""
    last = ord(prefix[-1])
    before = prefix[:-1] + chr(0xD7FF if last == 0xE000 else max(last - 1, 0)) + chr(0x10FFFF)
    return before if last and len(before.encode()) <= MAX_PATH_BYTES else prefix[:-1]
