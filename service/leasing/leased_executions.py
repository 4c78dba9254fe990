"""An execution under this worker's lease: the only way in which a worker changes one."""

from collections.abc import Sequence
from dataclasses import replace

from service.domain.error_policy import blocks, held_retry_ms
from service.domain.errors import AwsCallError
from service.domain.execution import Execution
from service.domain.names import ExecutionId
from service.domain.observations import Observation, Observe, phase_changed
from service.domain.phases import RESUME_EVENTS, Phase, PhaseEvent, Reason
from service.domain.reason_details import reason_detail
from service.leasing.owned_leases import OwnedLeases
from service.ports import Clock, ExecutionStore


class LeasedExecution:
    """A handle for changes. `current` is the execution as last saved.

    Every change raises ConflictError, and stores nothing, unless this worker owns the lease. A transition that is
    stored is observed. A resumed execution stays HELD in the table until it is confirmed or stops being active.
    """

    def __init__(self, execution: Execution, store: "LeasedExecutions") -> None:
        self.current = execution
        self._stored = execution
        self._store = store
        self._unconfirmed: Sequence[Observation] = ()

    @property
    def id(self) -> ExecutionId:
        """The execution's id."""
        return self.current.id

    @property
    def is_resumed(self) -> bool:
        """Whether it goes on from HELD, and that is not stored yet."""
        return self._stored.phase is Phase.HELD and self.current.is_active

    def require_lease(self) -> None:
        """Raise ConflictError unless this worker may act on the execution now."""
        self._store.leases.require(self.id)

    def observe(self, observation: Observation) -> None:
        """Report something about the execution that is not a transition."""
        self._store.observe(observation)

    async def save(self, execution: Execution, *observations: Observation) -> None:
        """Store the execution, and report what is true from then on. What is resumed is stored by `confirm`."""
        if self.is_resumed and execution.is_active:
            self.require_lease()
            self.current, self._unconfirmed = execution, (*self._unconfirmed, *observations)
        else:
            await self._write(execution, observations)

    async def _write(self, execution: Execution, observations: Sequence[Observation] = ()) -> None:
        is_transition = execution.phase is not self._stored.phase
        lease = self._store.leases.require(self.id)
        await self._store.executions.save_owned(execution, lease, is_transition=is_transition)
        before, self._stored, self.current = self._stored, execution, execution
        transition = [phase_changed(before, execution)] if is_transition else []
        for observation in (*self._unconfirmed, *observations, *transition):
            self._store.observe(observation)
        self._unconfirmed = ()

    def adopt(self, execution: Execution) -> None:
        """Take over a change that is stored already."""
        self._stored = self.current = execution

    async def transition(self, event: PhaseEvent, reason: Reason | None = None) -> None:
        """Apply an event and store the result, with a sentence about the reason."""
        await self.save(self.current.apply(event, reason, reason_detail(reason, self.current)))

    async def hold(self, reason: Reason, error: Exception) -> None:
        """Hold the execution because of an error, with the error's sentence."""
        held = self.current.apply(PhaseEvent.HOLD, reason, _sentence(error))
        now_ms = self._store.clock.now_ms()
        since_ms = self.current.blocked_since_ms or now_ms
        retry_at_ms = held_retry_ms(reason, blocked_since_ms=since_ms, now_ms=now_ms)
        await self.save(replace(held, blocked_since_ms=since_ms, blocked_reason=reason, retry_at_ms=retry_at_ms))

    async def block(self, error: Exception, reason: Reason | None) -> None:
        """Store the sentence of an error that keeps the execution from going on, and since when that is so.

        `reason` is the one with which the execution will be held; errors without one are not counted before that.
        """
        execution, sentence = self.current, _sentence(error)
        if execution.blocked_since_ms is None or (execution.blocked_reason is None and reason is not None):
            now_ms = self._store.clock.now_ms()
            execution = replace(execution, blocked_since_ms=now_ms, blocked_reason=reason)
        if execution is not self.current or execution.reason_detail != sentence:
            await self.save(replace(execution, reason_detail=sentence))

    @property
    def blocked_s(self) -> float:
        """The time in seconds for which errors that hold an execution have kept this one from going on."""
        since_ms = self.current.blocked_since_ms
        if since_ms is None or self.current.blocked_reason is None:
            return 0.0
        return (self._store.clock.now_ms() - since_ms) / 1000

    @property
    def is_due_for_retry(self) -> bool:
        """Whether it is HELD and the time has come to retry it."""
        return self.current.retry_at_ms is not None and self._store.clock.now_ms() >= self.current.retry_at_ms

    def resume(self) -> None:
        """Let a HELD execution go on in the phase in which it was held. `confirm` stores that.

        Other executions may have published since, so publishing starts with a new plan, after the cursor.
        """
        execution = self.current
        if execution.held_from is not None:
            reason = execution.reason_before_hold
            resumed = execution.apply(RESUME_EVENTS[execution.held_from], reason)
            plan = execution.plan if execution.replay.active else None
            self.current = replace(resumed, plan=plan, reason_detail=reason_detail(reason, execution))

    async def postpone_retry(self, error: Exception, reason: Reason | None) -> None:
        """Store a later time to retry a HELD execution, and why it is still held.

        `reason` replaces the stored one unless it is None. There is no later time if only a person can end it.
        """
        held, now_ms = self.current, self._store.clock.now_ms()
        reason = reason or held.reason
        if held.phase is Phase.HELD and reason is not None:
            since_ms = held.blocked_since_ms or now_ms
            retry_at_ms = held_retry_ms(reason, blocked_since_ms=since_ms, now_ms=now_ms)
            detail = _sentence(error) if blocks(error) else held.reason_detail
            await self.save(replace(held, reason=reason, reason_detail=detail, retry_at_ms=retry_at_ms))

    async def confirm(self) -> None:
        """Store that the execution goes on, if it was blocked or resumed."""
        if self.current.is_active and self.current.blocked_since_ms is not None:
            detail = reason_detail(self.current.reason, self.current)
            self.current = replace(self.current, blocked_since_ms=None, blocked_reason=None, reason_detail=detail)
        if self.current != self._stored:
            await self._write(self.current)


class LeasedExecutions:
    """The executions that this worker may change."""

    def __init__(self, executions: ExecutionStore, leases: OwnedLeases, clock: Clock, observe: Observe) -> None:
        self.executions = executions
        self.leases = leases
        self.clock = clock
        self.observe = observe

    async def load(self, execution_id: ExecutionId) -> LeasedExecution | None:
        """Load an execution whose lease this worker owns, or raise ConflictError. None: it is not known any more."""
        self.leases.require(execution_id)
        execution = await self.executions.get(execution_id)
        return LeasedExecution(execution, self) if execution else None


def _sentence(error: Exception) -> str:
    return error.detail if isinstance(error, AwsCallError) else f"internal error: {error!r}; the log has the traceback"
