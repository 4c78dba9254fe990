"""Which executions of a task are published together, which others have a say, and since when a file counts as new."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

from service.domain.execution import Execution, Publishing, Source
from service.domain.names import ExecutionId, ExecutionName, Status, VerifyMode
from service.domain.phases import Phase

MAX_SENT_SOURCES = 8
"""How many executions that were published without being reconciled are looked at again.

Each may lack some lines of the dataset, so that none alone proves that a file went out. That the same line was missing
in eight executions running is not assumed, and looking at all would cost more with each.
"""


def plan(execution: Execution, siblings: Sequence[Execution]) -> Publishing:
    """Choose the executions that take part in publishing one, in the order in which they started.

    `siblings` are the task's executions from the last one that settled freshness before this one, or from earlier on.
    """
    family = sorted({s.name: s for s in (*siblings, execution)}.values(), key=order)
    settled = last_settled([s for s in family if order(s) < order(execution)])
    since = family[family.index(settled) + 1 :] if settled else family
    before = [s for s in since if order(s) < order(execution)]
    later = [s for s in since if order(s) > order(execution)]
    carried = [s for s in before if s.phase is Phase.CARRIED]
    sent = [s for s in before if s.phase is Phase.PUBLISHED]
    if all(e.verify_mode == VerifyMode.ONLY_FILES_TRANSFERRED for e in (execution, *carried)):
        sent = []  # What such a mode verifies is fresh, whatever went out before.
    witnesses = [
        *sent[-MAX_SENT_SOURCES:],
        *(s for s in since if s.phase in (Phase.HELD, Phase.DISCARDED)),
        *(s for s in later if s.phase in (Phase.PUBLISHED, Phase.CARRIED) or _is_sending(s)),
    ]
    ours = frozenset(s.name.execution_id for s in (execution, *carried))
    began_ms = _began_ms(family)
    sources = {s.name: _source(s, began_ms) for s in (execution, *carried, *witnesses)}
    for s in carried:
        sources[s.name] = replace(sources[s.name], sent_upto=_taken_upto(s, since))
    for s in witnesses:
        sources[s.name] = replace(sources[s.name], publishes=False, sent_upto=_sent_upto(s, since, ours))
    return Publishing(tuple(sources[s.name] for s in since if s.name in sources), began_ms[since[0].name])


def order(execution: Execution) -> tuple[int, ExecutionName]:
    """The order in which a task's executions started."""
    return execution.started_at_ms, execution.name


def last_settled(family: Sequence[Execution]) -> Execution | None:
    """The last SUCCESS behind which no file waits for anything, so that what was written before it is not new.

    `family` is in the order in which the executions started, from the last settled one or from the first. A log that
    may lack files, an execution that is held, and files that were left to a later execution settle nothing, and nor
    does what comes behind: it need not verify them again.
    """
    settled = None
    for execution in family:
        if execution.phase is Phase.DISCARDED:
            continue
        if execution.published_at_ms is None or not execution.reconciled:
            break
        newest = execution.publishing.sources[-1:] if execution.publishing else ()
        if execution.status == Status.SUCCESS and all(source.publishes for source in newest):
            settled = execution
    return settled


def _began_ms(family: Sequence[Execution]) -> Mapping[ExecutionName, int]:
    """When each can have begun to write: DataSync queues a task's executions and runs one at a time."""
    ends_ms = accumulate((s.ended_at_ms or 0 for s in family), max, initial=0)
    return {s.name: max(s.started_at_ms, end_ms) for s, end_ms in zip(family, ends_ms, strict=False)}


def _source(execution: Execution, began_ms: Mapping[ExecutionName, int]) -> Source:
    return Source(execution.name.execution_id, began_ms[execution.name], publishes=True)


def _taken_upto(carried: Execution, family: Sequence[Execution]) -> str | None:
    """How far its files went out with an execution that was held in the midst of it, or is just sending them all."""
    takers = [s for s in family if _takes_part(s, frozenset({carried.name.execution_id}), publishes=True)]
    if any(map(_is_sending, takers)):
        return None
    return max((_cursor(s) for s in takers), default="")


def _sent_upto(witness: Execution, family: Sequence[Execution], ours: frozenset[ExecutionId]) -> str | None:
    """How far the files that a witness verified went out: all, when it is published.

    But when one of ours had a say then, whatever that one verified was left to it.
    """
    if witness.phase is not Phase.PUBLISHED:
        return _cursor(witness)
    plans = [s for s in family if _takes_part(s, frozenset({witness.name.execution_id}), publishes=True)]
    return "" if any(_takes_part(s, ours, publishes=False) for s in plans) else None


def _is_sending(execution: Execution) -> bool:
    """Whether it has begun to publish: according to a plan in which the one that is planned now was silent."""
    return execution.phase is Phase.PUBLISHING and bool(execution.publishing and execution.publishing.sources)


def _takes_part(planned: Execution, names: frozenset[ExecutionId], *, publishes: bool) -> bool:
    """Whether one of these takes part in an execution's publishing, with files of its own or without."""
    sources = planned.publishing.sources if planned.publishing else ()
    return any(s.execution_id in names and s.publishes is publishes for s in sources)


def _cursor(execution: Execution) -> str:
    return execution.publishing.cursor if execution.publishing else ""
