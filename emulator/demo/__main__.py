"""`python -m emulator.demo`."""

import asyncio
import contextlib
import signal
import tempfile
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from emulator.demo.commands import commands_to_try
from emulator.demo.environment import Environment, start_environment
from emulator.demo.output import Output
from emulator.demo.processes import ProcessFailedError
from emulator.demo.recording import recording_console, write_recording
from emulator.demo.scenarios import Scenarios
from emulator.demo.watcher import Watcher

T = TypeVar("T")


async def demo(console: Console, *, keep: bool) -> int:
    """Start everything, run the scenarios, and keep it all running if that is wanted. Return the exit code."""
    began_s = time.monotonic()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    output = Output(console)
    output.print_text("Starting moto (S3, SQS, DynamoDB, CloudWatch Logs), the DataSync emulator and datasync-trigger.")
    with tempfile.TemporaryDirectory(prefix="datasync-trigger-demo-") as home:
        async with start_environment(Path(home)) as environment:
            watcher = Watcher(environment, output)
            scenarios = Scenarios(environment, output, watcher)
            with output.open():
                wrong = await _unless_stopped(stop, scenarios.run_all())
            if wrong is None:
                return 130
            output.print_table()
            _print_result(output, wrong, time.monotonic() - began_s)
            if keep:
                _print_commands(output, environment, scenarios.failed_execution_id)
                await _unless_stopped(stop, watcher.watch())
                output.print_text("\nStopping.")
    return 1 if wrong else 0


async def _unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Return the result of the work, or None if it was stopped before its end."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if working.done():
        return working.result()
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    return None


def _print_result(output: Output, wrong: list[str], took_s: float) -> None:
    for sentence in wrong:
        output.print_text(f"Wrong: {sentence}.", style="red")
    if not wrong:
        output.print_text(
            "\n8 files, 8 messages: every verified file is on the queue once. The failed execution published nothing"
            f"\nitself; its good files were published with the next success. ({took_s:.0f} s)"
        )


def _print_commands(output: Output, environment: Environment, failed_execution_id: str) -> None:
    output.print_heading("Everything is still running, until Ctrl-C. Three commands to try in a second terminal:")
    for number, (text, command) in enumerate(commands_to_try(environment, failed_execution_id), start=1):
        output.print_text(f"\n{number}. {text}\n")
        output.print_text(command, style="cyan")
    output.print_text(f"\nThe service's HTTP API and its metrics: {environment.worker_url}\n")


def main(
    *,
    keep: Annotated[bool, typer.Option(help="Keep everything running, and print commands to try.")] = False,
    recording: Annotated[Path | None, typer.Option(help="Draw the output as this SVG file, too.")] = None,
) -> None:
    """Show the service at work on an AWS that runs on this machine, in about half a minute."""
    console = recording_console() if recording else Console(highlight=False)
    try:
        code = asyncio.run(demo(console, keep=keep))
    except (ProcessFailedError, TimeoutError) as error:
        console.print(f"The demo failed: {str(error) or 'an execution took too long'}", style="red", soft_wrap=True)
        code = 1
    if recording and code == 0:
        write_recording(console, recording)
    raise SystemExit(code)


if __name__ == "__main__":
    typer.run(main)
