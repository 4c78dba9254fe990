"""Several calls at once, none left running."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def together(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run the calls at once and return their results in order.

    Returns or raises only when all have ended, so that nothing of a failed round goes on behind the next one. Raises
    the first failure in the order of the calls, as it is and not in a group: callers act on what kind it is.
    """
    tasks = [asyncio.ensure_future(call) for call in calls]
    await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel what still runs and return when it has ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
