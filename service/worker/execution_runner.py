"""The runner of one claimed execution: at each tick the step of its phase, until there is nothing left to do."""

from collections.abc import Awaitable, Callable, Mapping
from math import inf

from service.domain.error_policy import Action, blocks, hold_reason, treatment_of
from service.domain.errors import ConflictError
from service.domain.names import ExecutionId
from service.domain.observations import tick_failed
from service.domain.phases import Phase
from service.leasing.leased_executions import LeasedExecution, LeasedExecutions
from service.worker.retention import RetentionExtension

Step = Callable[[LeasedExecution], Awaitable[float]]
"""The next step of an execution. It returns the pause before another one, in seconds."""


class ExecutionRunner:
    """The runner of one execution. `steps` has one for each active phase.

    A HELD execution that is due for a retry takes the step of the phase in which it was held. It stays HELD until that
    step succeeds.
    """

    def __init__(
        self,
        execution_id: ExecutionId,
        executions: LeasedExecutions,
        steps: Mapping[Phase, Step],
        extension: RetentionExtension,
        *,
        seal_deadline_s: float,
        has_unsaved_sends: Callable[[], bool],
    ) -> None:
        self._execution_id = execution_id
        self._executions = executions
        self._steps = steps
        self._extension = extension
        self._seal_deadline_s = seal_deadline_s
        self._leased: LeasedExecution | None = None
        self._permanent_failures = 0
        self.has_unsaved_sends = has_unsaved_sends

    async def tick(self) -> float | None:
        """Do the next step. Return the pause in seconds, or None if nothing is left to do for this worker.

        The table of `error_policy` decides about an error, which is raised if the step is to be retried.
        """
        leased: LeasedExecution | None = None
        try:
            leased = self._leased or await self._load()
            if leased is None:
                return None
            pause_s = await self._step(leased)
        except Exception as error:
            self._leased = None  # The next tick starts from what is stored.
            if isinstance(error, ConflictError):
                return None  # Another worker owns the execution, or has changed it.
            if not await self._is_over(error, is_retry_of_held=leased is not None and leased.is_resumed):
                raise
            self._executions.observe(tick_failed("execution", error, execution_id=self._execution_id))
            return None
        self._leased, self._permanent_failures = leased, 0
        return pause_s if leased.current.is_active else None

    async def _step(self, leased: LeasedExecution) -> float:
        leased.require_lease()
        if self._extension.is_due(leased.current) and not leased.is_resumed:
            return await self._extension.extend(leased)
        pause_s = await self._steps[leased.current.phase](leased)
        await leased.confirm()
        return pause_s

    async def _load(self) -> LeasedExecution | None:
        """Load the execution; None if it needs no step. A HELD one that is due resumes, which is not stored yet."""
        leased = await self._executions.load(self._execution_id)
        if leased is not None and leased.is_due_for_retry:
            leased.resume()
        return leased if leased is not None and leased.current.is_active else None

    async def _is_over(self, error: Exception, *, is_retry_of_held: bool) -> bool:
        """Treat an error. Return whether this worker is done with the execution; False to retry the step."""
        treatment = treatment_of(error)
        if treatment.action is Action.HOLD_WHEN_REPEATED:
            self._permanent_failures += 1
        if treatment.action is Action.RETRY and not (blocks(error) or is_retry_of_held):
            return False
        leased = await self._executions.load(self._execution_id)
        if leased is None:
            return True
        if is_retry_of_held:
            await leased.postpone_retry(
                error, hold_reason(treatment, seal_deadline_s=self._seal_deadline_s, blocked_s=inf)
            )
            return True
        reason = hold_reason(
            treatment,
            seal_deadline_s=self._seal_deadline_s,
            blocked_s=leased.blocked_s,
            permanent_failures=self._permanent_failures,
        )
        if reason is not None:
            await leased.hold(reason, error)
        elif blocks(error):
            await leased.block(error, treatment.reason)
        return reason is not None
