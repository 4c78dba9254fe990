"""Child processes: each is started, is waited for until it is ready, and is ended with the demo."""

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

READY_S = 30.0
STOP_S = 30.0

SERVICE = str(Path(sys.executable).parent / "datasync-trigger")


class ProcessFailedError(Exception):
    """A process failed, or did not get ready in time. The message ends with the last lines of its output."""


@asynccontextmanager
async def running(
    command: Sequence[str], environment: Mapping[str, str], *, ready: re.Pattern[str], log: Path
) -> AsyncIterator[str]:
    """Run a process for the time of the block, and yield what the first group of `ready` matched in its output.

    All of its output is in `log`. It is ended by SIGTERM, and by SIGKILL if that takes longer than 30 s.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=2**20,
        # A Ctrl-C on the terminal reaches only the demo, which stops the processes in their order.
        start_new_session=True,
    )
    matched: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    copying = asyncio.create_task(_copy(process, ready, matched, log))
    try:
        both: list[asyncio.Future[Any]] = [matched, copying]
        await asyncio.wait(both, timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
        if not matched.done():
            raise ProcessFailedError(f"{command[0]} did not start:\n{_tail(log)}")
        yield matched.result()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
        await copying


async def finished(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run a command to its end and return its standard output. Raises ProcessFailedError when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    if process.returncode:
        raise ProcessFailedError(f"{' '.join(command)} failed:\n{errors.decode()}")
    return output.decode()


async def _copy(
    process: asyncio.subprocess.Process, ready: re.Pattern[str], matched: asyncio.Future[str], log: Path
) -> None:
    if process.stdout is None:
        raise TypeError("the process was started without a pipe")
    with log.open("wb") as file:
        async for line in process.stdout:
            file.write(line)
            file.flush()
            match = ready.search(line.decode(errors="replace"))
            if match and not matched.done():
                matched.set_result(match[1])


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
