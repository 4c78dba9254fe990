"""The oracle: it compares a run with what DataSync did. It does not use the service's decisions about files."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from service.domain.names import ExecutionId, VerifyMode
from service.domain.options import OnError, WorkerOptions
from service.domain.phases import ACTIVE_PHASES, Phase
from tests.simulation.cloud import AcceptedMessage, Cloud
from tests.simulation.datasync import METADATA_PATHS, FileEvidence, FileVersion, SimulatedExecution, SimulatedTask

DECIDING_PHASES = (Phase.PUBLISHED, Phase.CARRIED)
"""The phases in which a newer execution decides about its files before it is published itself, or afterwards."""

MAX_SKEW_S = 2.0
"""The largest error of a worker's time of day, by which it measures the quiet time and the seal deadline."""


@dataclass(frozen=True)
class SentMessage:
    """A message on the queue, as a consumer reads it."""

    at_s: float
    sender: str
    id: str
    deduplication_id: str
    execution: SimulatedExecution
    path: str
    size_bytes: int
    etag: str

    @property
    def is_replay(self) -> bool:
        return self.deduplication_id != self.id

    def __str__(self) -> str:
        return f"{self.at_s:.3f} {self.execution.id} /{self.path!r} {self.etag} by {self.sender}"


@dataclass
class Verdict:
    """The violations of a run, and its figures.

    A violation that begins with a number violates the guarantee with this number in docs/guarantees.md.
    """

    violations: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)

    def add(self, violation: str, example: object) -> None:
        self.violations.append(f"{violation}: {example}")
        self.figures[violation] += 1


