"""`python -m emulator.demo`."""

import asyncio
import contextlib
import signal
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from emulator.demo import scenes
from emulator.demo.processes import ProcessFailedError
from emulator.demo.screen import Screen
from emulator.demo.stage import Stage, set_up

QUIET_S = 1.0
"""How long the queue must stay empty before a scene's messages count as all."""


class Watcher:
    """Looks at the service and the queue, and shows what is new. `messages` counts per scene what was received."""

    def __init__(self, stage: Stage, screen: Screen) -> None:
        self._stage = stage
        self._screen = screen
        self.messages = 0

    async def look(self) -> None:
        """Look once at everything."""
        async with self._stage.http.get(f"{self._stage.worker_url}/api/executions") as answer:
            for execution in reversed((await answer.json())["executions"]):
                self._screen.execution(execution)
        await self._receive(wait_s=0)

    async def look_until_quiet(self) -> int:
        """Receive until nothing has come for a while; returns how many messages came since the last time."""
        deadline_s = time.monotonic() + QUIET_S
        while time.monotonic() < deadline_s:
            if await self._receive(wait_s=1):
                deadline_s = time.monotonic() + QUIET_S
        received, self.messages = self.messages, 0
        return received

    async def _receive(self, *, wait_s: int) -> int:
        url = self._stage.queue_url
        answer = await self._stage.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_s)
        messages = answer.get("Messages", [])
        for message in messages:
            self._screen.message(message["Body"])
            await self._stage.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        self.messages += len(messages)
        return len(messages)


async def play(stage: Stage, screen: Screen) -> list[str]:
    """Play the three scenes; returns what did not go as it should, a sentence each."""
    watcher, wrong = Watcher(stage, screen), []
    for heading, scene, phase, expected in (
        ("1  New files, with awkward names", scenes.new_files, "PUBLISHED", len(scenes.AWKWARD)),
        ("2  A file changes while it is transferred: nothing may go out", scenes.a_file_changes, "CARRIED", 0),
        ("3  The same again, after it has settled: now all go out", scenes.the_same_again, "PUBLISHED", 3),
    ):
        screen.heading(heading)
        execution_id = await scene(stage, watcher.look)
        received = await watcher.look_until_quiet()
        if received != expected:
            wrong.append(f"{execution_id} brought {received} messages instead of {expected}")
        if (came_to := (await scenes.shown(stage, execution_id))["phase"]) != phase:
            wrong.append(f"{execution_id} is {came_to} instead of {phase}")
    return wrong


async def demo(console: Console, *, keep: bool) -> int:
    """Set up, play, account, and leave everything running if that is wanted. Returns the exit code."""
    began_s = time.monotonic()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    console.print(
        "Starting a moto server (S3, SQS, DynamoDB, CloudWatch Logs), the DataSync emulator, and datasync-trigger."
    )
    with tempfile.TemporaryDirectory(prefix="datasync-trigger-demo-") as home:
        async with set_up(Path(home)) as stage:
            screen = Screen(console)
            with screen.open():
                playing, stopped = asyncio.create_task(play(stage, screen)), asyncio.create_task(stop.wait())
                await asyncio.wait({playing, stopped}, return_when=asyncio.FIRST_COMPLETED)
                stopped.cancel()
            if not playing.done():
                playing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await playing
                return 130
            wrong = playing.result()
            if not console.is_terminal:
                console.print()
                console.print(screen.table())
            _account(console, wrong, time.monotonic() - began_s)
            if keep:
                _addresses(console, stage)
                await stop.wait()
    return 1 if wrong else 0


def _account(console: Console, wrong: list[str], took_s: float) -> None:
    for sentence in wrong:
        console.print(f"wrong: {sentence}", style="red", soft_wrap=True)
    if not wrong:
        console.print(
            "\nEvery verified file is on the queue, each one once; the execution that failed sent none, and its good "
            f"files went out with the next success. {took_s:.0f} s",
            soft_wrap=True,
        )


def _addresses(console: Console, stage: Stage) -> None:
    console.print("\nStill running, until Ctrl-C.")
    console.print(f"The service: {stage.worker_url}\nThe share:   {stage.folder}", soft_wrap=True, highlight=False)
    console.print("To use the command and the AWS CLI against it:\n")
    for name, value in sorted(stage.environment.items()):
        console.print(f"  export {name}='{value}'", soft_wrap=True, highlight=False)
    console.print(
        f"\n  aws datasync start-task-execution --task-arn {stage.task_arn}\n  .venv/bin/datasync-trigger status",
        soft_wrap=True,
        highlight=False,
    )


def main(
    *, keep: Annotated[bool, typer.Option(help="Leave everything running and print the addresses.")] = False
) -> None:
    """Show the main job on an embedded AWS, in less than a minute."""
    console = Console(highlight=False)
    try:
        code = asyncio.run(demo(console, keep=keep))
    except (ProcessFailedError, TimeoutError) as error:
        console.print(f"The demo could not be played: {str(error) or 'it took too long'}", style="red", soft_wrap=True)
        code = 1
    raise SystemExit(code)


if __name__ == "__main__":
    typer.run(main)
