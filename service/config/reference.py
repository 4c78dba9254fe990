"""The reference of all settings, derived from `Settings`: a markdown table, and the end of `run --help`."""

import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from pydantic.fields import FieldInfo

from service.config.settings import Settings, variable

HELP_WIDTH = 76
"""The width of the help in characters, so that it fits on a terminal of 80 columns with an indent."""


class SettingReference(NamedTuple):
    """A setting: its variable, its default and its meaning, in markdown."""

    variable: str
    default: str
    meaning: str


def setting_references() -> Iterator[SettingReference]:
    """Return every setting, in the order of the fields."""
    for name, field in Settings.model_fields.items():
        yield SettingReference(variable(name), _default(field), field.title or "")


def markdown_table() -> str:
    """Return the rows `variable | default | meaning`, with their head."""
    rows = [f"| `{setting.variable}` | {setting.default} | {setting.meaning} |" for setting in setting_references()]
    return "\n".join(["| variable | default | meaning |", "| --- | --- | --- |", *rows, ""])


def help_text() -> str:
    """Return the settings as plain text: a line for each variable and its default, then its meaning."""
    lines = ["Settings (environment variables):"]
    for setting in setting_references():
        lines.append(f"{setting.variable} ({setting.default})".replace("`", ""))
        meaning = setting.meaning.replace("`", "")
        lines += textwrap.wrap(meaning, HELP_WIDTH, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def _default(field: FieldInfo) -> str:
    """Return the default: a description if it is None or empty, a plain number, or a word in backticks."""
    if isinstance(field.json_schema_extra, dict):
        return str(field.json_schema_extra["unset"])
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return f"{field.default:g}" if isinstance(field.default, int | float) else f"`{field.default}`"