@dataclass
class Oracle:
    """The judge of a finished run.

    `is_undisturbed`: no worker was killed or paused, no answer was lost, and each lease was renewed in time.
    `releases_s`: when an operator released each execution.
    """

    tasks: Sequence[SimulatedTask]
    cloud: Cloud
    options: WorkerOptions
    is_undisturbed: bool
    releases_s: dict[str, list[float]]

    def judge(self) -> Verdict:
        verdict = Verdict()
        by_id = {e.id: e for task in self.tasks for e in task.executions}
        sent = [_read(accepted, by_id) for accepted in self.cloud.queue.accepted]
        verdict.figures["messages"] = len(sent)
        for message in sent:
            self._check_message(message, verdict)
        self._check_duplicates(sent, verdict)
        by_version: dict[tuple[str, str], list[SentMessage]] = defaultdict(list)
        for message in sent:
            evidence = message.execution.evidence.get(message.path)
            if evidence and evidence.verified:
                by_version[evidence.verified.etag, message.path].append(message)
        for task in self.tasks:
            for execution in task.executions:
                self._check_end(execution, verdict)
                self._check_completeness(execution, by_version, verdict)
        if not self.options.publish_unchanged:
            self._check_unchanged(by_version, verdict)
        self._check_notifications(verdict)
        return verdict

    def _check_message(self, sent: SentMessage, verdict: Verdict) -> None:
        execution, evidence = sent.execution, sent.execution.evidence.get(sent.path)
        if sent.path in METADATA_PATHS or sent.path.endswith("/") or not sent.path:
            verdict.add("7 directory or metadata file", sent)
        if evidence is None or evidence.verified is None or evidence.failed:
            verdict.add("1 not verified", sent)
        elif evidence.verified.size_bytes != sent.size_bytes:
            verdict.add("1 wrong size", sent)
        if sent.is_replay:
            return  # An operator has asked for it, and the execution was published before.
        publishing = self._publishing_execution(sent)
        if publishing is None:
            verdict.add("2 sent while no execution was publishing the file", sent)
            return
        for each in {execution.id: execution, publishing.id: publishing}.values():
            self._check_time(each, sent, verdict, is_publishing=each is publishing)
        self._check_newest_decides(sent, publishing, verdict)

    def _publishing_execution(self, sent: SentMessage) -> SimulatedExecution | None:
        """Return the execution that was publishing when the message was sent.

        It is the message's execution, or the later one that published its carried files.
        """
        later = [e for e in sent.execution.task.executions if e.start_order >= sent.execution.start_order]
        phases = {e.id: self._phase(e, sent.at_s) for e in later}
        own = phases[sent.execution.id]
        if own is Phase.CARRIED:
            return next((e for e in later if phases[e.id] is Phase.PUBLISHING), None)
        if own is Phase.PUBLISHING:
            return sent.execution
        if self.is_undisturbed:
            return None
        # A worker that was paused may send late: files of the execution itself, or carried ones.
        published = [e for e in later if e.status == "SUCCESS" and phases[e.id] is Phase.PUBLISHED]
        return published[0] if published and sent.execution.status == "ERROR" else sent.execution

    def _phase(self, execution: SimulatedExecution, at_s: float) -> Phase | None:
        entry = self.cloud.executions.phase_at(ExecutionId(execution.id), at_s)
        return entry[1] if entry else None

    def _check_time(
        self, execution: SimulatedExecution, sent: SentMessage, verdict: Verdict, *, is_publishing: bool
    ) -> None:
        released = any(at_s <= sent.at_s for at_s in self.releases_s.get(execution.id, ()))
        ended_s = execution.ended_s
        if ended_s is None or sent.at_s < ended_s:
            verdict.add("2 before the end", sent)
            return
        if sent.at_s < ended_s + self.options.settle_s - MAX_SKEW_S and not released:
            verdict.add("2 before the log was quiet", sent)
        needs_success = is_publishing and self.options.on_error is not OnError.PUBLISH
        if needs_success and execution.status == "ERROR" and not released:
            verdict.add("2 without SUCCESS", sent)
        visible_s = max((e.verified_visible_s for e in execution.evidence.values() if e.verified), default=0.0)
        after_deadline = sent.at_s >= ended_s + self.options.seal_deadline_s - MAX_SKEW_S
        if sent.at_s < visible_s and not after_deadline and not released:
            verdict.add("2 before the log was complete", f"{sent}, {execution.id} until {visible_s:.3f}")

    def _check_newest_decides(self, sent: SentMessage, publishing: SimulatedExecution, verdict: Verdict) -> None:
        """Check that no newer execution has evidence about the file: the newest one decides."""
        since = self.cloud.executions.phase_at(ExecutionId(publishing.id), sent.at_s)
        for newer in sent.execution.task.executions:
            evidence = newer.evidence.get(sent.path)
            is_newer = newer.start_order > sent.execution.start_order
            if not is_newer or evidence is None or not self._was_readable(newer, evidence):
                continue
            entry = self.cloud.executions.phase_at(ExecutionId(newer.id), since[0] if since else sent.at_s)
            is_older_member = newer.start_order < publishing.start_order and entry and entry[1] in DECIDING_PHASES
            if newer is publishing or is_older_member:
                verdict.add("4 a newer execution decides", f"{sent}, {newer.id}")

    def _was_readable(self, execution: SimulatedExecution, evidence: FileEvidence) -> bool:
        """Return whether readers saw all lines about a file before the seal deadline."""
        return execution.ended_s is not None and evidence.visible_s <= execution.ended_s + self.options.seal_deadline_s

    def _check_duplicates(self, sent: Sequence[SentMessage], verdict: Verdict) -> None:
        copies: dict[str, list[SentMessage]] = defaultdict(list)
        for message in sent:
            copies[message.deduplication_id].append(message)
        for messages in copies.values():
            verdict.figures["duplicates"] += len(messages) - 1
            if len(messages) > 1 and self.is_undisturbed:
                verdict.add("5 sent twice without a crash", "; ".join(map(str, messages)))
        ids: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for message in sent:
            ids[message.id].add((message.execution.id, message.path))
        for files in ids.values():
            if len(files) != 1:
                verdict.add("5 one id for two files", files)

    def _check_notifications(self, verdict: Verdict) -> None:
        """Check that each change to a phase that is not active was notified, and nothing else."""
        by_id = {each.id: each.attributes for each in self.cloud.topic.notifications}
        verdict.figures["notifications"] = len(self.cloud.topic.notifications)
        notified = Counter((each["execution_id"], each["phase"]) for each in by_id.values())
        expected = Counter(
            (execution_id, phase.value)
            for execution_id, history in self.cloud.executions.history.items()
            for _, phase in history
            if phase not in ACTIVE_PHASES
        )
        if notified != expected:
            verdict.add("notifications", f"{notified - expected} too many, {expected - notified} missing")

    def _check_end(self, execution: SimulatedExecution, verdict: Verdict) -> None:
        record = self.cloud.executions.records.get(ExecutionId(execution.id))
        if record is None:
            verdict.add("never registered", execution.id)
        elif record.phase in ACTIVE_PHASES:
            verdict.add("stuck", f"{execution.id} in {record.phase}")
        elif record.reason == "internal_error":
            verdict.add("internal error", execution.id)
        elif execution.script.verify_mode == VerifyMode.NONE and record.phase not in (Phase.HELD, Phase.DISCARDED):
            verdict.add("1 published without verification", execution.id)

    def _check_completeness(
        self, execution: SimulatedExecution, by_version: dict[tuple[str, str], list[SentMessage]], verdict: Verdict
    ) -> None:
        history = self.cloud.executions.history[ExecutionId(execution.id)]
        published_s = next((at_s for at_s, phase in history if phase is Phase.PUBLISHED), None)
        if published_s is None or execution.ended_s is None:
            return
        for path, evidence in execution.evidence.items():
            version = evidence.verified
            if version is None or evidence.failed or path in METADATA_PATHS:
                continue
            if evidence.verified_visible_s > execution.ended_s + self.options.seal_deadline_s:
                continue
            verdict.figures["verified files accounted for"] += 1
            if any(sent.at_s <= published_s for sent in by_version.get((version.etag, path), ())):
                continue
            if self._was_replaced(execution, path, version, published_s):
                continue
            if self._is_superseded(execution, path, published_s) or self._was_discarded(execution, version):
                continue
            verdict.add("4 lost", f"{execution.id} {path!r} {version.etag}, PUBLISHED at {published_s:.3f}")

    @staticmethod
    def _was_replaced(execution: SimulatedExecution, path: str, version: FileVersion, at_s: float) -> bool:
        """Return whether the object was overwritten or deleted in S3 by then."""
        return any(version.put_s < changed_s <= at_s for changed_s in execution.task.changes_s.get(path, ()))

    def _was_discarded(self, execution: SimulatedExecution, version: FileVersion) -> bool:
        """Return whether the execution that wrote the version was discarded.

        An execution that only verifies such a version again does not have to send it.
        """
        for other in execution.task.executions:
            record = self.cloud.executions.records.get(ExecutionId(other.id))
            wrote = other.ended_s is not None and other.started_s <= version.put_s <= other.ended_s
            if wrote and record is not None and record.phase is Phase.DISCARDED:
                return True
        return False

    def _is_superseded(self, execution: SimulatedExecution, path: str, at_s: float) -> bool:
        """Return whether a newer execution with evidence about the file was sealed by then. That one decides."""
        for newer in execution.task.executions:
            if newer.start_order > execution.start_order and path in newer.evidence:
                phase = self._phase(newer, at_s)
                if phase is not None and phase is not Phase.FOLLOWING and phase is not Phase.SEALING:
                    return True
        return False

    def _check_unchanged(self, by_version: dict[tuple[str, str], list[SentMessage]], verdict: Verdict) -> None:
        """Check that all messages of one version of a file have one id.

        A message with another ETag does not count: another execution has overwritten the object before it was sent.
        """
        for (etag, _), all_messages in by_version.items():
            messages = [message for message in all_messages if message.etag == etag]
            if len({message.id for message in messages}) > 1:
                put_s = self._put_s(messages[0])
                starts_s = {int(e.started_s) for e in messages[0].execution.task.executions}
                if put_s is None or int(put_s) not in starts_s:
                    verdict.add("3 unchanged", "; ".join(map(str, messages)))

    @staticmethod
    def _put_s(sent: SentMessage) -> float | None:
        evidence = sent.execution.evidence.get(sent.path)
        return evidence.verified.put_s if evidence and evidence.verified else None


def _read(accepted: AcceptedMessage, by_id: dict[str, SimulatedExecution]) -> SentMessage:
    message = accepted.message
    body = orjson.loads(message.body)
    return SentMessage(
        at_s=accepted.at_s,
        sender=accepted.sender,
        id=body["id"],
        deduplication_id=message.deduplication_id,
        execution=by_id[body["execution_arn"].split("/")[3]],
        path=body["fileName"][1:],
        size_bytes=body["size"],
        etag=body["etag"],
    )
