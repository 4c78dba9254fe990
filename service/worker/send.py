"""Hand a chunk's messages to the queue: in batches, several at a time, each one under a good lease."""

import asyncio
from collections.abc import Sequence

from service.domain.errors import Rejected, Transient, Trouble
from service.domain.messages import Message
from service.ports import Queue
from service.worker.chunk import Chunk
from service.worker.lease import Keeper
from service.worker.together import together

BATCHES_AT_ONCE = 8

_CALL = "sqs.SendMessageBatch"


class Sender:
    """Sends what is pending. Every acknowledgement is noted in the chunk, whatever becomes of the rest."""

    def __init__(self, queue: Queue, keeper: Keeper) -> None:
        self._queue = queue
        self._keeper = keeper

    async def send(self, execution_id: str, chunk: Chunk) -> Trouble | None:
        """Send each pending message once; return why some are still pending, or None when all were taken.

        Rejected: the queue will never take one. Conflict: the lease is in doubt. Transient, Denied, Absent: not now.
        """
        pending = list(chunk.pending.items())
        slots = asyncio.Semaphore(BATCHES_AT_ONCE)
        size = self._queue.batch_size
        batches = [pending[start : start + size] for start in range(0, len(pending), size)]
        results = await together(self._send(execution_id, chunk, batch, slots) for batch in batches)
        troubles = [trouble for trouble in results if trouble is not None]
        rejections = [trouble for trouble in troubles if isinstance(trouble, Rejected)]
        return next(iter([*rejections, *troubles]), None)

    async def _send(
        self, execution_id: str, chunk: Chunk, batch: Sequence[tuple[str, Message]], slots: asyncio.Semaphore
    ) -> Trouble | None:
        """Send one batch. A trouble is returned, so that it does not cut off the batches beside it."""
        async with slots:
            try:
                self._keeper.lease(execution_id)
                delivery = await self._queue.send([message for _, message in batch])
            except Trouble as trouble:
                return trouble
        chunk.acknowledge(path for path, message in batch if message.id in delivery.sent)
        if delivery.rejected:
            return Rejected(_CALL, next(iter(delivery.rejected.values())))
        return Transient(_CALL, f"{len(delivery.failed)} messages were not taken") if delivery.failed else None
