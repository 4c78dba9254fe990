"""The plan of a publishing and its completion: which executions are published together, and what counts as new."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple

from service.domain.execution import Execution, Outcome, PlanMember, PublishPlan, SendProgress
from service.domain.names import ExecutionId, Status, VerifyMode
from service.domain.observations import PhaseChanged, phase_changed
from service.domain.phases import Phase, PhaseEvent, Reason
from service.domain.reason_details import reason_detail
from service.domain.start_order import older_than, start_order

MAX_UNRECONCILED_PREDECESSORS = 8
"""Limit of the published, but not reconciled executions that take part in a plan.

The log of each may lack some lines, so none alone proves that a file was published. The same line is not expected to
be missing in eight executions in a row, and each further one makes publishing slower.
"""


class NewPlan(NamedTuple):
    """A plan, and the ids of messages that other executions have sent for files that come later in it."""

    plan: PublishPlan
    acknowledged: tuple[str, ...]


def with_plan(execution: Execution, siblings: Sequence[Execution]) -> Execution:
    """Return the execution with a plan. Its progress under an earlier plan is kept."""
    new = make_plan(execution, siblings)
    acknowledged = (*execution.progress.acknowledged_ahead, *new.acknowledged)
    return replace(execution, plan=new.plan, progress=replace(execution.progress, acknowledged_ahead=acknowledged))


def make_plan(execution: Execution, siblings: Sequence[Execution]) -> NewPlan:
    """Choose the executions that take part in publishing one.

    `siblings` are the task's executions since the last fully published one before this one, or since an earlier one.
    """
    task_executions = sorted({s.id: s for s in (*siblings, execution)}.values(), key=start_order)
    older = older_than(execution, task_executions)
    complete = last_fully_published(older)
    since = task_executions[task_executions.index(complete) + 1 :] if complete else task_executions
    publishing = [s for s in since if s.start_order > execution.start_order and _is_publishing(s)]
    carried = [s for s in since if s in older and s.phase is Phase.CARRIED and not _is_published_by(s, publishing)]
    published = [s for s in since if s in older and s.phase is Phase.PUBLISHED]
    if all(e.verify_mode == VerifyMode.ONLY_FILES_TRANSFERRED for e in (execution, *carried)):
        published = []  # Everything that this mode verifies is new, whatever was published before.
    held_or_discarded = [s for s in since if s.phase in (Phase.HELD, Phase.DISCARDED)]
    evidence_only = [s for s in since if s.phase is Phase.CARRIED or (s.phase is Phase.PUBLISHED and s not in older)]
    members = {
        s.id
        for s in (
            execution,
            *carried,
            *published[-MAX_UNRECONCILED_PREDECESSORS:],
            *held_or_discarded,
            *publishing,
            *evidence_only,
        )
    }
    earliest_ms = _earliest_write_ms(task_executions)
    plan = PublishPlan(
        tuple(
            PlanMember(s.id, earliest_ms[s.id], publishes=s is execution or s in carried)
            for s in since
            if s.id in members
        ),
        earliest_ms[since[0].id],
    )
    return NewPlan(plan, tuple(id_ for s in (*held_or_discarded, *publishing) for id_ in s.progress.acknowledged_ahead))


def last_fully_published(task_executions: Sequence[Execution]) -> Execution | None:
    """Return the newest SUCCESS before which nothing is left to publish; objects written before it are not new.

    `task_executions` are in start order, from the last fully published one or from the first. The search stops at the
    first execution that is held, whose log was incomplete, or that left files to a later one: the executions after it
    may not have verified those files again.
    """
    newest = None
    for execution in task_executions:
        if execution.phase is Phase.DISCARDED:
            continue
        if execution.published_at_ms is None or not execution.reconciled:
            break
        last_member = execution.plan.members[-1:] if execution.plan else ()
        if execution.status == Status.SUCCESS and all(member.publishes for member in last_member):
            newest = execution
    return newest


def _earliest_write_ms(task_executions: Sequence[Execution]) -> Mapping[ExecutionId, int]:
    """Return the earliest time at which each can have written: DataSync runs a task's executions one at a time."""
    ends_ms = accumulate((s.ended_at_ms or 0 for s in task_executions), max, initial=0)
    return {s.id: max(s.started_at_ms, end_ms) for s, end_ms in zip(task_executions, ends_ms, strict=False)}


def _is_publishing(execution: Execution) -> bool:
    """Return whether it is already publishing, under a plan in which the execution being planned publishes nothing.

    An execution that was released after it had begun has no plan yet, but may have sent files that both verified.
    """
    return execution.phase is Phase.PUBLISHING and (execution.plan is not None or execution.progress != SendProgress())


def _is_published_by(carried: Execution, publishing: Sequence[Execution]) -> bool:
    """Return whether one of these executions is publishing the carried one's files."""
    members = [member for s in publishing if s.plan for member in s.plan.members]
    return any(member.execution_id == carried.id and member.publishes for member in members)


def carried_members(execution: Execution) -> Sequence[ExecutionId]:
    """Return the carried executions whose files the plan publishes. A replay publishes none."""
    if execution.plan is None or execution.replay.active:
        return ()
    return [m.execution_id for m in execution.plan.members if m.publishes and m.execution_id != execution.id]


def published_with_later(carried: Execution, later: Execution, *, now_ms: int) -> tuple[Execution, PhaseChanged]:
    """Return a carried execution after a later one has published its files, and the observation of that."""
    detail = f"{later.id} has published the files"
    published = replace(
        carried.apply(PhaseEvent.PUBLISHED_WITH_LATER, Reason.CARRIED, detail),
        outcome_counts=later.carried_outcome_counts.get(carried.id, {}),
        published_at_ms=now_ms,
    )
    return published, phase_changed(carried, published)


def with_counts_of_later(execution: Execution, later: Sequence[Execution]) -> Execution:
    """Return a carried execution with the counts of its files that later ones have published so far."""
    if execution.phase is not Phase.CARRIED:
        return execution
    counts = Counter[Outcome]()
    for each in later:
        counts.update(each.carried_outcome_counts.get(execution.id, {}))
    return replace(execution, outcome_counts=dict(counts))


def completed(execution: Execution, *, now_ms: int) -> Execution:
    """Return the execution after its last message is acknowledged. After a replay only that is over."""
    if execution.replay.active:
        again = execution.apply(PhaseEvent.ALL_SENT, execution.reason, execution.reason_detail)
        return replace(again, replay=replace(execution.replay, active=False))
    reason = Reason.FILES_MISSING if execution.outcome_counts.get(Outcome.MISSING) else execution.reason
    published = execution.apply(PhaseEvent.ALL_SENT, reason, reason_detail(reason, execution))
    return replace(published, published_at_ms=now_ms)
