"""Find the open executions that nobody works on, and claim them."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from service.domain.records import OpenExecution
from service.domain.reports import Surveyed, Tick
from service.ports import Overview
from service.worker.lease import SWEEP, Keeper, Watch
from service.worker.terms import Clock, Terms

PER_TASK = 2
"""A task's executions are published in order: the oldest one and its successor are all that can be worked on."""


def worth_working_on(executions: Sequence[OpenExecution]) -> list[OpenExecution]:
    """Choose, of all open executions in order of their start, those that need not wait for another one's end."""
    chosen: list[OpenExecution] = []
    per_task: dict[str, int] = defaultdict(int)
    for execution in executions:
        per_task[execution.task_id] += 1
        if per_task[execution.task_id] <= PER_TASK:
            chosen.append(execution)
    return chosen


class Surveyor:
    """Looks over the table at each tick and takes what is free, up to `max_executions` at a time."""

    def __init__(self, overview: Overview, keeper: Keeper, watch: Watch, terms: Terms, clock: Clock) -> None:
        self._overview = overview
        self._keeper = keeper
        self._watch = watch
        self._terms = terms
        self._clock_s = clock.monotonic_s
        self._now_ms = clock.now_ms

    async def tick(self, busy: Collection[str]) -> Tick:
        """Claim what is free. `busy` are executions that this process has not let go of yet, claimed or not."""
        executions = await self._overview.open()
        taken = []
        for execution in worth_working_on(executions):
            name = execution.execution_id
            if name in self._keeper.held or name in busy or not self._watch.is_free(execution.lease, self._clock_s()):
                continue
            if self._has_room_for(execution, executions) and await self._keeper.claim(execution.lease):
                taken.append(name)
        self._watch.forget({execution.execution_id for execution in executions})
        report = Surveyed(await self._overview.counts(), self._oldest_age_s(executions), taken, len(self._keeper.held))
        return Tick([report], self._terms.poll_s)

    def _has_room_for(self, execution: OpenExecution, executions: Sequence[OpenExecution]) -> bool:
        """Beyond the limit there is room for what one of ours waits for: neither would ever end otherwise.

        Ours need not be worth working on any more: a release or a replay may have opened older ones since.
        """
        if len(self._keeper.held - {SWEEP}) < self._terms.max_executions:
            return True
        behind = executions[executions.index(execution) + 1 :]
        return any(e.task_id == execution.task_id and e.execution_id in self._keeper.held for e in behind)

    def _oldest_age_s(self, executions: Sequence[OpenExecution]) -> float:
        waiting = [e.waiting_since_ms for e in executions if e.waiting_since_ms is not None]
        return max(0.0, (self._now_ms() - min(waiting)) / 1000) if waiting else 0.0
