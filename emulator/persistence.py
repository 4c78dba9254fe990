"""The state in a folder. Resources survive a restart; running executions end in ERROR."""

import base64
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from emulator.clock import utc_now
from emulator.counters import Counters, ItemCount
from emulator.state import Execution, Location, State, Step, Task

_FILE = "state.json"


def save(state: State, folder: Path) -> None:
    """Write the state to the folder, atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / f"{_FILE}.new"
    written.write_text(json.dumps(asdict(state), default=_encode, indent=1))
    written.replace(folder / _FILE)


def load(folder: Path) -> State:
    """Return the state in the folder, empty if there is none; executions that were running end in ERROR."""
    try:
        text = (folder / _FILE).read_text()
    except FileNotFoundError:
        return State()
    stored = json.loads(text, object_hook=_decode)
    state = State(
        {arn: Location(**each) for arn, each in stored["locations"].items()},
        {arn: Task(**each) for arn, each in stored["tasks"].items()},
        {arn: _execution(each) for arn, each in stored["executions"].items()},
        stored["tags"],
    )
    for execution in state.executions.values():
        if not execution.ended:
            execution.status, execution.ended_at = "ERROR", utc_now()
            execution.error_code, execution.error_detail = "Interrupted", "The emulator was stopped"
    return state


def _execution(stored: dict[str, Any]) -> Execution:
    counters: dict[str, Any] = {
        name: ItemCount(**value) if isinstance(value, dict) else value for name, value in stored["counters"].items()
    }
    steps = {name: Step(**step) for name, step in stored["steps"].items()}
    report_error = tuple(stored["report_error"])
    return Execution(**{**stored, "counters": Counters(**counters), "steps": steps, "report_error": report_error})


def _encode(value: object) -> dict[str, str]:
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} cannot be stored")


def _decode(fields: dict[str, Any]) -> Any:  # noqa: ANN401  (JSON may hold any type)
    if fields.keys() == {"$time"}:
        return datetime.fromisoformat(fields["$time"])
    if fields.keys() == {"$bytes"}:
        return base64.b64decode(fields["$bytes"])
    return fields
