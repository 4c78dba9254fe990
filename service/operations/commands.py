"""The commands of a person about one execution. A command is stored; a worker carries it out when one runs."""

from dataclasses import replace

from service.domain.execution import Execution
from service.domain.facts import FactKind
from service.domain.names import ExecutionId
from service.domain.phases import ForbiddenTransitionError, PhaseEvent, Reason
from service.domain.reason_details import reason_detail
from service.domain.sealing import unverifiable_reason
from service.files.fact_count import count_facts
from service.ports import ExecutionStore, FactStore


class CommandRefusedError(Exception):
    """The command is not possible for the execution. The message is a sentence for the person who gave it."""


class OperatorCommands:
    """The commands release, discard and replay. Each is a conditional transition: given twice, it is done once."""

    def __init__(self, executions: ExecutionStore, facts: FactStore) -> None:
        self._executions = executions
        self._facts = facts

    async def release(self, execution_id: ExecutionId) -> str:
        """Let a held execution publish its verified files. If its log was not read to the end, read it first.

        A release waits for DataSync's end, unless DataSync does not know the execution. Return what will happen. Raise
        CommandRefusedError or ConflictError.
        """
        held = await self._load(execution_id)
        if not held.has_ended and held.reason is not Reason.EXECUTION_NOT_FOUND:
            await self._transition(held, PhaseEvent.RESUME_FOLLOWING, "released")
            return f"{execution_id} is released: its log is read on; verified files are published after its SUCCESS"
        if held.has_ended and held.reconciled is None and unverifiable_reason(held) is None:
            await self._transition(held, PhaseEvent.RESUME_SEALING, "released")
            return f"{execution_id} is released: its log is read to the end, and verified files will be published"
        released = self._applied(held, PhaseEvent.RESUME_PUBLISHING, "released")
        fact_counts = await count_facts(self._facts, held)
        verified = fact_counts[FactKind.VERIFIED]
        if not verified:
            raise CommandRefusedError(f"{execution_id} has no verified files: nothing to publish, nothing changed")
        released = replace(released, fact_counts=fact_counts)
        if not held.replay.active:
            # Other executions may have published since. Drop the plan; a new one starts after the cursor.
            released = replace(released, plan=None)
        await self._executions.transition_unowned(released, expected_phase=held.phase)
        return f"{execution_id} is released: up to {verified} verified files will be published"

    async def discard(self, execution_id: ExecutionId) -> str:
        """Discard a held execution. Return what has happened. Raise CommandRefusedError or ConflictError."""
        await self._transition(await self._load(execution_id), PhaseEvent.DISCARD, "discarded")
        return f"{execution_id} is discarded: its files will never be published"

    async def replay(self, execution_id: ExecutionId) -> str:
        """Send a published execution's messages again. Return what will happen.

        Raise CommandRefusedError or ConflictError.
        """
        published = await self._load(execution_id)
        replayed = self._applied(published, PhaseEvent.REPLAY, "replayed")
        replayed = replace(replayed, replay=published.replay.start_next())
        await self._executions.transition_unowned(replayed, expected_phase=published.phase)
        messages = published.file_counts()["published"]
        return f"{execution_id} is replayed: {messages} messages will be sent again with the same ids"

    async def _load(self, execution_id: ExecutionId) -> Execution:
        execution = await self._executions.get(execution_id)
        if execution is None:
            remedy = "`datasync-trigger status` lists the known executions"
            raise CommandRefusedError(f"{execution_id} is not known; {remedy}")
        return execution

    async def _transition(self, execution: Execution, event: PhaseEvent, done: str) -> None:
        applied = self._applied(execution, event, done)
        await self._executions.transition_unowned(applied, expected_phase=execution.phase)

    @staticmethod
    def _applied(execution: Execution, event: PhaseEvent, done: str) -> Execution:
        """Apply the event. A replay and a discard keep the reason; a release restores the one before the hold."""
        keeps_reason = event in (PhaseEvent.REPLAY, PhaseEvent.DISCARD)
        reason = execution.reason if keeps_reason else execution.reason_before_hold
        detail = execution.reason_detail if keeps_reason else reason_detail(reason, execution)
        try:
            applied = execution.apply(event, reason)
        except ForbiddenTransitionError:
            wanted = "PUBLISHED" if event is PhaseEvent.REPLAY else "HELD"
            raise CommandRefusedError(
                f"{execution.id} is {execution.phase}; only {wanted} executions can be {done}"
            ) from None
        return replace(applied, reason_detail=detail, blocked_since_ms=None, blocked_reason=None)
