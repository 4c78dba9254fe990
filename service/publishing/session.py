"""The in-memory state of publishing an execution. It can be rebuilt from the stored progress at any time."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from service.domain.execution import Execution, Outcome, PlanMember, PublishPlan, S3Location
from service.domain.file_chunk import Candidate, FileChunk, FileWithEvidence, decide_files, resolve_candidates
from service.domain.file_decision import FileEvidence
from service.domain.messages import StoredObject
from service.domain.start_order import has_older_active
from service.files.fact_merge import FactMerge
from service.files.outcome_reader import OutcomeReader
from service.ports import ExecutionStore, FactStore, Objects, OutcomeStore
from service.publishing.object_lookup import ObjectLookup

FILES_PER_CHUNK = 1000


class SessionScope(NamedTuple):
    """The files of a session.

    `executions` are those of the plan's members, in their order. `acknowledged` are the ids of later files that the
    queue has acknowledged. `outcome_readers` are by index in the plan. In a replay, `published` reads the outcomes of
    the replayed execution, of which only the published files are sent again.
    """

    plan: PublishPlan
    executions: Sequence[Execution]
    acknowledged: Collection[str]
    outcome_readers: Mapping[int, OutcomeReader] = MappingProxyType({})
    published: OutcomeReader | None = None
    replay_number: int = 0


class PublishSession:
    """The files that are still to publish, after the stored cursor. `chunk` are those that are being sent."""

    def __init__(
        self, scope: SessionScope, facts: FactMerge, objects: Objects, *, check_s3: bool, publish_unchanged: bool
    ) -> None:
        self.chunk: FileChunk | None = None
        self._scope = scope
        self._facts = facts
        self._objects = objects
        self._check_s3 = check_s3
        self._publish_unchanged = publish_unchanged
        self._lookups: dict[S3Location, ObjectLookup] = {}
        self._files: list[FileWithEvidence] = []

    async def decide_next(self) -> bool:
        """Decide the next files, which become the chunk, with their messages. Return False after the last."""
        while len(self._files) < FILES_PER_CHUNK and (more := await self._facts.next_files()):
            self._files += more
        files, self._files = self._files[:FILES_PER_CHUNK], self._files[FILES_PER_CHUNK:]
        if not files:
            return False
        chunk, candidates = decide_files(await self._with_outcomes(files), self._scope.plan, self._scope.executions)
        resolve_candidates(
            chunk,
            candidates,
            await self._look_up(candidates) if self._check_s3 else None,
            publish_unchanged=self._publish_unchanged,
            acknowledged=self._scope.acknowledged,
            replay_count=self._scope.replay_number,
        )
        self.chunk = chunk
        return True

    def drop_stored(self) -> None:
        """Drop the files of the chunk whose outcomes are stored, and the chunk after its last file."""
        if self.chunk is not None:
            self.chunk.drop_stored(self.chunk.acknowledged_prefix())
            self.chunk = self.chunk if self.chunk.paths else None

    async def _with_outcomes(self, files: Sequence[FileWithEvidence]) -> Sequence[FileWithEvidence]:
        """Add the stored outcomes to the evidence. In a replay, keep only the published files."""
        published = self._scope.published
        if published:
            return [file for file in files if await published.outcome_of(file[0]) is Outcome.PUBLISHED]
        if not self._scope.outcome_readers:
            return files
        return [(path, [await self._with_outcome(path, entry) for entry in evidence]) for path, evidence in files]

    async def _with_outcome(self, path: str, evidence: FileEvidence) -> FileEvidence:
        reader = self._scope.outcome_readers.get(evidence.member)
        return evidence if reader is None else evidence._replace(previous_outcome=await reader.outcome_of(path))

    async def _look_up(self, candidates: Sequence[Candidate]) -> Mapping[S3Location, Mapping[str, StoredObject]]:
        """Return the candidates' objects that exist, by location and key."""
        keys: dict[S3Location, list[str]] = {}
        for candidate in candidates:
            keys.setdefault(candidate.location, []).append(candidate.key)
        for location in keys:
            self._lookups.setdefault(location, ObjectLookup(self._objects, location.bucket, location.prefix))
        return {location: await self._lookups[location].look_up(in_order) for location, in_order in keys.items()}


class SessionFactory:
    """A factory of the sessions in which executions are published."""

    def __init__(
        self,
        executions: ExecutionStore,
        facts: FactStore,
        outcomes: OutcomeStore,
        objects: Objects,
        *,
        check_s3: bool,
        publish_unchanged: bool,
    ) -> None:
        self._executions = executions
        self._facts = facts
        self._outcomes = outcomes
        self._objects = objects
        self._check_s3 = check_s3
        self._publish_unchanged = publish_unchanged

    async def open(self, execution: Execution) -> PublishSession | None:
        """Open a session that starts after the cursor. Return None if a plan must be made first.

        A plan is no longer valid if it was cleared by a release, if a member has expired, or if an older execution was
        released while it was made. An execution that is released later sees this plan and leaves it these files.
        """
        if execution.replay.active:
            return self._open_replay(execution)
        if execution.plan is None:
            return None
        loaded = [await self._executions.get(member.execution_id) for member in execution.plan.members]
        members = [member for member in loaded if member is not None]
        if len(members) < len(loaded) or has_older_active(execution, members):
            return None
        merge = FactMerge(self._facts, members, after=execution.progress.cursor)
        readers = {
            index: OutcomeReader(self._outcomes, member.id)
            for index, member in enumerate(members)
            if member.id != execution.id
        }
        scope = SessionScope(execution.plan, members, execution.progress.acknowledged_ahead, readers)
        return PublishSession(
            scope, merge, self._objects, check_s3=self._check_s3, publish_unchanged=self._publish_unchanged
        )

    def _open_replay(self, execution: Execution) -> PublishSession:
        """Open a session whose plan has one member, and whose files are those that it published."""
        new_since_ms = execution.plan.new_since_ms if execution.plan else None
        plan = PublishPlan((PlanMember(execution.id, execution.started_at_ms, publishes=True),), new_since_ms)
        merge = FactMerge(self._facts, [execution], after=execution.sending.cursor)
        scope = SessionScope(
            plan,
            [execution],
            execution.replay.progress.acknowledged_ahead,
            published=OutcomeReader(self._outcomes, execution.id),
            replay_number=execution.replay.count,
        )
        return PublishSession(scope, merge, self._objects, check_s3=self._check_s3, publish_unchanged=True)
