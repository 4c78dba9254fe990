"""A stretch of files: what becomes of each, which messages that takes, and how far these are acknowledged. Pure."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from service.domain.execution import Execution, Outcome, Publishing, Target
from service.domain.facts import Fact, FactKind, is_housekeeping
from service.domain.freshness import Decision, Ruling, Saying, decide, is_fresh, majority
from service.domain.messages import Message, StoredObject, file_message
from service.domain.names import ExecutionId, VerifyMode
from service.domain.records import Outcomes


@dataclass(frozen=True, slots=True)
class Candidate:
    """A verified file of which the logs alone cannot say whether it goes out."""

    fact: Fact
    execution: Execution
    target: Target
    decision: Decision

    @property
    def key(self) -> str:
        """Its key in S3."""
        return self.target.key(self.fact.path)


@dataclass(slots=True)
class Chunk:
    """Files in the order of their paths. `outcomes` are by path and execution id, `pending` messages by path."""

    paths: list[str]
    outcomes: dict[str, dict[ExecutionId, Outcome]] = field(default_factory=dict)
    pending: dict[str, Message] = field(default_factory=dict)
    acknowledged: dict[str, str] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    def acknowledge(self, paths: Iterable[str]) -> None:
        """Note that the queue has taken these files' messages."""
        for path in paths:
            self.acknowledged[path] = self.pending.pop(path).id

    def settled(self) -> list[str]:
        """The paths of the unbroken beginning in which no message is pending."""
        first = next(iter(self.pending), None)
        return self.paths if first is None else self.paths[: self.paths.index(first)]

    def ahead(self, settled: Sequence[str]) -> tuple[str, ...]:
        """Ids of the acknowledged messages behind the settled beginning."""
        behind = set(settled)
        return tuple(id_ for path, id_ in self.acknowledged.items() if path not in behind)

    def counts(self, settled: Sequence[str]) -> Counter[Outcome]:
        """How many of these files came to which outcome."""
        return Counter(outcome for path in settled for outcome in self.outcomes.get(path, {}).values())

    def failures(self, settled: Sequence[str]) -> int:
        """How many of these files failed verification."""
        return len(self.failed.intersection(settled))

    def forget(self, settled: Sequence[str]) -> None:
        """Forget a settled beginning: it is stored."""
        self.paths = self.paths[len(settled) :]
        for path in settled:
            self.outcomes.pop(path, None)
            self.acknowledged.pop(path, None)


def sort_out(
    files: Sequence[tuple[str, Sequence[Saying]]], publishing: Publishing, executions: Sequence[Execution]
) -> tuple[Chunk, list[Candidate]]:
    """Decide as far as the logs can. `executions` are those of the publishing's sources, in their order."""
    chunk, candidates = Chunk([path for path, _ in files]), list[Candidate]()
    transfers = [e.verify_mode == VerifyMode.ONLY_FILES_TRANSFERRED for e in executions]
    ids = [e.name.execution_id for e in executions]
    for path, sayings in files:
        decision = decide(sayings, publishing.sources, transfers, publishing.fresh_since_ms)
        gone_out = {s.source: s.before for s in sayings if s.before and s.has_gone_out}
        outcomes = {ids[source]: gone_out.get(source, Outcome.SUPERSEDED) for source in decision.superseded}
        chunk.outcomes[path] = outcomes
        owner, fact = executions[decision.owner], sayings[-1].verified
        if decision.ruling is Ruling.FAILED:
            chunk.failed.add(path)
        elif fact is None or not publishing.sources[decision.owner].publishes:
            continue
        elif is_housekeeping(path):
            outcomes[ids[decision.owner]] = Outcome.UNCHANGED
        elif decision.ruling is Ruling.CANDIDATE and owner.target is not None:
            candidates.append(Candidate(fact, owner, owner.target, decision))
        else:
            outcomes[ids[decision.owner]] = gone_out.get(decision.owner, Outcome.SUPERSEDED)
    return chunk, candidates


def settle(
    chunk: Chunk,
    candidates: Sequence[Candidate],
    found: Mapping[Target, Mapping[str, StoredObject]] | None,
    *,
    publish_unchanged: bool,
    ahead: Collection[str] = (),
    resend: int = 0,
) -> None:
    """Give each candidate its outcome, and its message where it goes out.

    `found` is None when S3 is not asked. Messages whose ids are in `ahead` have gone out already. `resend` is the
    number of the replay, 0 for the first sending.
    """
    for candidate in candidates:
        fact, execution = candidate.fact, candidate.execution
        stored = None if found is None else found[candidate.target].get(candidate.key)
        if found is not None and not _is_the_verified_one(stored, fact):
            outcome = Outcome.MISSING
        else:
            logs_transfers = execution.rows.get(FactKind.TRANSFERRED, 0) > 0
            last_modified_ms = stored.last_modified_ms if stored else None
            fresh = is_fresh(candidate.decision, last_modified_ms, logs_transfers=logs_transfers)
            outcome = Outcome.PUBLISHED if fresh or publish_unchanged else Outcome.UNCHANGED
            if outcome is Outcome.PUBLISHED:
                message = file_message(execution.name, candidate.target, fact, stored, transferred=fresh, resend=resend)
                chunk.pending[fact.path] = message
                if message.id in ahead:
                    chunk.acknowledge([fact.path])
        chunk.outcomes[fact.path][execution.name.execution_id] = outcome


def _is_the_verified_one(stored: StoredObject | None, fact: Fact) -> bool:
    return stored is not None and fact.size_bytes in (None, stored.size_bytes)


def advanced(publishing: Publishing, chunk: Chunk, settled: Sequence[str]) -> Publishing:
    """Return the publishing after the settled beginning of the chunk, whose outcomes are thereby counted."""
    counts = {name: Counter(outcomes) for name, outcomes in publishing.outcomes.items()}
    over = {chunk.acknowledged[path] for path in settled if path in chunk.acknowledged}
    for path in settled:
        for name, outcome in chunk.outcomes.get(path, {}).items():
            counts.setdefault(name, Counter())[outcome] += 1
    return replace(
        publishing,
        cursor=settled[-1] if settled else publishing.cursor,
        ahead=tuple(id_ for id_ in dict.fromkeys((*publishing.ahead, *chunk.ahead(settled))) if id_ not in over),
        outcomes={name: dict(counter) for name, counter in counts.items()},
    )


def stretches(chunk: Chunk, settled: Sequence[str]) -> dict[ExecutionId, Outcomes]:
    """The settled outcomes by execution id, as they are stored: the most frequent one, and the others by path."""
    by_execution: dict[ExecutionId, dict[str, Outcome]] = defaultdict(dict)
    for path in settled:
        for name, outcome in chunk.outcomes.get(path, {}).items():
            by_execution[name][path] = outcome
    return {name: _stretch(outcomes, settled[-1]) for name, outcomes in by_execution.items()}


def _stretch(outcomes: Mapping[str, Outcome], upto: str) -> Outcomes:
    most = majority(outcomes)
    others: dict[Outcome, list[str]] = defaultdict(list)
    for path, outcome in outcomes.items():
        if outcome is not most:
            others[outcome].append(path)
    return Outcomes(upto, most, dict(others))
