"""The step of PUBLISHING: decide the next files, look them up, send them, and only then advance the cursor.

A replay is a publishing whose plan has one member and whose files are those that were published.
"""

from collections.abc import Callable
from dataclasses import replace

from service.domain.errors import AwsCallError
from service.domain.execution import Outcome, SendProgress
from service.domain.file_chunk import DecidedFiles, FileChunk, decided_files
from service.domain.names import ExecutionId
from service.domain.observations import ChunkSent, phase_changed
from service.domain.options import WorkerOptions
from service.domain.phases import Phase, PhaseEvent, Reason
from service.domain.reason_details import reason_detail
from service.leasing.leased_executions import LeasedExecution
from service.ports import ExecutionStore, OutcomeStore
from service.publishing.planner import Planner
from service.publishing.sender import Sender
from service.publishing.session import PublishSession, SessionFactory


class Publisher:
    """Publishes one execution, a chunk at each step. A step that fails keeps its chunk: the next one sends the rest.

    `has_unsaved_sends`: messages were acknowledged and that is not stored yet, so another worker would send them again.
    """

    def __init__(
        self,
        planner: Planner,
        sessions: SessionFactory,
        sender: Sender,
        outcomes: OutcomeStore,
        executions: ExecutionStore,
        options: WorkerOptions,
        *,
        now_ms: Callable[[], int],
    ) -> None:
        self.has_unsaved_sends = False
        self._planner = planner
        self._sessions = sessions
        self._sender = sender
        self._outcomes = outcomes
        self._executions = executions
        self._options = options
        self._now_ms = now_ms
        self._session: PublishSession | None = None

    async def publish(self, leased: LeasedExecution) -> float:
        """Plan, or send the next chunk, or complete the publishing. Return the pause in seconds."""
        session, self._session = self._session or await self._sessions.open(leased.current), None
        if session is None:
            return await self._plan(leased)
        if session.chunk is None and not await session.decide_next(leased.current):
            await self._complete(leased)
        elif session.chunk is not None:
            self._session = session  # From here on a failure keeps the chunk; before, it restarts from the cursor.
            if leased.is_resumed:
                await leased.confirm()  # Nothing is sent while the stored phase is HELD.
            await self._send(leased, session.chunk)
            if not session.chunk.paths:
                session.chunk = None
        return 0.0

    async def _plan(self, leased: LeasedExecution) -> float:
        new = await self._planner.plan(leased.current)
        if new is None:
            return self._options.poll_interval_s
        progress = leased.current.progress
        progress = SendProgress(progress.cursor, (*progress.acknowledged_ahead, *new.acknowledged))
        await leased.save(replace(leased.current, plan=new.plan, progress=progress))
        return 0.0

    async def _send(self, leased: LeasedExecution, chunk: FileChunk) -> None:
        """Send what is pending, and store how far that came even if it did not reach the end."""
        # If the answer to a save was lost, the stored cursor is further than this worker believed.
        cursor = leased.current.sending.cursor
        chunk.drop_stored([path for path in chunk.paths if path <= cursor])
        pending, failure = len(chunk.pending), None
        try:
            await self._sender.send(leased, chunk)
        except AwsCallError as error:
            failure = error
        self.has_unsaved_sends = bool(chunk.acknowledged)
        decided = decided_files(chunk, leased.current.sending)
        await self._store(leased, decided)
        self.has_unsaved_sends = False
        leased.observe(
            ChunkSent(
                ids=leased.current.ids,
                messages=pending - len(chunk.pending),
                outcomes={} if leased.current.replay.active else decided.total(),
                failed_files=0 if leased.current.replay.active else decided.failed,
                cursor=decided.progress.cursor,
            )
        )
        chunk.drop_stored(chunk.acknowledged_prefix())
        if failure is not None:
            raise failure

    async def _store(self, leased: LeasedExecution, decided: DecidedFiles) -> None:
        """Store the outcomes, then the cursor after them. A replay decides nothing again."""
        execution = leased.current
        if execution.replay.active:
            await leased.save(execution.with_sending(decided.progress))
            return
        for execution_id, outcomes in decided.ranges.items():
            await self._outcomes.write(execution_id, outcomes, expires_at_s=execution.expires_at_s)
        await leased.save(decided.add_to(execution))

    async def _complete(self, leased: LeasedExecution) -> None:
        """Mark the carried executions as published, then this one. Each step may be repeated after a crash."""
        execution = leased.current
        if execution.replay.active:
            done = execution.apply(PhaseEvent.ALL_SENT, execution.reason, execution.reason_detail)
            await leased.save(replace(done, replay=replace(execution.replay, active=False)))
            return
        now_ms = self._now_ms()
        for member in execution.plan.members if execution.plan else ():
            if member.publishes and member.execution_id != execution.id:
                await self._mark_carried_published(leased, member.execution_id, now_ms)
        missing = execution.outcome_counts.get(Outcome.MISSING, 0)
        reason = Reason.FILES_MISSING if missing else execution.reason
        done = execution.apply(PhaseEvent.ALL_SENT, reason, reason_detail(reason, execution))
        await leased.save(replace(done, published_at_ms=execution.published_at_ms or now_ms))

    async def _mark_carried_published(self, leased: LeasedExecution, carried_id: ExecutionId, now_ms: int) -> None:
        carried = await self._executions.get(carried_id)
        if carried is None or carried.phase is not Phase.CARRIED:
            return  # Done before a crash, or expired.
        published = replace(
            carried.apply(PhaseEvent.PUBLISHED_WITH_LATER, Reason.CARRIED, f"{leased.id} has published the files"),
            outcome_counts=leased.current.carried_outcome_counts.get(carried_id, {}),
            published_at_ms=now_ms,
        )
        await self._executions.transition_unowned(published, expected_phase=Phase.CARRIED)
        leased.observe(phase_changed(carried, published))
