import re
from pathlib import Path

import pytest

from service.config import Settings
from service.config.reference import HELP_WIDTH, help_text, markdown_table, setting_references

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"
NAMES = {f"TRIGGER_{field.upper()}" for field in Settings.model_fields}


def rows_of(text):
    """Return the rows of the variables in a markdown text, sorted, with links replaced by their texts."""
    plain = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    return sorted(line for line in plain.splitlines() if line.startswith("| `TRIGGER_"))


def test_every_setting_has_one_row_with_a_default_and_a_meaning():
    rows = [re.fullmatch(r"\| `(\w+)` \| ([^|]+) \| ([^|]+\.) \|", row) for row in rows_of(markdown_table())]
    assert all(rows)
    assert sorted(row[1] for row in rows) == sorted(NAMES)


@pytest.mark.parametrize(
    ("variable", "default", "meaning"),
    [
        ("TRIGGER_QUEUE_URL", "required", r"URL of the SQS queue"),
        ("TRIGGER_LOG_GROUP", "the task's log group", r"Name of the CloudWatch log group\."),
        ("TRIGGER_LOG_STREAM_PREFIX", "`{task_id}-{execution_id}`", r"Prefix of "),
        ("TRIGGER_SETTLE_S", "10", r".* Above 0, at most 86,400\."),
        ("TRIGGER_LOOKBACK_S", "86400", r".* At most 366 days\."),
        ("TRIGGER_LEASE_S", "30", r".* From 1 to 3,600\."),
        ("TRIGGER_CHECK_S3", "`true`", r"Look up each file in S3"),
        ("TRIGGER_ON_ERROR", "`carry`", r"Policy for "),
    ],
)
def test_row_shows_the_default_and_the_bounds_of_the_field(variable, default, meaning):
    (row,) = [each for each in setting_references() if each.variable == variable]
    assert row.default == default
    assert re.match(meaning, row.meaning)


def test_help_lists_every_setting_with_its_default_within_the_width():
    lines = help_text().splitlines()
    assert {line.partition(" (")[0] for line in lines if line.startswith("TRIGGER_")} == NAMES
    assert "TRIGGER_ON_ERROR (carry)" in lines
    assert max(map(len, lines)) <= HELP_WIDTH
    assert "`" not in help_text()


def test_documentation_has_exactly_these_rows():
    assert rows_of(DOCS.read_text()) == rows_of(markdown_table())
