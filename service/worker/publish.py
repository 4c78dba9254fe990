"""Publish a sealed execution: walk, decide, look up, send, and only then move the cursor.

A tick that fails leaves its chunk as it is, so that the next one sends what is still pending and nothing else.
"""

from collections.abc import Sequence
from dataclasses import replace

from service.domain.errors import Absent, Denied, Rejected, Trouble
from service.domain.execution import Execution, Outcome, Publishing
from service.domain.freshness import Saying
from service.domain.names import ExecutionId
from service.domain.phases import OPEN, Event, Phase, Reason
from service.domain.plan import order
from service.domain.reports import Report, Sent, Tick
from service.ports import Ports
from service.worker.chunk import Chunk, advanced, settle, sort_out, stretches
from service.worker.lease import Keeper
from service.worker.past import Past
from service.worker.planning import Planner
from service.worker.progress import Progress
from service.worker.seal import moved
from service.worker.send import Sender
from service.worker.terms import Clock, Terms
from service.worker.walk import Walk


class Publisher:
    """Publishes one execution, a chunk at each tick."""

    def __init__(self, ports: Ports, keeper: Keeper, terms: Terms, clock: Clock) -> None:
        self._ports = ports
        self._keeper = keeper
        self._planner = Planner(ports, clock)
        self._sender = Sender(ports.queue, keeper)
        self._terms = terms
        self._now_ms = clock.now_ms
        self._progress: Progress | None = None

    async def tick(self, execution: Execution) -> tuple[Execution, Tick]:
        """Plan, or send the next chunk, or, behind the last one, finish."""
        publishing = execution.publishing
        if publishing is None:
            return await self._plan(execution)
        progress = self._progress or await self._begin(execution, publishing)
        if progress is None:
            return await self._plan(execution)
        if progress.chunk is None:
            self._progress = None  # Until the chunk stands: what fails before that begins again behind the cursor.
            files = await progress.next_files()
            if not files:
                return await self._finish(execution, publishing)
            try:
                progress.chunk = await self._decide(progress, publishing, files)
            except (Denied, Absent) as trouble:
                reason = Reason.ACCESS_DENIED if isinstance(trouble, Denied) else Reason.BUCKET_NOT_FOUND
                return await self._hold(execution, reason)
            self._progress = progress
        # After a save whose answer was lost, the cursor may be further than this worker believed.
        progress.chunk.forget([path for path in progress.chunk.paths if path <= publishing.cursor])
        return await self._send(execution, publishing, progress.chunk)

    async def _plan(self, execution: Execution) -> tuple[Execution, Tick]:
        planned = await self._planner.plan(execution)
        if planned is None:
            return execution, Tick((), self._terms.poll_s)
        return await self._save(replace(execution, publishing=planned)), Tick()

    async def _begin(self, execution: Execution, publishing: Publishing) -> Progress | None:
        """The way behind the cursor; None when the plan does not stand, so that another one must be made.

        It does not when it was given up at a release, when a source has outlived its retention, or when an older one
        was released while the plan was made. One that is released from now on finds the plan and leaves it its files.
        """
        known = [await self._ports.executions.get(source.execution_id) for source in publishing.sources]
        sources = [source for source in known if source is not None]
        released = [source for source in sources if order(source) < order(execution) and source.phase in OPEN]
        if released or not sources or len(sources) < len(known):
            return None
        walk = Walk(self._ports.facts, sources, after=publishing.cursor)
        pasts = {
            place: Past(self._ports.outcomes, source.execution_id)
            for place, source in enumerate(publishing.sources)
            if source.execution_id != execution.name.execution_id
        }
        return Progress(sources, walk, pasts)

    async def _decide(
        self, progress: Progress, publishing: Publishing, files: Sequence[tuple[str, Sequence[Saying]]]
    ) -> Chunk:
        chunk, candidates = sort_out(files, publishing, progress.executions)
        found = await progress.look_up(self._ports.objects, candidates) if self._terms.policy.check_s3 else None
        settle(chunk, candidates, found, publish_unchanged=self._terms.publish_unchanged, ahead=publishing.ahead)
        return chunk

    async def _send(self, execution: Execution, publishing: Publishing, chunk: Chunk) -> tuple[Execution, Tick]:
        """Send what is pending, and store how far that came even when it did not come to the end."""
        pending = len(chunk.pending)
        trouble = await self._sender.send(execution.name.execution_id, chunk)
        settled = chunk.settled()
        try:
            after = await self._store(execution, publishing, chunk, settled)
        except Trouble as failure:
            return execution, Tick(trouble=failure, unsaved=bool(chunk.acknowledged))
        report = Sent(
            name=execution.name,
            messages=pending - len(chunk.pending),
            outcomes=chunk.counts(settled),
            failed=chunk.failures(settled),
            cursor=settled[-1] if settled else publishing.cursor,
        )
        chunk.forget(settled)
        if not chunk.paths and self._progress is not None:
            self._progress.chunk = None
        if isinstance(trouble, Rejected):
            held, tick = await self._hold(after, Reason.MESSAGE_REJECTED)
            return held, tick._replace(reports=[report, *tick.reports])
        return after, Tick([report], trouble=trouble)

    async def _store(
        self, execution: Execution, publishing: Publishing, chunk: Chunk, settled: Sequence[str]
    ) -> Execution:
        """Store the outcomes of a settled beginning, then the cursor behind it."""
        for name, stretch in stretches(chunk, settled).items():
            await self._ports.outcomes.write(name, stretch, expires_at_s=execution.expires_at_s)
        return await self._save(replace(execution, publishing=advanced(publishing, chunk, settled)))

    async def _finish(self, execution: Execution, publishing: Publishing) -> tuple[Execution, Tick]:
        """Settle the carried executions, then the execution itself: each step may be repeated."""
        now_ms = self._now_ms()
        reports: list[Report] = []
        for source in publishing.sources:
            if source.publishes and source.execution_id != execution.name.execution_id:
                reports += await self._take_along(source.execution_id, publishing, now_ms)
        outcomes = publishing.outcomes.get(execution.name.execution_id, {})
        reason = Reason.FILES_MISSING if outcomes.get(Outcome.MISSING) else execution.reason
        published_at_ms = execution.published_at_ms or now_ms
        sent = replace(execution.on(Event.SENT, reason), outcomes=outcomes, published_at_ms=published_at_ms)
        return await self._save(sent), Tick([*reports, moved(execution, sent)])

    async def _take_along(self, execution_id: ExecutionId, publishing: Publishing, now_ms: int) -> list[Report]:
        carried = await self._ports.executions.get(execution_id)
        if carried is None or carried.phase is not Phase.CARRIED:
            return []  # Done before a crash, or gone with its retention.
        after = replace(
            carried.on(Event.TAKEN_ALONG, Reason.CARRIED),
            outcomes=publishing.outcomes.get(execution_id, {}),
            published_at_ms=now_ms,
        )
        await self._ports.executions.move(after, Phase.CARRIED)
        return [moved(carried, after)]

    async def _hold(self, execution: Execution, reason: Reason) -> tuple[Execution, Tick]:
        self._progress = None
        held = await self._save(execution.on(Event.HOLD, reason))
        return held, Tick([moved(execution, held)])

    async def _save(self, execution: Execution) -> Execution:
        await self._ports.executions.save(execution, self._keeper.lease(execution.name.execution_id))
        return execution
