"""Send an execution's published files once more, because a person asked for it."""

from collections.abc import Sequence
from dataclasses import replace

from service.domain.errors import Absent, Denied, Rejected, Trouble
from service.domain.execution import Execution, Outcome, Publishing, Source
from service.domain.freshness import Saying
from service.domain.phases import Event, Reason
from service.domain.records import Outcomes
from service.domain.reports import Sent, Tick
from service.ports import Ports
from service.worker.chunk import Chunk, settle, sort_out
from service.worker.lease import Keeper
from service.worker.progress import FILES_PER_CHUNK, Progress
from service.worker.seal import moved
from service.worker.send import Sender
from service.worker.terms import Terms
from service.worker.walk import Walk


class Replayer:
    """Replays one execution, a chunk at each tick: the same ids, and for a FIFO queue new deduplication ids."""

    def __init__(self, ports: Ports, keeper: Keeper, terms: Terms) -> None:
        self._ports = ports
        self._keeper = keeper
        self._sender = Sender(ports.queue, keeper)
        self._check_s3 = terms.policy.check_s3
        self._progress: Progress | None = None

    async def tick(self, execution: Execution) -> tuple[Execution, Tick]:
        """Send the next chunk, or, behind the last one, finish."""
        cursor = execution.replay.cursor
        progress = self._progress or Progress([execution], Walk(self._ports.facts, [execution], after=cursor))
        if progress.chunk is None:
            self._progress = None
            files = await progress.next_files()
            if not files:
                return await self._end(execution)
            try:
                progress.chunk = await self._decide(execution, progress, files)
            except Denied:
                return await self._hold(execution, Reason.ACCESS_DENIED)
            except Absent:
                return await self._hold(execution, Reason.BUCKET_NOT_FOUND)
        self._progress = progress
        progress.chunk.forget([path for path in progress.chunk.paths if path <= cursor])
        return await self._send(execution, progress, progress.chunk)

    async def _decide(
        self, execution: Execution, progress: Progress, files: Sequence[tuple[str, Sequence[Saying]]]
    ) -> Chunk:
        """Make the messages of those files that were published; what has left S3 since is passed over."""
        stretches = await self._ports.outcomes.read(
            execution.name.execution_id, start=files[0][0], limit=FILES_PER_CHUNK
        )
        published = [(path, sayings) for path, sayings in files if _was_published(path, stretches)]
        source = Source(execution.name.execution_id, execution.started_at_ms, publishes=True)
        since_ms = execution.publishing.fresh_since_ms if execution.publishing else None
        chunk, candidates = sort_out(published, Publishing((source,), since_ms), [execution])
        found = await progress.look_up(self._ports.objects, candidates) if self._check_s3 else None
        replay = execution.replay
        settle(chunk, candidates, found, publish_unchanged=True, ahead=replay.ahead, resend=replay.number)
        return chunk

    async def _send(self, execution: Execution, progress: Progress, chunk: Chunk) -> tuple[Execution, Tick]:
        pending = len(chunk.pending)
        trouble = await self._sender.send(execution.name.execution_id, chunk)
        settled = chunk.settled()
        cursor = settled[-1] if settled else execution.replay.cursor
        replay = replace(execution.replay, cursor=cursor, ahead=chunk.ahead(settled))
        try:
            after = await self._save(replace(execution, replay=replay))
        except Trouble as failure:
            return execution, Tick(trouble=failure, unsaved=bool(chunk.acknowledged))
        chunk.forget(settled)
        if not chunk.paths:
            progress.chunk = None
        report = Sent(execution.name, pending - len(chunk.pending), {}, 0, cursor)
        if isinstance(trouble, Rejected):
            held, tick = await self._hold(after, Reason.MESSAGE_REJECTED)
            return held, tick._replace(reports=[report, *tick.reports])
        return after, Tick([report], trouble=trouble)

    async def _end(self, execution: Execution) -> tuple[Execution, Tick]:
        replay = replace(execution.replay, under_way=False)
        after = await self._save(replace(execution.on(Event.SENT, execution.reason), replay=replay))
        return after, Tick([moved(execution, after)])

    async def _hold(self, execution: Execution, reason: Reason) -> tuple[Execution, Tick]:
        held = await self._save(execution.on(Event.HOLD, reason))
        return held, Tick([moved(execution, held)])

    async def _save(self, execution: Execution) -> Execution:
        await self._ports.executions.save(execution, self._keeper.lease(execution.name.execution_id))
        return execution


def _was_published(path: str, stretches: Sequence[Outcomes]) -> bool:
    stretch = next((stretch for stretch in stretches if path <= stretch.upto), None)
    return stretch is not None and stretch.of(path) is Outcome.PUBLISHED
