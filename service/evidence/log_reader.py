"""The reader of an execution's status and log. Facts are stored before the checkpoint that follows them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from service.domain.errors import NotFoundError, RequestRejectedError
from service.domain.execution import Execution
from service.domain.execution_updates import has_expired_token, with_description, with_log_end_reached
from service.domain.facts import UnparsedReason
from service.domain.log_pass import LineCounts, StreamCheckpoint
from service.domain.observations import LogRead
from service.leasing.leased_executions import LeasedExecution
from service.parsing import MAX_SAMPLES, ParsedPage, parse_page
from service.ports import DataSync, FactStore, Logs

MAX_PAGES_PER_READ = 20


@dataclass(slots=True)
class _ReadStats:
    """The totals of one read."""

    pages: int = 0
    counts: LineCounts = field(default_factory=LineCounts)
    unparsed: Counter[UnparsedReason] = field(default_factory=Counter)
    samples: list[tuple[UnparsedReason, str]] = field(default_factory=list)

    def add(self, page: ParsedPage) -> None:
        self.pages += 1
        self.counts = self.counts.plus(page.counts)
        self.unparsed.update(page.unparsed)
        self.samples += page.samples[: MAX_SAMPLES - len(self.samples)]


class LogReader:
    """The reader of DataSync's description and log of one execution at a time."""

    def __init__(
        self, datasync: DataSync, logs: Logs, facts: FactStore, *, stream_prefix: str, now_ms: Callable[[], int]
    ) -> None:
        self._datasync = datasync
        self._logs = logs
        self._facts = facts
        self._stream_prefix = stream_prefix
        self._now_ms = now_ms

    async def describe(self, execution: Execution) -> Execution:
        """Return the execution as DataSync describes it now. Raise NotFoundError if DataSync has forgotten it."""
        description = await self._datasync.describe_execution(execution.ids.arn)
        return with_description(execution, description, now_ms=self._now_ms())

    async def read(self, leased: LeasedExecution) -> bool:
        """Read some pages, on from the checkpoints. Return whether all streams were read to their ends."""
        stats = _ReadStats()
        streams = await self._streams(leased.current)
        await self._restart_if_tokens_expired(leased)
        pass_number = leased.current.log_pass.number
        unread = list(streams)
        for _ in range(MAX_PAGES_PER_READ):
            if not unread:
                break
            at_end = await self._read_page(leased, unread[0], stats)
            if at_end:
                unread.pop(0)
            elif not leased.current.log_pass.checkpoints:
                unread = list(streams)  # The pass has restarted.
        if not unread:
            await self._note_end(leased, stats.counts.lines)
        leased.observe(
            LogRead(
                ids=leased.current.ids,
                task_mode=leased.current.task_mode,
                status=leased.current.status,
                pages=stats.pages,
                counts=stats.counts,
                unparsed=dict(stats.unparsed),
                samples=stats.samples,
                at_end=not unread,
                pass_number=pass_number,
            )
        )
        return not unread

    async def _streams(self, execution: Execution) -> Sequence[str]:
        if execution.log_group is None:
            return ()
        prefix = self._stream_prefix.format(task_id=execution.task_id, execution_id=execution.id)
        try:
            return await self._logs.list_streams(execution.log_group, prefix)
        except NotFoundError:
            return ()  # The group may be created with its first line.

    async def _restart_if_tokens_expired(self, leased: LeasedExecution) -> None:
        if has_expired_token(leased.current, now_ms=self._now_ms()):
            await self._restart_pass(leased)

    async def _restart_pass(self, leased: LeasedExecution) -> None:
        await leased.save(replace(leased.current, log_pass=leased.current.log_pass.restart_pass()))

    async def _read_page(self, leased: LeasedExecution, stream: str, stats: _ReadStats) -> bool:
        """Store the facts of one page, then its checkpoint. Return whether the stream is read to its end."""
        execution = leased.current
        checkpoint = execution.log_pass.checkpoints.get(stream)
        try:
            page = await self._logs.read_page(
                execution.log_group or "", stream, checkpoint.token if checkpoint else None
            )
        except RequestRejectedError:
            if checkpoint is None:
                raise
            await self._restart_pass(leased)
            return False
        except NotFoundError:
            return True  # Deleted since it was listed, and its lines with it.
        parsed = parse_page(execution.task_mode, page.events)
        stats.add(parsed)
        if parsed.facts:
            await self._facts.add(execution, parsed.facts)
        if checkpoint is None or checkpoint.token != page.token:
            log_pass = execution.log_pass
            checkpoints = {**log_pass.checkpoints, stream: StreamCheckpoint(page.token, self._now_ms())}
            log_pass = replace(log_pass, checkpoints=checkpoints, counts=log_pass.counts.plus(parsed.counts))
            await leased.save(replace(execution, log_pass=log_pass))
        return page.at_end

    async def _note_end(self, leased: LeasedExecution, lines: int) -> None:
        noted = with_log_end_reached(leased.current, lines, now_ms=self._now_ms())
        if noted is not leased.current:
            await leased.save(noted)
