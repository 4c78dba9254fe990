"""The step of PUBLISHING: plan, decide the next files, send them, and only then advance the cursor.

A replay is a publishing whose plan has one member and whose files are those that were published.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from service.domain.errors import AwsCallError
from service.domain.execution import Execution
from service.domain.file_chunk import FileChunk, decided_files
from service.domain.observations import ChunkSent, Observation
from service.domain.phases import Phase
from service.domain.publish_plan import carried_members, completed, published_with_later
from service.leasing.leased_executions import LeasedExecution
from service.ports import ExecutionStore, OutcomeStore
from service.publishing.planner import Planner
from service.publishing.sender import Sender
from service.publishing.session import PublishSession, SessionFactory


class _Step(NamedTuple):
    """The result of a step: the execution to store (None: unchanged), and what to report and to raise after that."""

    execution: Execution | None
    observations: Sequence[Observation] = ()
    error: AwsCallError | None = None


class Publisher:
    """The publisher of one execution. Each step does one thing: plan, decide a chunk, send it, or finish.

    A failed step is repeated; a chunk that is sent in part keeps the rest. `has_unsaved_sends`: messages were
    acknowledged and that is not stored yet, so another worker would send them again.
    """

    def __init__(
        self,
        planner: Planner,
        sessions: SessionFactory,
        sender: Sender,
        outcomes: OutcomeStore,
        executions: ExecutionStore,
        *,
        poll_interval_s: float,
        now_ms: Callable[[], int],
    ) -> None:
        self.has_unsaved_sends = False
        self._planner = planner
        self._sessions = sessions
        self._sender = sender
        self._outcomes = outcomes
        self._executions = executions
        self._poll_interval_s = poll_interval_s
        self._now_ms = now_ms
        self._session: PublishSession | None = None

    async def publish(self, leased: LeasedExecution) -> float:
        """Do the next step, store its result, and return the pause before another one in seconds."""
        session, self._session = self._session or await self._sessions.open(leased.current), None
        if session is None:
            planned = await self._planner.plan(leased.current)
            if planned is None:
                return self._poll_interval_s
            await leased.save(planned)
            session = await self._sessions.open(planned) if leased.is_resumed else None
        if session is None:
            return 0.0
        if session.chunk is not None:
            self._session = session
            step, pause_s = await self._send(leased, session.chunk), 0.0
        elif await session.decide_next():
            self._session = session
            return 0.0  # An execution that is resumed is stored as such before anything is sent.
        else:
            step, pause_s = await self._complete(leased), 0.0
        if step.execution is not None:
            await leased.save(step.execution, *step.observations)
        session.drop_stored()
        self.has_unsaved_sends = False
        if step.error is not None:
            raise step.error
        return pause_s

    async def _send(self, leased: LeasedExecution, chunk: FileChunk) -> _Step:
        """Send what is pending, and store the outcomes of the acknowledged prefix, however far that is."""
        execution, failure = leased.current, None
        # If the answer to a save was lost, the stored cursor is further than this worker believed.
        chunk.drop_stored([path for path in chunk.paths if path <= execution.sending.cursor])
        pending, is_replay = len(chunk.pending), execution.replay.active
        try:
            await self._sender.send(leased, chunk)
        except AwsCallError as error:
            failure = error
        self.has_unsaved_sends = bool(chunk.acknowledged)
        decided = decided_files(chunk, execution.sending)
        for execution_id, outcomes in () if is_replay else decided.ranges.items():
            await self._outcomes.write(execution_id, outcomes, expires_at_s=execution.expires_at_s)
        sent = ChunkSent(
            ids=execution.ids,
            messages=pending - len(chunk.pending),
            outcomes={} if is_replay else decided.total(),
            failed_files=0 if is_replay else decided.failed,
            cursor=decided.progress.cursor,
        )
        return _Step(decided.add_to(execution), [sent], failure)

    async def _complete(self, leased: LeasedExecution) -> _Step:
        """Mark the carried executions as published, then this one. It may be repeated after a crash."""
        execution, now_ms = leased.current, self._now_ms()
        for carried_id in carried_members(execution):
            carried = await self._executions.get(carried_id)
            if carried is not None and carried.phase is Phase.CARRIED:  # Else done before a crash, or expired.
                published, observation = published_with_later(carried, execution, now_ms=now_ms)
                await self._executions.transition_unowned(published, expected_phase=Phase.CARRIED)
                leased.observe(observation)
        return _Step(completed(execution, now_ms=now_ms))
