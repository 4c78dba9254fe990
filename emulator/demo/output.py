"""The demo's output: a line for everything that happens, and a table of all executions below the lines."""

import json
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

STYLES = {
    "SUCCESS": "bold green",
    "ERROR": "bold red",
    "SEALING": "yellow",
    "PUBLISHING": "yellow",
    "PUBLISHED": "bold green",
    "CARRIED": "bold yellow",
    "HELD": "bold red",
}

EXPLANATIONS = {
    "TRANSFERRING": "copies the files to the bucket",
    "VERIFYING": "compares the copies with the files",
    "SUCCESS": "all copies are equal to their files",
    "ERROR": "a copy differs from its file",
    "FOLLOWING": "reads DataSync's log while it grows",
    "SEALING": "reads the log to its end, and compares it with DataSync's counters",
    "PUBLISHING": "looks up each verified file in S3, and sends its message",
    "PUBLISHED": "all messages are on the queue",
    "CARRIED": "sends nothing; the verified files wait for the next success",
    "carried": "the verified files of this execution are on the queue too",
}
"""The work of DataSync and of the service, by status or phase. A reason that is listed here comes before its phase."""

SHORT_LIVED = frozenset({"QUEUED", "LAUNCHING", "PREPARING"})
"""DataSync's statuses that get no line: nothing happens to a file in them."""


class Output:
    """The lines and the table on a console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        # Nothing is drawn while nothing changes: a person may be selecting text.
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._executions: dict[str, dict[str, Any]] = {}

    def open(self) -> AbstractContextManager[Any]:
        """Keep the table below the lines for the time of the block, on a terminal."""
        return self._live or nullcontext()

    def print_heading(self, text: str) -> None:
        """Begin a scenario."""
        self._console.print()
        self._console.print(Text(text, style="bold"), soft_wrap=True)

    def print_line(self, who: str, text: str, *, style: str = "", explanation: str = "", column: int = 21) -> None:
        """Print a line, with an explanation that begins in a column if the text is not too long.

        File names are printed as they are, except for characters that could move the cursor.
        """
        parts = [(f"  {who:<10}", "dim"), (_escape_unprintable(text), style)]
        if explanation:
            parts.append((" " * max(2, column - len(text)) + explanation, "dim"))
        self._console.print(Text.assemble(*parts), soft_wrap=True)

    def print_text(self, text: str, *, style: str = "") -> None:
        """Print sentences or commands, which only the terminal wraps."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def print_execution(self, execution: dict[str, Any]) -> None:
        """Print what has changed in an execution, which is given as the service's HTTP API describes it."""
        name = execution["execution_id"]
        before = self._executions.get(name, {})
        if execution == before:
            return
        self._executions[name] = execution
        status, phase = execution["datasync_status"], execution["phase"]
        if status != before.get("datasync_status") and status not in SHORT_LIVED:
            self._print_state("DataSync", name, status)
        if phase != before.get("phase"):
            self._print_state("trigger", name, phase, execution["reason"] or "")
        if self._live:
            self._live.update(Padding(self.table(), (1, 0, 0, 0)), refresh=True)

    def print_message(self, body: str, *, whole: bool = False) -> None:
        """Print a message of the queue: the file and its size, and if wanted all that it contains."""
        message = json.loads(body)
        text = f"{_short(message['execution_arn'])}  {message['fileName']}"
        self.print_line("message", text, style="cyan", explanation=f"{message['size']} bytes", column=58)
        if whole:
            self.print_text(json.dumps(message, ensure_ascii=False, indent=2))

    def print_table(self) -> None:
        """Print the table, unless it is below the lines anyway."""
        if self._live is None:
            self._console.print()
            self._console.print(self.table())

    def table(self) -> Table:
        """Return a table of all executions."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for column in ("  EXECUTION", "DATASYNC", "TRIGGER"):
            table.add_column(column, no_wrap=True)
        for column in ("VERIFIED", "FAILED", "PUBLISHED"):
            table.add_column(column, justify="right")
        table.add_column("REASON")
        for name, execution in self._executions.items():
            table.add_row(
                f"  {_short(name)}",
                *(Text(state, STYLES.get(state, "")) for state in (execution["datasync_status"], execution["phase"])),
                *(str(execution["files"][state]) for state in ("verified", "failed", "published")),
                execution["reason"] or "",
            )
        return table

    def _print_state(self, who: str, name: str, state: str, reason: str = "") -> None:
        text = f"{_short(name)}  {state}"
        explanation = EXPLANATIONS.get(reason) or EXPLANATIONS.get(state, reason)
        self.print_line(who, text, style=STYLES.get(state, ""), explanation=explanation)


def _short(name: str) -> str:
    return f"…{name[-4:]}"


def _escape_unprintable(text: str) -> str:
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)
