"""A chunk: the files that are decided and sent in one step, and how far their messages are acknowledged."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from service.domain.execution import Execution, Outcome, PublishPlan, S3Location, SendProgress
from service.domain.facts import Fact, FactKind, is_datasync_metadata
from service.domain.file_decision import FileDecision, FileEvidence, FileVerdict, decide_file, is_new
from service.domain.messages import Message, StoredObject, file_message
from service.domain.names import ExecutionId, VerifyMode
from service.domain.port_types import OutcomeRange

FileWithEvidence = tuple[str, Sequence[FileEvidence]]
"""A path, and the evidence about it, oldest first."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A verified file whose object must be looked up before it is decided."""

    fact: Fact
    execution: Execution
    location: S3Location
    decision: FileDecision

    @property
    def key(self) -> str:
        """Its key in S3."""
        return self.location.key(self.fact.path)


@dataclass(slots=True)
class FileChunk:
    """Files in path order. `outcomes` are by path and execution id; `pending` are the messages to send, by path."""

    paths: list[str]
    outcomes: dict[str, dict[ExecutionId, Outcome]] = field(default_factory=dict)
    pending: dict[str, Message] = field(default_factory=dict)
    acknowledged: dict[str, str] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    def acknowledge(self, paths: Iterable[str]) -> None:
        """Record that the queue has acknowledged these files' messages."""
        for path in paths:
            self.acknowledged[path] = self.pending.pop(path).id

    def acknowledged_prefix(self) -> list[str]:
        """Return the leading paths of which no message is pending."""
        first = next(iter(self.pending), None)
        return self.paths if first is None else self.paths[: self.paths.index(first)]

    def drop_stored(self, paths: Collection[str]) -> None:
        """Drop leading paths whose outcomes are stored."""
        self.paths = self.paths[len(paths) :]
        for path in paths:
            self.outcomes.pop(path, None)
            self.acknowledged.pop(path, None)


@dataclass(frozen=True, slots=True)
class DecidedFiles:
    """The outcomes of a chunk's acknowledged prefix, by execution: as stored ranges and as counts.

    `failed` counts the files that failed verification; `progress` is the progress after them.
    """

    ranges: Mapping[ExecutionId, OutcomeRange]
    counts: Mapping[ExecutionId, Counter[Outcome]]
    failed: int
    progress: SendProgress

    def add_to(self, execution: Execution) -> Execution:
        """Return the execution with this progress and, unless it is a replay, with these outcomes counted."""
        if execution.replay.active:
            return execution.with_sending(self.progress)
        carried = {id_: Counter(counts) for id_, counts in execution.carried_outcome_counts.items()}
        for id_, counts in self.counts.items():
            if id_ != execution.id:
                carried.setdefault(id_, Counter()).update(counts)
        own = Counter(execution.outcome_counts)
        own.update(self.counts.get(execution.id, {}))
        return replace(
            execution.with_sending(self.progress),
            outcome_counts=dict(own),
            carried_outcome_counts={id_: dict(counts) for id_, counts in carried.items()},
        )

    def total(self) -> Counter[Outcome]:
        """Return the number of files by outcome, over all executions."""
        return sum(self.counts.values(), Counter())


def decide_files(
    files: Sequence[FileWithEvidence], plan: PublishPlan, executions: Sequence[Execution]
) -> tuple[FileChunk, list[Candidate]]:
    """Decide each file as far as the logs prove it. `executions` are those of the plan's members, in their order."""
    chunk, candidates = FileChunk([path for path, _ in files]), list[Candidate]()
    only_transferred = [e.verify_mode == VerifyMode.ONLY_FILES_TRANSFERRED for e in executions]
    for path, evidence in files:
        decision = decide_file(evidence, plan.members, only_transferred, plan.new_since_ms)
        published = {e.member: e.previous_outcome for e in evidence if e.previous_outcome and e.already_published}
        outcomes = {executions[i].id: published.get(i, Outcome.SUPERSEDED) for i in decision.superseded}
        chunk.outcomes[path] = outcomes
        decider, fact = executions[decision.deciding_member], evidence[-1].verified
        if decision.verdict is FileVerdict.FAILED:
            chunk.failed.add(path)
        elif fact is None or not plan.members[decision.deciding_member].publishes:
            continue
        elif is_datasync_metadata(path):
            outcomes[decider.id] = Outcome.UNCHANGED
        elif decision.verdict is FileVerdict.CANDIDATE and decider.location is not None:
            candidates.append(Candidate(fact, decider, decider.location, decision))
        else:
            outcomes[decider.id] = published.get(decision.deciding_member, Outcome.SUPERSEDED)
    return chunk, candidates


