"""Look at executions and their files without touching them: what the command line and the HTTP paths show."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from service.domain.execution import Execution, Outcome
from service.domain.facts import MAX_PATH_BYTES, FactKind
from service.domain.names import ExecutionId
from service.domain.records import Outcomes
from service.domain.views import CursorError, File, FilePage, FileState, file_of
from service.ports import Executions, Facts, OutcomeLog, Overview
from service.worker.together import together
from service.worker.walk import PAGE, Walk

MAX_LOOKED_AT = 20_000
"""Of so many files one call chooses at most, so that a rare state does not make it read a whole execution."""

_STRETCHES = 20


class Inspector:
    """Answers for every execution in the table, whoever works on it."""

    def __init__(self, overview: Overview, executions: Executions, facts: Facts, outcome_log: OutcomeLog) -> None:
        self._overview = overview
        self._executions = executions
        self._facts = facts
        self._outcome_log = outcome_log

    async def latest(self, limit: int) -> Sequence[Execution]:
        """The executions that started last, newest first."""
        return await self._overview.latest(limit)

    async def execution(self, execution_id: ExecutionId) -> Execution | None:
        """One execution; None when it is not known."""
        return await self._executions.get(execution_id)

    async def files(
        self,
        execution_id: ExecutionId,
        *,
        state: FileState | None = None,
        prefix: str = "/",
        limit: int,
        cursor: str | None = None,
    ) -> FilePage | None:
        """At most `limit` files whose path begins with `prefix` (`/dir/`), in order; None: there is no such execution.

        There may be fewer, even none, and yet a cursor, when few of many files are in that state. Raises CursorError.
        """
        execution = await self._executions.get(execution_id)
        if execution is None:
            return None
        begin = prefix.removeprefix("/")
        if not _is_possible(begin):
            return FilePage((), None)
        start = max(_just_before(begin), _path_of(cursor) if cursor is not None else "")
        walk = Walk(self._facts, [execution], after=start)
        fates = _Fates(self._outcome_log, execution_id)
        files: list[File] = []
        last, looked_at = start, 0
        while batch := await walk.next():
            for path, sayings in batch:
                if path > begin and not path.startswith(begin):
                    return FilePage(await self._explained(execution, files, start), None)
                if len(files) == limit or looked_at == MAX_LOOKED_AT:
                    return FilePage(await self._explained(execution, files, start), _cursor(last))
                file = file_of(path, sayings[0], await fates.of(path) if sayings[0].verified else None)
                if file and path.startswith(begin) and state in (None, file.state):
                    files.append(file)
                last, looked_at = path, looked_at + 1
        return FilePage(await self._explained(execution, files, start), None)

    async def _explained(self, execution: Execution, files: list[File], start: str) -> list[File]:
        """Add to failed files what their log lines said. `start` is before the first file."""
        failed = [file.path for file in files if file.state is FileState.FAILED]
        if not failed:
            return files
        shards = range(execution.shards)
        details = dict(
            pair
            for pairs in await together(self._details(execution, shard, start, failed[-1]) for shard in shards)
            for pair in pairs
        )
        return [replace(file, reason=file.reason or details.get(file.path)) for file in files]

    async def _details(self, execution: Execution, shard: int, start: str, end: str) -> list[tuple[str, str | None]]:
        details: list[tuple[str, str | None]] = []
        while page := await self._facts.page(execution, FactKind.FAILED, shard, after=start, limit=PAGE):
            details += ((fact.path, fact.detail) for fact in page if fact.path <= end)
            start = page[-1].path
            if start >= end:
                break
        return details


@dataclass(slots=True)
class _Fates:
    """What became of an execution's verified files, asked for in the order of their paths."""

    outcome_log: OutcomeLog
    execution_id: ExecutionId
    stretches: list[Outcomes] = field(default_factory=list)
    exhausted: bool = False

    async def of(self, path: str) -> Outcome | None:
        """The outcome of a verified file; None when nothing has been decided so far down the execution."""
        self.stretches = [stretch for stretch in self.stretches if stretch.upto >= path]
        if not self.stretches and not self.exhausted:
            self.stretches = list(await self.outcome_log.read(self.execution_id, start=path, limit=_STRETCHES))
            self.exhausted = not self.stretches
        return self.stretches[0].of(path) if self.stretches else None


def _cursor(path: str) -> str:
    return urlsafe_b64encode(path.encode()).decode().rstrip("=")


def _path_of(cursor: str) -> str:
    try:
        path = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        path = ""
    if not _is_possible(path) or _cursor(path) != cursor:
        raise CursorError("not a cursor")
    return path


def _is_possible(path: str) -> bool:
    """Whether there can be facts about the path, or about paths that begin with it."""
    try:
        return len(path.encode()) <= MAX_PATH_BYTES
    except UnicodeEncodeError:
        return False


def _just_before(prefix: str) -> str:
    """A path with little or nothing between it and the first one that begins with the prefix, and before that one."""
    if not prefix:
        return ""
    last = ord(prefix[-1])
    before = prefix[:-1] + chr(0xD7FF if last == 0xE000 else max(last - 1, 0)) + chr(0x10FFFF)
    return before if last and len(before.encode()) <= MAX_PATH_BYTES else prefix[:-1]
