"""The sending of a chunk's messages: in batches, several at a time, each one only while the lease is owned."""

import asyncio
from collections.abc import Sequence

from service.concurrency import run_all
from service.domain.errors import AwsCallError, RequestRejectedError, TransientError
from service.domain.file_chunk import FileChunk
from service.domain.messages import Message
from service.leasing.leased_executions import LeasedExecution
from service.ports import Queue

CONCURRENT_BATCHES = 8

_OPERATION = "sqs.SendMessageBatch"


class Sender:
    """A sender of a chunk's messages, which records each acknowledgement, whatever happens to the other messages."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    async def send(self, leased: LeasedExecution, chunk: FileChunk) -> None:
        """Send each pending message once. Raise the reason if some are still pending afterwards.

        RequestRejectedError, which comes first: the queue will never accept one. ConflictError: the lease may be
        lost. The other errors: not now.
        """
        pending = list(chunk.pending.items())
        slots = asyncio.Semaphore(CONCURRENT_BATCHES)
        size = self._queue.batch_size
        batches = [pending[start : start + size] for start in range(0, len(pending), size)]
        results = await run_all(self._send_batch(leased, chunk, batch, slots) for batch in batches)
        errors = [error for error in results if error is not None]
        if errors:
            raise next((error for error in errors if isinstance(error, RequestRejectedError)), errors[0])

    async def _send_batch(
        self, leased: LeasedExecution, chunk: FileChunk, batch: Sequence[tuple[str, Message]], slots: asyncio.Semaphore
    ) -> AwsCallError | None:
        """Send one batch and return its error, so that the other batches are sent all the same."""
        async with slots:
            try:
                leased.require_lease()
                result = await self._queue.send([message for _, message in batch])
            except AwsCallError as error:
                return error
        chunk.acknowledge(path for path, message in batch if message.id in result.sent)
        for path, message in batch:
            if message.id in result.rejected:
                detail = f"the message for {'/' + path!r} is rejected: {result.rejected[message.id]}"
                return RequestRejectedError(_OPERATION, detail)
        return TransientError(_OPERATION, f"{len(result.failed)} messages were not accepted") if result.failed else None
