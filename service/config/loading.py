"""The reading of the settings from the environment: all problems are reported at once, one sentence each."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from service.config import values
from service.config.settings import PREFIX, Settings, variable


class SettingsError(Exception):
    """The environment has wrong settings. `problems` are all of them, one printable line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def load(environ: Mapping[str, str], *, queue_required: bool = True) -> Settings:
    """Read the settings. Raise SettingsError with every problem.

    A variable that is empty or blank counts as not set. `queue_url` is empty only if it is not required.
    """
    given = {name: value.strip() for name, value in environ.items() if name.startswith(PREFIX)}
    names = {variable(field): field for field in Settings.model_fields}
    values = {names[name]: value for name, value in given.items() if name in names and value}
    problems = [*_unknown(given, list(names)), *_conflicting_settings(values, queue_required=queue_required)]
    settings = None
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [_message(str(found["loc"][0]), found) for found in error.errors(include_url=False)]
    if settings is None or problems:
        raise SettingsError(sorted(problems))
    return settings


def _unknown(given: Mapping[str, str], known: Sequence[str]) -> Iterator[str]:
    for name in given:
        if name not in known:
            nearest = get_close_matches(name[len(PREFIX) :], [each[len(PREFIX) :] for each in known], n=1, cutoff=0.5)
            advice = f"; did you mean {PREFIX}{nearest[0]}?" if nearest else ""
            yield f"{values.quoted(name)[1:-1]}: is not a setting{advice}"


def _conflicting_settings(values: Mapping[str, str], *, queue_required: bool) -> Iterator[str]:
    if queue_required and "queue_url" not in values:
        yield "TRIGGER_QUEUE_URL: is not set; give the queue's URL, as `datasync-trigger init --queue NAME` prints it"
    # One worker serves one Region of one account, so the end of a URL identifies the queue, whatever its endpoint.
    if values.get("wake_queue_url", "none").split("/")[-2:] == values.get("queue_url", "").split("/")[-2:]:
        yield "TRIGGER_WAKE_QUEUE_URL: is the queue of TRIGGER_QUEUE_URL, whose messages would be deleted; give another"
    if "task_arns" in values and "task_tag" in values:
        yield "TRIGGER_TASK_TAG: not together with TRIGGER_TASK_ARNS; unset one of the two"


def _message(field: str, error: Mapping[str, Any]) -> str:
    """Return a sentence about an error of pydantic. A ValueError of this module is a sentence already."""
    if error["type"] == "value_error":
        return f"{variable(field)}: {error['ctx']['error']}"
    return f"{variable(field)}: {values.quoted(str(error['input']))} is not {Settings.model_fields[field].description}"
