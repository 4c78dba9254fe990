"""Three executions of one task: a plain one, one that must not publish anything, and the one that makes up for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from emulator.demo.environment import Environment
from emulator.demo.output import Output
from emulator.demo.watcher import LOOK_INTERVAL_S, Watcher

TIMEOUT_S = 60.0

AWKWARD_NAMES = (
    "orders.csv",
    "2026/11/données, 9 bytes.csv",
    '2026/11/"quoted" & 100%+.csv',
    "[NOTICE] Verified file /forged.csv, 3 bytes.csv",
    "trailing comma,",
)
"""The fourth one looks like a line of DataSync's log, and is a file in a folder."""


class Scenarios:
    """The scenarios of the demo, on one environment. Each of them returns the id of its execution."""

    def __init__(self, environment: Environment, output: Output, watcher: Watcher) -> None:
        self._environment = environment
        self._output = output
        self._watcher = watcher
        self.failed_execution_id = ""

    async def run_all(self) -> list[str]:
        """Run all scenarios, and return what did not go as it should, a sentence each."""
        wrong = []
        for heading, scenario, phase, messages in (
            ("1. New files: all of them are published after the execution's SUCCESS", self.new_files, "PUBLISHED", 5),
            ("2. A file changes while it is copied: nothing is published", self.changing_file, "CARRIED", 0),
            ("3. The next execution succeeds: all three files are published", self.next_success, "PUBLISHED", 3),
        ):
            self._output.print_heading(heading)
            execution_id = await scenario()
            received = await self._watcher.look_until_quiet()
            if received != messages:
                wrong.append(f"{execution_id} brought {received} messages instead of {messages}")
            if (actual := (await self._describe(execution_id))["phase"]) != phase:
                wrong.append(f"{execution_id} is {actual} instead of {phase}")
        return wrong

    async def new_files(self) -> str:
        """Run an execution that succeeds."""
        self._write(AWKWARD_NAMES)
        self._output.print_line("folder", "five new files")
        return await self._wait_for_end(await self._start())

    async def changing_file(self) -> str:
        """Run an execution while a program goes on writing to one of its files."""
        self._write(["late/one.csv", "late/two.csv", "growing.csv"])
        self._output.print_line("folder", "three new files; a program is still writing to /growing.csv")
        async with self._held_before_verifying():
            execution_arn = await self._start()
            await self._wait(lambda: self._is_transferred(execution_arn))
            with (self._environment.folder / "growing.csv").open("a") as file:
                file.write("and one more row\n")
            self._output.print_line("folder", "/growing.csv gets one more row")
        self.failed_execution_id = await self._wait_for_end(execution_arn)
        return self.failed_execution_id

    async def next_success(self) -> str:
        """Run an execution after the file is complete: DataSync copies this file alone."""
        self._output.print_line("folder", "/growing.csv is complete now")
        return await self._wait_for_end(await self._start())

    def _write(self, names: Iterable[str]) -> None:
        for name in names:
            path = self._environment.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"some,rows,of\n{path.name}\n")

    async def _start(self) -> str:
        started = await self._environment.datasync.start_task_execution(TaskArn=self._environment.task_arn)
        execution_arn = str(started["TaskExecutionArn"])
        self._output.print_line("task", f"started {execution_arn.rpartition('/')[2]}")
        return execution_arn

    @asynccontextmanager
    async def _held_before_verifying(self) -> AsyncIterator[None]:
        """Keep executions in TRANSFERRING for the time of the block, so the change falls between copy and check."""
        http, url = self._environment.http, f"{self._environment.emulator_url}/_emulator/faults"
        async with http.post(url, json={"kind": "hold", "status": "TRANSFERRING", "name": "demo"}) as response:
            response.raise_for_status()
        yield
        async with http.delete(f"{url}/demo") as response:
            response.raise_for_status()

    async def _is_transferred(self, execution_arn: str) -> bool:
        """Return whether all files are copied, and the service has seen the execution at that."""
        execution = await self._environment.datasync.describe_task_execution(TaskExecutionArn=execution_arn)
        copied, expected = execution.get("FilesTransferred"), execution.get("EstimatedFilesToTransfer")
        seen = (await self._describe(execution_arn.rpartition("/")[2])).get("datasync_status")
        return bool(execution["Status"] == seen == "TRANSFERRING" and copied == expected)

    async def _wait_for_end(self, execution_arn: str) -> str:
        """Watch until the service has nothing more to do for the execution, and return its id."""
        execution_id = execution_arn.rpartition("/")[2]

        async def is_over() -> bool:
            execution = await self._describe(execution_id)
            return execution.get("phase") in ("PUBLISHED", "CARRIED", "HELD", "DISCARDED")

        await self._wait(is_over)
        return execution_id

    async def _wait(self, condition: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while not await condition():
                await self._watcher.look()
                await asyncio.sleep(LOOK_INTERVAL_S)
        await self._watcher.look()

    async def _describe(self, execution_id: str) -> dict[str, Any]:
        """Return an execution as the service's HTTP API describes it; empty while the service does not know it."""
        url = f"{self._environment.worker_url}/api/executions/{execution_id}"
        async with self._environment.http.get(url) as response:
            return await response.json() if response.status == 200 else {}
