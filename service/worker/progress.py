"""How far a worker has come in sending an execution's files: all of it can be had again from the stored cursor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.domain.execution import Execution, Target
from service.domain.freshness import Saying
from service.domain.messages import StoredObject
from service.ports import Objects
from service.worker.chunk import Candidate, Chunk
from service.worker.join import Join
from service.worker.past import Past
from service.worker.walk import Walk

FILES_PER_CHUNK = 1000


@dataclass(slots=True)
class Progress:
    """A walk over some executions' facts, the joins with where they wrote to, and the chunk that is being sent.

    `pasts` tell, by the execution's place, what became of its files before.
    """

    executions: Sequence[Execution]
    walk: Walk
    pasts: Mapping[int, Past] = field(default_factory=dict)
    joins: dict[Target, Join] = field(default_factory=dict)
    files: list[tuple[str, Sequence[Saying]]] = field(default_factory=list)
    chunk: Chunk | None = None

    async def next_files(self) -> list[tuple[str, Sequence[Saying]]]:
        """The files of the next chunk; none when all have been decided on."""
        if not self.files:
            self.files = list(await self.walk.next())
        files, self.files = self.files[:FILES_PER_CHUNK], self.files[FILES_PER_CHUNK:]
        if not self.pasts:
            return files
        return [(path, [await self._with_past(path, saying) for saying in sayings]) for path, sayings in files]

    async def _with_past(self, path: str, saying: Saying) -> Saying:
        past = self.pasts.get(saying.source)
        return saying if past is None else saying._replace(before=await past.of(path))

    async def look_up(
        self, objects: Objects, candidates: Sequence[Candidate]
    ) -> Mapping[Target, Mapping[str, StoredObject]]:
        """The objects of the candidates that exist, by where they are and their key."""
        keys: dict[Target, list[str]] = {}
        for candidate in candidates:
            keys.setdefault(candidate.target, []).append(candidate.key)
        for target in keys:
            self.joins.setdefault(target, Join(objects, target.bucket, target.prefix))
        return {target: await self.joins[target].look_up(keys_there) for target, keys_there in keys.items()}
