"""The state in a folder: what is made survives a restart; what runs does not."""

import base64
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from emulator.counters import Counters, Tally
from emulator.moments import now
from emulator.state import Execution, Location, State, Step, Task

_FILE = "state.json"


def save(state: State, folder: Path) -> None:
    """Writes the state into the folder, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / f"{_FILE}.new"
    written.write_text(json.dumps(asdict(state), default=_tagged, indent=1))
    written.replace(folder / _FILE)


def load(folder: Path) -> State:
    """The state in the folder, an empty one if there is none; an execution that ran has ended in ERROR."""
    try:
        text = (folder / _FILE).read_text()
    except FileNotFoundError:
        return State()
    kept = json.loads(text, object_hook=_untagged)
    state = State(
        {arn: Location(**each) for arn, each in kept["locations"].items()},
        {arn: Task(**each) for arn, each in kept["tasks"].items()},
        {arn: _execution(each) for arn, each in kept["executions"].items()},
        kept["tags"],
    )
    for execution in state.executions.values():
        if not execution.ended:
            execution.status, execution.ended_at = "ERROR", now()
            execution.error_code, execution.error_detail = "Interrupted", "The emulator was stopped"
    return state


def _execution(kept: dict[str, Any]) -> Execution:
    counters: dict[str, Any] = {
        name: Tally(**value) if isinstance(value, dict) else value for name, value in kept["counters"].items()
    }
    steps = {name: Step(**step) for name, step in kept["steps"].items()}
    report_error = tuple(kept["report_error"])
    return Execution(**{**kept, "counters": Counters(**counters), "steps": steps, "report_error": report_error})


def _tagged(value: object) -> dict[str, str]:
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _untagged(fields: dict[str, Any]) -> Any:  # noqa: ANN401 - because JSON holds anything
    if fields.keys() == {"$time"}:
        return datetime.fromisoformat(fields["$time"])
    if fields.keys() == {"$bytes"}:
        return base64.b64decode(fields["$bytes"])
    return fields
