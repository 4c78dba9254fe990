"""One function per command of the contract, section 2. What they print goes to stdout, what went wrong to stderr."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from service import __version__
from service.cli import probe, show
from service.config import LogFormat, Settings, load
from service.domain.errors import Absent
from service.domain.execution import Execution
from service.domain.names import ExecutionId, execution_id
from service.domain.views import File, FileState, execution_view
from service.worker.inspect import Inspector
from service.worker.operator import Operator, Refusal

if TYPE_CHECKING:
    from service.app import Service

SHOWN = 100
"""How many executions `status` shows: the newest."""

PAGE = 10_000
"""How many files are asked for at a time."""

ExecutionArgument = Annotated[str, typer.Argument(metavar="EXECUTION", help="Its ARN, or exec-…", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

program = typer.Typer(
    help="Publishes the files that AWS DataSync has moved to S3 and verified to SQS. Settings: TRIGGER_… variables.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Plain help needs no rich, which takes a while to load.
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - because typer calls it so
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


@program.command()
def run() -> None:
    """Work until SIGTERM or SIGINT."""
    settings = load(os.environ)
    from service import app  # noqa: PLC0415 - because the SDK takes half a second to load
    from service.observability import logging  # noqa: PLC0415 - because only this command logs

    logging.configure(level=settings.log_level, as_json=settings.log_format is LogFormat.JSON, stream=sys.stdout)
    raise typer.Exit(asyncio.run(app.run(settings)))


@program.command()
def init(
    *,
    queue: Annotated[str | None, typer.Option(metavar="NAME", help="Make this queue, too, and print its URL.")] = None,
) -> None:
    """Make the DynamoDB table, where it does not exist."""
    settings = load(os.environ, queue_required=queue is None)
    from service import app  # noqa: PLC0415 - because the SDK takes half a second to load

    table, url = asyncio.run(app.initialise(settings, queue))
    # Alone on stdout, so that a script can take it as it is.
    typer.echo(table, err=queue is not None)
    if url is not None:
        typer.echo(url)


@program.command()
def healthcheck() -> None:
    """Ask the worker of this container whether it is healthy."""
    settings = load(os.environ)
    healthy, line = probe.ask(settings.http_host, settings.http_port)
    typer.echo(line, err=not healthy)
    raise typer.Exit(0 if healthy else 1)


@program.command()
def status(
    execution: Annotated[str | None, typer.Argument(metavar="[EXECUTION]", help="Its ARN, or exec-…")] = None,
    *,
    json: JsonOption = False,
) -> None:
    """Show the newest executions, or one, and how far they have come."""
    settings = load(os.environ)
    if execution is None:
        newest = asyncio.run(_newest(settings))
        if json:
            show.document({"executions": [execution_view(each) for each in newest]})
        else:
            show.executions(newest)
            if not newest:
                typer.echo("no executions are known yet", err=True)
    else:
        found = asyncio.run(_one(settings, _named(execution)))
        if json:
            show.document(execution_view(found))
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
    asyncio.run(_files(settings, _named(execution), state, prefix, json=json))


@program.command()
def release(execution: ExecutionArgument) -> None:
    """Publish the validated files of an execution that is held."""
    _tell(execution, lambda operator, name: operator.release(name))


@program.command()
def discard(execution: ExecutionArgument) -> None:
    """Give up a held execution: its files are never published."""
    _tell(execution, lambda operator, name: operator.discard(name))


@program.command()
def replay(execution: ExecutionArgument) -> None:
    """Send an execution's published files once more, with the same ids."""
    _tell(execution, lambda operator, name: operator.replay(name))


def _tell(execution: str, word: Callable[[Operator, ExecutionId], Awaitable[str]]) -> None:
    """Tell an execution something and print what follows from it."""
    settings, name = load(os.environ), _named(execution)

    async def tell() -> str:
        async with _opened(settings) as service:
            return await word(service.operator, name)

    typer.echo(asyncio.run(tell()))


def _named(execution: str) -> ExecutionId:
    try:
        return execution_id(execution)
    except ValueError:
        raise Refusal(f"{execution!r} is no execution's ARN, and not of the form exec-…") from None


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator["Service"]:
    from service import app  # noqa: PLC0415 - because the SDK takes half a second to load

    async with app.opened(settings) as service:
        try:
            yield service
        except Absent:
            await service.readiness["table"].check()  # It says how to make it.
            raise


async def _newest(settings: Settings) -> Sequence[Execution]:
    async with _opened(settings) as service:
        return await service.inspector.latest(SHOWN)


async def _one(settings: Settings, name: ExecutionId) -> Execution:
    async with _opened(settings) as service:
        return await _known(service.inspector, name)


async def _files(settings: Settings, name: ExecutionId, state: FileState | None, prefix: str, *, json: bool) -> None:
    async with _opened(settings) as service:
        await _known(service.inspector, name)
        pages = _pages(service.inspector, name, state, prefix)
        await (show.files_document if json else show.files)(pages)


async def _known(inspector: Inspector, name: ExecutionId) -> Execution:
    found = await inspector.execution(name)
    if found is None:
        raise Refusal(f"{name} is not known: `datasync-trigger status` lists the executions that are")
    return found


async def _pages(
    inspector: Inspector, name: ExecutionId, state: FileState | None, prefix: str
) -> AsyncIterator[Sequence[File]]:
    cursor: str | None = None
    while page := await inspector.files(name, state=state, prefix=prefix, limit=PAGE, cursor=cursor):
        yield page.files
        cursor = page.cursor
        if cursor is None:
            break
