"""Executions and files as tables, text or JSON. Names from outside cannot move the terminal's cursor."""

import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
import typer

from service.domain.execution import Execution
from service.domain.phases import Phase
from service.domain.views import ExecutionFile, escape_unprintable, execution_view, file_view

HEADINGS = ("EXECUTION", "PHASE", "REASON", "DATASYNC", "VERIFIED", "PUBLISHED", "FAILED", "STARTED", "TASK")
RIGHT = frozenset({"VERIFIED", "PUBLISHED", "FAILED"})

_DROPPED = ("TASK", "STARTED")
"""The columns that a narrow terminal does not show. The first is dropped first."""

_MIN_WIDTH = 4
"""The width in characters below which no text column is narrowed."""

_FILE_LINE = "{:<11}  {:>12}  {:<24}  {}"


def print_json(content: Mapping[str, Any]) -> None:
    """Print one JSON document."""
    typer.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2))


def executions(found: Iterable[Execution]) -> None:
    """Print a table: with colours on a terminal, else as aligned text.

    Below an execution that is held or blocked stands its `reason_detail`, shortened to the terminal's width.
    """
    shown = [_Row(_cells(execution_view(execution)), _detail(execution)) for execution in found]
    widths = [max(map(len, column)) for column in zip(HEADINGS, *(row.cells for row in shown), strict=True)]
    (_draw if sys.stdout.isatty() else _align)(shown, widths)


def execution(found: Execution) -> None:
    """Print one execution, one line per value."""
    view = execution_view(found)
    counts = view.pop("files")
    for name, value in {**view, **{f"files {state}": count for state, count in counts.items()}}.items():
        typer.echo(f"{name.replace('_', ' '):<18}  {_cell(value)}")


async def files(pages: AsyncIterator[Sequence[ExecutionFile]]) -> None:
    """Print a line per file as the pages arrive."""
    typer.echo(_FILE_LINE.format("STATE", "BYTES", "VERIFIED", "PATH"))
    async for page in pages:
        lines = [_file_line(file_view(file)) for file in page]
        if lines:
            typer.echo("\n".join(lines))


async def files_document(pages: AsyncIterator[Sequence[ExecutionFile]]) -> None:
    """Print one JSON document, a line per file as the pages arrive."""
    typer.echo('{"files": [', nl=False)
    before = b"\n"
    async for page in pages:
        if page:
            typer.echo(before + b",\n".join(orjson.dumps(file_view(file)) for file in page), nl=False)
            before = b",\n"
    typer.echo("\n]}")


class _Row(NamedTuple):
    """The cells of an execution, and the line below them."""

    cells: Sequence[str]
    detail: str | None


def _detail(execution: Execution) -> str | None:
    is_stopped = execution.phase is Phase.HELD or execution.blocked_since_ms is not None
    if execution.reason_detail is None or not is_stopped:
        return None
    return f"  ! {escape_unprintable(execution.reason_detail)}"


def _cells(view: Mapping[str, Any]) -> tuple[str, ...]:
    counts = view["files"]
    cells = (
        view["execution_id"],
        view["phase"],
        view["reason"],
        view["datasync_status"],
        counts["verified"],
        counts["published"],
        counts["failed"],
        view["started_at"],
        view["task_id"],
    )
    return tuple(map(_cell, cells))


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case _:
            return escape_unprintable(str(value))


def _file_line(view: Mapping[str, Any]) -> str:
    line = _FILE_LINE.format(*(_cell(view[key]) for key in ("state", "size", "verified_at", "path")))
    return f"{line}  ({escape_unprintable(view['reason'])})" if view["reason"] else line


def _align(rows: Sequence[_Row], widths: Sequence[int]) -> None:
    for cells, detail in [_Row(HEADINGS, None), *rows]:
        aligned = (
            f"{cell:>{width}}" if heading in RIGHT else f"{cell:<{width}}"
            for heading, cell, width in zip(HEADINGS, cells, widths, strict=True)
        )
        typer.echo("  ".join(aligned).rstrip())
        if detail:
            typer.echo(detail)


def _draw(rows: Sequence[_Row], widths: Sequence[int]) -> None:
    """Draw a table for each row, because no cell of rich spans columns. Equal widths align them."""
    # Takes half of the start-up time, and is needed only on a terminal.
    from rich.console import Console  # noqa: PLC0415  (see above)
    from rich.table import Table  # noqa: PLC0415  (see above)
    from rich.text import Text  # noqa: PLC0415  (see above)

    colours = {"PUBLISHED": "green", "HELD": "bold red", "CARRIED": "yellow", "DISCARDED": "dim"}
    console = Console()
    fitting = _fit(widths, console.width)
    for cells, detail in [_Row(HEADINGS, None), *rows]:
        table = Table(box=None, show_header=False, pad_edge=False)
        for number, width in fitting.items():
            table.add_column(justify="right" if HEADINGS[number] in RIGHT else "left", overflow="fold", width=width)
        style = "bold" if cells is HEADINGS else None
        table.add_row(*(Text(cells[number], style=style or colours.get(cells[number], "")) for number in fitting))
        console.print(table)
        if detail:
            console.print(Text(detail, style="bold red"), no_wrap=True, overflow="ellipsis")


def _fit(widths: Sequence[int], most: int) -> dict[int, int]:
    """Return the widths of the columns that are shown, by their numbers.

    Columns are dropped until the row fits. If that is not enough, the widest text columns are narrowed, down to
    `_MIN_WIDTH`. EXECUTION is always shown whole, so that it can be copied.
    """
    fitting = dict(enumerate(widths))
    for heading in _DROPPED:
        if _row_width(fitting) > most:
            del fitting[HEADINGS.index(heading)]
    narrowed = [number for number in fitting if HEADINGS[number] not in RIGHT | {"EXECUTION"}]
    while _row_width(fitting) > most:
        widest = max(narrowed, key=fitting.__getitem__)
        if fitting[widest] <= _MIN_WIDTH:
            break
        fitting[widest] -= 1
    return fitting


def _row_width(fitting: Mapping[int, int]) -> int:
    return sum(fitting.values()) + 2 * (len(fitting) - 1)
