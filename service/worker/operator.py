"""What a person may tell an execution to do. The word is kept; a worker does it when one runs."""

from dataclasses import replace

from service.domain.execution import Execution
from service.domain.facts import FactKind
from service.domain.names import ExecutionId
from service.domain.phases import Event, ForbiddenTransitionError, Phase
from service.domain.sealing import blocker
from service.ports import Ports


class Refusal(Exception):
    """The execution cannot be told that. The message is a sentence for the person who tried."""


class Operator:
    """Release, discard, replay: each a conditional transition, so that said twice it is done once."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def release(self, execution_id: ExecutionId) -> str:
        """Let a held execution publish its validated files. Returns what will happen; raises Refusal, Conflict.

        One whose log was not read to the end for want of access, or for a fault of ours, is read on before.
        """
        held = await self._known(execution_id)
        if held.ended and held.reconciled is None and blocker(held) is None:
            await self._ports.executions.move(self._on(held, Event.RESUME, "release"), held.phase)
            return f"{execution_id} is released: its log is read to the end, and what is validated will be published"
        released = self._on(held, Event.RELEASE, "release")
        rows = {kind: await self._ports.facts.count(held, kind) for kind in FactKind}
        verified = rows[FactKind.VERIFIED]
        if not verified:
            raise Refusal(f"{execution_id} has no validated files: nothing to publish, nothing changed")
        released = replace(released, rows=rows)
        if held.publishing is not None and not held.replay.under_way:
            # What has been published meanwhile has a say: plan anew, behind the cursor.
            released = replace(released, publishing=replace(held.publishing, sources=()))
        await self._ports.executions.move(released, held.phase)
        return f"{execution_id} is released: up to {verified} validated files will be published"

    async def discard(self, execution_id: ExecutionId) -> str:
        """Give up a held execution for good. Returns what has happened; raises Refusal, Conflict."""
        held = await self._known(execution_id)
        await self._ports.executions.move(self._on(held, Event.DISCARD, "discard"), held.phase)
        return f"{execution_id} is discarded: its files will never be published"

    async def replay(self, execution_id: ExecutionId) -> str:
        """Have a published execution's messages sent once more. Returns what will happen; raises Refusal, Conflict."""
        published = await self._known(execution_id)
        again = replace(self._on(published, Event.REPLAY, "replay"), replay=published.replay.next())
        await self._ports.executions.move(again, published.phase)
        return f"{execution_id} will be sent once more: {published.files()['published']} messages with the same ids"

    async def _known(self, execution_id: ExecutionId) -> Execution:
        execution = await self._ports.executions.get(execution_id)
        if execution is None:
            raise Refusal(f"{execution_id} is not known: `datasync-trigger status` lists the executions that are")
        return execution

    @staticmethod
    def _on(execution: Execution, event: Event, word: str) -> Execution:
        """The transition. A replay and a discard keep the reason, which is then history."""
        reason = None if event in (Event.RELEASE, Event.RESUME) else execution.reason
        try:
            return execution.on(event, reason)
        except ForbiddenTransitionError:
            wanted = Phase.PUBLISHED if event is Event.REPLAY else Phase.HELD
            raise Refusal(
                f"{execution.name.execution_id} is {execution.phase}: only {wanted} executions can take {word}"
            ) from None