def resolve_candidates(
    chunk: FileChunk,
    candidates: Sequence[Candidate],
    stored_objects: Mapping[S3Location, Mapping[str, StoredObject]] | None,
    *,
    publish_unchanged: bool,
    acknowledged: Collection[str] = (),
    replay_count: int = 0,
) -> None:
    """Give each candidate its outcome and, if it is published, its message.

    `stored_objects` is None if S3 is not asked. A message whose id is in `acknowledged` is not sent again.
    `replay_count` is 0 for the first sending.
    """
    for candidate in candidates:
        fact, execution = candidate.fact, candidate.execution
        stored = None if stored_objects is None else stored_objects[candidate.location].get(candidate.key)
        if stored_objects is not None and not _has_verified_size(stored, fact):
            outcome = Outcome.MISSING
        else:
            logs_transfers = execution.fact_counts.get(FactKind.TRANSFERRED, 0) > 0
            last_modified_ms = stored.last_modified_ms if stored else None
            new = is_new(candidate.decision, last_modified_ms, logs_transfers=logs_transfers)
            outcome = Outcome.PUBLISHED if new or publish_unchanged else Outcome.UNCHANGED
            if outcome is Outcome.PUBLISHED:
                message = file_message(
                    execution.ids, candidate.location, fact, stored, transferred=new, replay_count=replay_count
                )
                chunk.pending[fact.path] = message
                if message.id in acknowledged:
                    chunk.acknowledge([fact.path])
        chunk.outcomes[fact.path][execution.id] = outcome


def _has_verified_size(stored: StoredObject | None, fact: Fact) -> bool:
    return stored is not None and fact.size_bytes in (None, stored.size_bytes)


def decided_files(chunk: FileChunk, before: SendProgress) -> DecidedFiles:
    """Sum up the chunk's acknowledged prefix. `before` is the progress before this chunk."""
    prefix = chunk.acknowledged_prefix()
    by_execution: dict[ExecutionId, dict[str, Outcome]] = defaultdict(dict)
    for path in prefix:
        for id_, outcome in chunk.outcomes.get(path, {}).items():
            by_execution[id_][path] = outcome
    passed = {chunk.acknowledged[path] for path in prefix if path in chunk.acknowledged}
    ahead = dict.fromkeys((*before.acknowledged_ahead, *chunk.acknowledged.values()))
    return DecidedFiles(
        ranges={id_: _outcome_range(outcomes, prefix[-1]) for id_, outcomes in by_execution.items()},
        counts={id_: Counter(outcomes.values()) for id_, outcomes in by_execution.items()},
        failed=len(chunk.failed.intersection(prefix)),
        progress=SendProgress(
            cursor=prefix[-1] if prefix else before.cursor,
            acknowledged_ahead=tuple(id_ for id_ in ahead if id_ not in passed),
        ),
    )


def _outcome_range(outcomes: Mapping[str, Outcome], last_path: str) -> OutcomeRange:
    """Store the most common outcome once, and only the other files by path."""
    default = Counter(outcomes.values()).most_common(1)[0][0]
    exceptions: dict[Outcome, list[str]] = defaultdict(list)
    for path, outcome in outcomes.items():
        if outcome is not default:
            exceptions[outcome].append(path)
    return OutcomeRange(last_path, default, dict(exceptions))
