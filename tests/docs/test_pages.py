import re
from pathlib import Path

import typer.main

from service.cli.commands import program
from service.config import PREFIX, Settings

DOCS = Path(__file__).parents[2] / "docs"


def rows(page, prefix):
    """Return the cells of the table rows that begin with this text in code."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines
        if line.startswith(f"| `{prefix}")
    ]


def test_each_setting_has_one_row_with_its_default():
    documented = {cells[0].strip("`"): cells[1] for cells in rows("settings.md", PREFIX)}
    assert len(documented) == len(rows("settings.md", PREFIX))
    assert documented.keys() == {PREFIX + name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        default, shown = field.default, documented[PREFIX + name.upper()].strip("`")
        if default in ("", None, ()):
            assert shown, name
        elif isinstance(default, bool):
            assert shown == str(default).lower(), name
        elif isinstance(default, int | float):
            assert float(shown) == default, name
        else:
            assert shown == str(default), name


def test_each_command_has_one_row_with_its_options():
    commands = typer.main.get_command(program).commands
    documented = {cells[0].strip("`").split()[0]: cells[0] for cells in rows("commands.md", "") if len(cells) == 3}
    assert documented.keys() == commands.keys()
    for name, command in commands.items():
        options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
        assert set(re.findall(r"--[a-z-]+", documented[name])) == options - {"--help"}, name


def test_glossary_is_in_alphabetical_order():
    words = re.findall(r"^## (.+)$", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(words) > 50
    assert words == sorted(words, key=str.lower)
