"""Which executions of a task are published together, which others have a say, and since when a file counts as new."""

from collections.abc import Mapping, Sequence
from itertools import accumulate

from service.domain.execution import Execution, Publishing, Source
from service.domain.names import ExecutionName, Status, VerifyMode
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
    before = [s for s in family if order(s) < order(execution)]
    settled = last_settled(before)
    since = family[family.index(settled) + 1 :] if settled else family
    sending = [s for s in since if order(s) > order(execution) and _is_sending(s)]
    carried = [s for s in since if s in before and s.phase is Phase.CARRIED and not _is_taken_by(s, sending)]
    sent = [s for s in since if s in before and s.phase is Phase.PUBLISHED]
    if all(e.verify_mode == VerifyMode.ONLY_FILES_TRANSFERRED for e in (execution, *carried)):
        sent = []  # What such a mode verifies is fresh, whatever went out before.
    stopped = [s for s in since if s.phase in (Phase.HELD, Phase.DISCARDED)]
    others = [s for s in since if s.phase is Phase.CARRIED or (s.phase is Phase.PUBLISHED and s not in before)]
    taking_part = {s.name for s in (execution, *carried, *sent[-MAX_SENT_SOURCES:], *stopped, *sending, *others)}
    began_ms = _began_ms(family)
    sources = [
        Source(s.name.execution_id, began_ms[s.name], publishes=s is execution or s in carried)
        for s in since
        if s.name in taking_part
    ]
    ahead = [id_ for s in (*stopped, *sending) if s.publishing for id_ in s.publishing.ahead]
    return Publishing(tuple(sources), began_ms[since[0].name], ahead=tuple(ahead))


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


def _is_sending(execution: Execution) -> bool:
    """Whether it has begun to publish: according to a plan in which the one that is planned now was silent.

    One that is released after it had begun has its plan to make again, and yet may have sent what both have verified.
    """
    return execution.phase is Phase.PUBLISHING and execution.publishing is not None


def _is_taken_by(carried: Execution, sending: Sequence[Execution]) -> bool:
    """Whether one of these is just sending its files."""
    sources = [source for s in sending if s.publishing for source in s.publishing.sources]
    return any(source.execution_id == carried.name.execution_id and source.publishes for source in sources)
