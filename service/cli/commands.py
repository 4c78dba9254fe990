"""One function per command. Results go to stdout, errors to stderr."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from service import __version__
from service.cli import health_check, show
from service.config import LogFormat, Settings, load
from service.config.reference import help_text
from service.domain.errors import NotFoundError
from service.domain.execution import Execution
from service.domain.names import ExecutionId, parse_execution_id
from service.domain.views import ExecutionFile, FileState, execution_view
from service.operations.commands import CommandRefusedError, OperatorCommands
from service.operations.inspect import Inspector

if TYPE_CHECKING:
    from service.app import Service

MAX_SHOWN = 100
"""The most executions that `status` shows: the newest."""

PAGE = 10_000
"""The files that are read at a time."""

ExecutionArgument = Annotated[str, typer.Argument(metavar="EXECUTION", help="Its ARN, or exec-…", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

program = typer.Typer(
    help="Publish files to SQS once AWS DataSync has copied them to S3 and verified them. "
    "The settings are environment variables, TRIGGER_…; `run --help` lists them.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Plain help does not need rich, which is slow to load.
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  (typer calls it so)
    if wanted:
        typer.echo(f"datasync-trigger {__version__}")
        raise typer.Exit


@program.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None: ...


@program.command(epilog=f"\b\n{help_text()}")  # Click does not rewrap a paragraph that begins with \\b.
def run() -> None:
    """Run the worker until SIGTERM or SIGINT."""
    settings = load(os.environ)
    from service import app  # noqa: PLC0415  (the SDK takes half a second to load)
    from service.telemetry import logging  # noqa: PLC0415  (only this command logs)

    logging.configure(level=settings.log_level, as_json=settings.log_format is LogFormat.JSON, stream=sys.stdout)
    raise typer.Exit(asyncio.run(app.run(settings)))


@program.command()
def init(
    *,
    queue: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Also create this queue and its dead-letter queue, and print the queue's URL."
        ),
    ] = None,
) -> None:
    """Create the DynamoDB table if it does not exist."""
    settings = load(os.environ, queue_required=queue is None)
    from service import app  # noqa: PLC0415  (the SDK takes half a second to load)

    table, url = asyncio.run(app.create_resources(settings, queue))
    # The URL is alone on stdout, for scripts.
    typer.echo(table, err=queue is not None)
    if url is not None:
        typer.echo(url)


@program.command()
def healthcheck() -> None:
    """Ask the worker of this container whether it is healthy."""
    settings = load(os.environ)
    healthy, line = health_check.check_health(settings.http_host, settings.http_port)
    typer.echo(line, err=not healthy)
    raise typer.Exit(0 if healthy else 1)


@program.command()
def status(
    execution: Annotated[str | None, typer.Argument(metavar="EXECUTION", help="Its ARN, or exec-…")] = None,
    *,
    json: JsonOption = False,
) -> None:
    """Show the newest executions, or one, and their progress."""
    settings = load(os.environ)
    if execution is None:
        newest = asyncio.run(_newest(settings))
        if json:
            show.print_json({"executions": [execution_view(each) for each in newest]})
        else:
            show.executions(newest)
            if not newest:
                typer.echo("no executions are known yet", err=True)
    else:
        found = asyncio.run(_one(settings, _parse_execution(execution)))
        if json:
            show.print_json(execution_view(found))
        else:
            show.execution(found)


@program.command()
def files(
    execution: ExecutionArgument,
    *,
    state: Annotated[FileState | None, typer.Option(help="Only files in this state.")] = None,
    prefix: Annotated[str, typer.Option(help="Only files whose path begins with this, such as /dir/.")] = "/",
    json: JsonOption = False,
) -> None:
    """Show the files of an execution and their state."""
    settings = load(os.environ)
    asyncio.run(_files(settings, _parse_execution(execution), state, prefix, json=json))


@program.command()
def release(execution: ExecutionArgument) -> None:
    """Publish the verified files of a held execution."""
    _run_command(execution, lambda operator, id_: operator.release(id_))


@program.command()
def discard(execution: ExecutionArgument) -> None:
    """Discard a held execution: its files are never published."""
    _run_command(execution, lambda operator, id_: operator.discard(id_))


@program.command()
def replay(execution: ExecutionArgument) -> None:
    """Send an execution's published files again, with the same ids."""
    _run_command(execution, lambda operator, id_: operator.replay(id_))


def _run_command(execution: str, command: Callable[[OperatorCommands, ExecutionId], Awaitable[str]]) -> None:
    """Run a command about an execution and print its result."""
    settings, execution_id = load(os.environ), _parse_execution(execution)

    async def run_command() -> str:
        async with _open_service(settings) as service:
            return await command(service.operator, execution_id)

    typer.echo(asyncio.run(run_command()))


def _parse_execution(execution: str) -> ExecutionId:
    try:
        return parse_execution_id(execution)
    except ValueError:
        raise CommandRefusedError(f"{execution!r} is neither the ARN of an execution nor exec-…") from None


@asynccontextmanager
async def _open_service(settings: Settings) -> AsyncIterator["Service"]:
    from service import app  # noqa: PLC0415  (the SDK takes half a second to load)

    async with app.open_service(settings) as service:
        try:
            yield service
        except NotFoundError:
            await service.readiness["table"].check()  # Its error names the command that creates it.
            raise


async def _newest(settings: Settings) -> Sequence[Execution]:
    async with _open_service(settings) as service:
        return await service.inspector.latest(MAX_SHOWN)


async def _one(settings: Settings, execution_id: ExecutionId) -> Execution:
    async with _open_service(settings) as service:
        return await _load(service.inspector, execution_id)


async def _files(
    settings: Settings, execution_id: ExecutionId, state: FileState | None, prefix: str, *, json: bool
) -> None:
    async with _open_service(settings) as service:
        await _load(service.inspector, execution_id)
        pages = _pages(service.inspector, execution_id, state, prefix)
        await (show.files_document if json else show.files)(pages)


async def _load(inspector: Inspector, execution_id: ExecutionId) -> Execution:
    found = await inspector.execution(execution_id)
    if found is None:
        raise CommandRefusedError(f"{execution_id} is not known; `datasync-trigger status` lists the known executions")
    return found


async def _pages(
    inspector: Inspector, execution_id: ExecutionId, state: FileState | None, prefix: str
) -> AsyncIterator[Sequence[ExecutionFile]]:
    cursor: str | None = None
    while page := await inspector.files(execution_id, state=state, prefix=prefix, limit=PAGE, cursor=cursor):
        yield page.files
        cursor = page.cursor
        if cursor is None:
            break
