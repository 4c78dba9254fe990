"""Every line that DataSync's documentation and its users show, each with its source, and what is inferred from them.

A row of golden.jsonl has `evidence`: `real` (captured), `docs` (published by AWS) or `inferred`; and what the line
means: `fact` [kind, path, size, detail], `known` or `unknown`.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from service.domain.facts import Fact, FactKind, Known, Parsed, Unknown
from service.domain.names import TaskMode
from service.parsing import PARSERS

AT_MS = 1_700_000_000_123
ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "golden.jsonl").read_text("utf-8").strip().split("\n")
]


def expected(row: dict[str, Any]) -> Parsed:
    if "fact" in row:
        kind, path, size_bytes, detail = row["fact"]
        return Fact(FactKind(kind), path, size_bytes, AT_MS, detail)
    return Known(row["known"]) if "known" in row else Unknown(row["unknown"])


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['mode']}-{row['evidence']}-{n}" for n, row in enumerate(ROWS, 1)])
def test_a_line_of_the_golden_file_means_what_it_says_there(row):
    assert PARSERS[TaskMode(row["mode"])](row["line"], AT_MS) == expected(row)


def test_every_row_names_its_source_and_how_sure_it_is():
    assert {row["evidence"] for row in ROWS} == {"real", "docs", "inferred"}
    assert all(row["source"] for row in ROWS)


def test_every_mode_has_a_parser():
    assert set(PARSERS) == set(TaskMode)


def test_nothing_that_datasync_or_its_users_have_shown_is_unknown():
    shown = [row for row in ROWS if row["evidence"] != "inferred"]
    assert len(shown) > 30
    assert not [row["line"] for row in shown if "unknown" in row]
