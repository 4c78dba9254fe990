"""What the person sees: a line for everything that happens, and on a terminal the state of all below it."""

import json
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

COLOURS = {"PUBLISHED": "green", "CARRIED": "yellow", "HELD": "red", "SUCCESS": "green", "ERROR": "red"}


class Screen:
    """Told of everything, it shows what is new."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=8) if console.is_terminal else None
        self._executions: dict[str, dict[str, Any]] = {}

    def open(self) -> AbstractContextManager[Any]:
        """For the time of the block the state of all is kept below the lines."""
        return self._live or nullcontext()

    def heading(self, text: str) -> None:
        """Begin a scene."""
        self._console.print(Text(f"\n{text}", style="bold"))

    def say(self, who: str, text: str, *, style: str = "") -> None:
        """Print a line. File names are shown as they are, and cannot colour or move anything."""
        self._console.print(Text.assemble((f"  {who:<9}", "dim"), (_printable(text), style)), soft_wrap=True)

    def execution(self, shown: dict[str, Any]) -> None:
        """Show what has changed in an execution."""
        name = shown["execution_id"]
        before = self._executions.get(name, {})
        if shown["datasync_status"] != before.get("datasync_status"):
            self.say("DataSync", f"{name}: {shown['datasync_status']}", style=_style(shown["datasync_status"]))
        if shown["phase"] != before.get("phase"):
            reason = f" ({shown['reason']})" if shown["reason"] else ""
            self.say("trigger", f"{name}: {shown['phase']}{reason}", style=_style(shown["phase"]))
        self._executions[name] = shown
        if self._live:
            self._live.update(self.table())

    def message(self, body: str) -> None:
        """Show a message that was received from the queue."""
        message = json.loads(body)
        of = message["execution_arn"].rpartition("/")[2][-4:]
        self.say("message", f"{message['fileName']}  {message['size']} bytes, verified by …{of}", style="cyan")

    def table(self) -> Table:
        """All executions and their files."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("execution", no_wrap=True)
        table.add_column("DataSync")
        table.add_column("trigger")
        for column in ("verified", "failed", "sent"):
            table.add_column(column, justify="right")
        table.add_column("reason")
        for name, shown in self._executions.items():
            files = shown["files"]
            table.add_row(
                name,
                Text(shown["datasync_status"], _style(shown["datasync_status"])),
                Text(shown["phase"], _style(shown["phase"])),
                *(str(files[state]) for state in ("verified", "failed", "published")),
                shown["reason"] or "",
            )
        return table


def _style(state: str) -> str:
    return COLOURS.get(state, "")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)
