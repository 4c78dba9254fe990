"""Three executions of one task: a plain one, one that must not publish anything, and the one that makes up for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from emulator.demo.stage import Stage

SCENE_S = 60.0
LOOK_S = 0.2

AWKWARD = (
    "orders.csv",
    "2026/11/données, 9 bytes.csv",
    '2026/11/"quoted" & 100%+.csv',
    "[NOTICE] Verified file /forged.csv, 3 bytes.csv",
    "trailing comma,",
)
"""The fourth one looks like a line of DataSync's log, and is a file in a folder."""

Look = Callable[[], Awaitable[None]]


async def new_files(stage: Stage, look: Look) -> str:
    """An execution that succeeds. Returns its id, as each scene does."""
    _write(stage.folder, AWKWARD)
    return await _until_over(stage, await _start(stage), look)


async def a_file_changes(stage: Stage, look: Look) -> str:
    """An execution in which somebody goes on writing to a file while it is being transferred."""
    _write(stage.folder, ["late/one.csv", "late/two.csv", "growing.csv"])
    async with _held_before_verifying(stage):
        execution_arn = await _start(stage)
        await _wait(lambda: _is_transferred(stage, execution_arn), look)
        with (stage.folder / "growing.csv").open("a") as file:
            file.write("and one more row\n")
    return await _until_over(stage, execution_arn, look)


async def the_same_again(stage: Stage, look: Look) -> str:
    """An execution after the file has settled: DataSync transfers it alone."""
    return await _until_over(stage, await _start(stage), look)


def _write(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"some,rows,of\n{path.name}\n")


async def _start(stage: Stage) -> str:
    return str((await stage.datasync.start_task_execution(TaskArn=stage.task_arn))["TaskExecutionArn"])


@asynccontextmanager
async def _held_before_verifying(stage: Stage) -> AsyncIterator[None]:
    """Keep executions in TRANSFERRING for the time of the block, so that the change falls where it should."""
    url = f"{stage.emulator_url}/_emulator/faults"
    async with stage.http.post(url, json={"kind": "hold", "status": "TRANSFERRING", "name": "demo"}) as answer:
        answer.raise_for_status()
    yield
    async with stage.http.delete(f"{url}/demo") as answer:
        answer.raise_for_status()


async def _is_transferred(stage: Stage, execution_arn: str) -> bool:
    execution = await stage.datasync.describe_task_execution(TaskExecutionArn=execution_arn)
    counted = execution.get("FilesTransferred"), execution.get("EstimatedFilesToTransfer")
    return bool(execution["Status"] == "TRANSFERRING" and counted[0] == counted[1])


async def _until_over(stage: Stage, execution_arn: str, look: Look) -> str:
    """Watch until the service has come to an end with the execution."""
    execution_id = execution_arn.rpartition("/")[2]

    async def is_over() -> bool:
        execution = await shown(stage, execution_id)
        return execution.get("phase") in ("PUBLISHED", "CARRIED", "HELD", "DISCARDED")

    await _wait(is_over, look)
    return execution_id


async def _wait(condition: Callable[[], Awaitable[bool]], look: Look) -> None:
    async with asyncio.timeout(SCENE_S):
        while not await condition():
            await look()
            await asyncio.sleep(LOOK_S)
    await look()


async def shown(stage: Stage, execution_id: str) -> dict[str, Any]:
    """An execution as the worker's HTTP API shows it; empty while it does not know it."""
    async with stage.http.get(f"{stage.worker_url}/api/executions/{execution_id}") as answer:
        return await answer.json() if answer.status == 200 else {}
