"""What must be true of a run, judged by what DataSync truly did. Nothing here asks the service how it decided."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from service.domain.names import ExecutionId, VerifyMode
from service.domain.options import OnError, WorkerOptions
from service.domain.phases import ACTIVE_PHASES, Phase
from tests.simulation.cloud import Cloud, Delivered
from tests.simulation.datasync import HOUSEKEEPING, TrueExecution, TrueTask, Version, Word

CLOSED_WITH_A_SAY = (Phase.PUBLISHED, Phase.CARRIED)


@dataclass(frozen=True)
class Sent:
    """A message on the queue, read as a consumer reads it."""

    at_s: float
    by: str
    id: str
    deduplication_id: str
    execution: TrueExecution
    path: str
    size_bytes: int
    etag: str

    @property
    def replayed(self) -> bool:
        return self.deduplication_id != self.id

    def __str__(self) -> str:
        return f"{self.at_s:.3f} {self.execution.id} /{self.path!r} {self.etag} by {self.by}"


@dataclass
class Verdict:
    """What was found wrong, by which promise; and some figures."""

    wrong: list[str] = field(default_factory=list)
    figures: Counter[str] = field(default_factory=Counter)

    def say(self, promise: str, what: object) -> None:
        self.wrong.append(f"{promise}: {what}")
        self.figures[promise] += 1


@dataclass
class Oracle:
    """Judges a finished run. `calm`: no kill, no pause, no lost answer, no lease in doubt."""

    tasks: Sequence[TrueTask]
    cloud: Cloud
    options: WorkerOptions
    calm: bool
    released: dict[str, list[float]]

    def judge(self) -> Verdict:
        verdict = Verdict()
        by_id = {e.id: e for task in self.tasks for e in task.executions}
        sent = [_read(delivered, by_id) for delivered in self.cloud.queue.delivered]
        verdict.figures["messages"] = len(sent)
        for message in sent:
            self._judge_message(message, verdict)
        self._judge_repetitions(sent, verdict)
        versions: dict[tuple[str, str], list[Sent]] = defaultdict(list)
        for message in sent:
            word = message.execution.words.get(message.path)
            if word and word.verified:
                versions[word.verified.etag, message.path].append(message)
        for task in self.tasks:
            for execution in task.executions:
                self._judge_end(execution, verdict)
                self._judge_completeness(execution, versions, verdict)
        if not self.options.publish_unchanged:
            self._judge_freshness(versions, verdict)
        self._judge_notifications(verdict)
        return verdict

    def _judge_message(self, sent: Sent, verdict: Verdict) -> None:
        execution, word = sent.execution, sent.execution.words.get(sent.path)
        if sent.path in HOUSEKEEPING or sent.path.endswith("/") or not sent.path:
            verdict.say("7 housekeeping or directory", sent)
        if word is None or word.verified is None or word.failed:
            verdict.say("1 unvalidated", sent)
        elif word.verified.size_bytes != sent.size_bytes:
            verdict.say("1 wrong size", sent)
        if sent.replayed:
            return  # A person has asked for it, of an execution that was published.
        host = self._host(sent)
        if host is None:
            verdict.say("2 nobody publishes this", sent)
            return
        for one in {execution.id: execution, host.id: host}.values():
            self._judge_time(one, sent, verdict, host=one is host)
        self._judge_word(sent, host, verdict)

    def _host(self, sent: Sent) -> TrueExecution | None:
        """The execution in whose publishing the message went out: its own, or the later one that it was carried to."""
        later = [e for e in sent.execution.task.executions if e.order >= sent.execution.order]
        phases = {e.id: self._phase(e, sent.at_s) for e in later}
        own = phases[sent.execution.id]
        if own is Phase.CARRIED:
            return next((e for e in later if phases[e.id] is Phase.PUBLISHING), None)
        if own is Phase.PUBLISHING:
            return sent.execution
        if self.calm:
            return None
        # A worker that was paused may send late what it was allowed to send: its own files, or carried ones.
        closed = [e for e in later if e.status == "SUCCESS" and phases[e.id] is Phase.PUBLISHED]
        return closed[0] if closed and sent.execution.status == "ERROR" else sent.execution

    def _phase(self, execution: TrueExecution, at_s: float) -> Phase | None:
        entry = self.cloud.executions.phase_at(ExecutionId(execution.id), at_s)
        return entry[1] if entry else None

    def _judge_time(self, execution: TrueExecution, sent: Sent, verdict: Verdict, *, host: bool) -> None:
        released = any(at_s <= sent.at_s for at_s in self.released.get(execution.id, ()))
        ended_s = execution.ended_s
        if ended_s is None or sent.at_s < ended_s:
            verdict.say("2 before the end", sent)
            return
        if sent.at_s < ended_s + self.options.settle_s - SKEW_S and not released:
            verdict.say("2 before the log was quiet", sent)
        if host and execution.status == "ERROR" and self.options.on_error is not OnError.PUBLISH and not released:
            verdict.say("2 without SUCCESS", sent)
        visible_s = max((w.verified_visible_s for w in execution.words.values() if w.verified), default=0.0)
        late = sent.at_s >= ended_s + self.options.seal_deadline_s - SKEW_S
        if sent.at_s < visible_s and not late and not released:
            verdict.say("2 before the log was complete", f"{sent}, {execution.id} until {visible_s:.3f}")

    def _judge_word(self, sent: Sent, host: TrueExecution, verdict: Verdict) -> None:
        """The newest execution that says anything about the file decides."""
        since = self.cloud.executions.phase_at(ExecutionId(host.id), sent.at_s)
        for newer in sent.execution.task.executions:
            word = newer.words.get(sent.path)
            if newer.order <= sent.execution.order or word is None or not self._was_read(newer, word):
                continue
            closed = self.cloud.executions.phase_at(ExecutionId(newer.id), since[0] if since else sent.at_s)
            if newer is host or (newer.order < host.order and closed and closed[1] in CLOSED_WITH_A_SAY):
                verdict.say("4 a newer execution decides", f"{sent}, {newer.id}")

    def _was_read(self, execution: TrueExecution, word: Word) -> bool:
        """Whether what it says about a file could be read before its log was given up as incomplete."""
        return execution.ended_s is not None and word.visible_s <= execution.ended_s + self.options.seal_deadline_s

    def _judge_repetitions(self, sent: Sequence[Sent], verdict: Verdict) -> None:
        copies: dict[str, list[Sent]] = defaultdict(list)
        for message in sent:
            copies[message.deduplication_id].append(message)
        for messages in copies.values():
            verdict.figures["duplicates"] += len(messages) - 1
            if len(messages) > 1 and self.calm:
                verdict.say("5 twice without a crash", "; ".join(map(str, messages)))
        ids: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for message in sent:
            ids[message.id].add((message.execution.id, message.path))
        for names in ids.values():
            if len(names) != 1:
                verdict.say("5 one id for two files", names)

    def _judge_notifications(self, verdict: Verdict) -> None:
        """Each time that an execution came to rest is told at least once, and nothing that never was."""
        told = {each.id: each.attributes for each in self.cloud.topic.notifications}
        verdict.figures["notifications"] = len(self.cloud.topic.notifications)
        announced = Counter((each["execution_id"], each["phase"]) for each in told.values())
        rested = Counter(
            (name, phase.value)
            for name, history in self.cloud.executions.history.items()
            for _, phase in history
            if phase not in ACTIVE_PHASES
        )
        if announced != rested:
            verdict.say("notifications", f"{announced - rested} too many, {rested - announced} missing")

    def _judge_end(self, execution: TrueExecution, verdict: Verdict) -> None:
        record = self.cloud.executions.records.get(ExecutionId(execution.id))
        if record is None:
            verdict.say("10 never seen", execution.id)
        elif record.phase in ACTIVE_PHASES:
            verdict.say("6 stuck", f"{execution.id} in {record.phase}")
        elif record.reason == "internal_error":
            verdict.say("8 an error of our own", execution.id)
        elif execution.plan.verify_mode == VerifyMode.NONE and record.phase not in (Phase.HELD, Phase.DISCARDED):
            verdict.say("8 published without evidence", execution.id)

    def _judge_completeness(
        self, execution: TrueExecution, versions: dict[tuple[str, str], list[Sent]], verdict: Verdict
    ) -> None:
        history = self.cloud.executions.history[ExecutionId(execution.id)]
        published_s = next((at_s for at_s, phase in history if phase is Phase.PUBLISHED), None)
        if published_s is None or execution.ended_s is None:
            return
        for path, word in execution.words.items():
            if word.verified is None or word.failed or path in HOUSEKEEPING:
                continue
            if word.verified_visible_s > execution.ended_s + self.options.seal_deadline_s:
                continue
            verdict.figures["validated files accounted for"] += 1
            if any(sent.at_s <= published_s for sent in versions.get((word.verified.etag, path), ())):
                continue
            if self._gone(execution, path, word.verified, published_s) or self._overtaken(execution, path, published_s):
                continue
            if self._given_up(execution, word.verified):
                continue
            verdict.say("4 lost", f"{execution.id} {path!r} {word.verified.etag}, PUBLISHED at {published_s:.3f}")

    @staticmethod
    def _gone(execution: TrueExecution, path: str, version: Version, at_s: float) -> bool:
        """Whether S3 had something else there before all was published."""
        return any(version.put_s < changed_s <= at_s for changed_s in execution.task.objects_s.get(path, ()))

    def _given_up(self, execution: TrueExecution, version: Version) -> bool:
        """Whether the execution that wrote it was discarded: whoever verifies it later need not send it."""
        for other in execution.task.executions:
            record = self.cloud.executions.records.get(ExecutionId(other.id))
            wrote = other.ended_s is not None and other.started_s <= version.put_s <= other.ended_s
            if wrote and record is not None and record.phase is Phase.DISCARDED:
                return True
        return False

    def _overtaken(self, execution: TrueExecution, path: str, at_s: float) -> bool:
        """Whether a newer execution had something to say about the file by then: then it answers for it."""
        for newer in execution.task.executions:
            if newer.order > execution.order and path in newer.words:
                phase = self._phase(newer, at_s)
                if phase is not None and phase is not Phase.FOLLOWING and phase is not Phase.SEALING:
                    return True
        return False

    def _judge_freshness(self, versions: dict[tuple[str, str], list[Sent]], verdict: Verdict) -> None:
        """A version of a file goes out under one id. What another execution wrote meanwhile is no repetition."""
        for (etag, _), all_messages in versions.items():
            messages = [message for message in all_messages if message.etag == etag]
            if len({message.id for message in messages}) > 1:
                put_s = self._put_s(messages[0])
                starts = {int(e.started_s) for e in messages[0].execution.task.executions}
                if put_s is None or int(put_s) not in starts:
                    verdict.say("3 unchanged", "; ".join(map(str, messages)))

    @staticmethod
    def _put_s(sent: Sent) -> float | None:
        word = sent.execution.words.get(sent.path)
        return word.verified.put_s if word and word.verified else None


SKEW_S = 2.0
"""How wrong a worker's clock may be in the simulation; it measures the quiet and the deadline by it."""


def _read(delivered: Delivered, by_id: dict[str, TrueExecution]) -> Sent:
    message = delivered.message
    body = orjson.loads(message.body)
    execution = by_id[body["execution_arn"].split("/")[3]]
    return Sent(
        at_s=delivered.at_s,
        by=delivered.by,
        id=body["id"],
        deduplication_id=message.deduplication_id,
        execution=execution,
        path=body["fileName"][1:],
        size_bytes=body["size"],
        etag=body["etag"],
    )
