"""The lines that DataSync's documentation and its users show, and lines inferred from them, each with its source.

A row of golden.jsonl has `evidence`: `real` (captured), `docs` (published by AWS) or `inferred`; and the result of
parsing the line: `fact` [kind, path, size, detail], `known` or `unknown`.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from service.domain.facts import Fact, FactKind, ParsedLine, RecognizedLine, UnparsedReason
from service.domain.names import TaskMode
from service.parsing import PARSERS

AT_MS = 1_700_000_000_123
ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "golden.jsonl").read_text("utf-8").strip().split("\n")
]


def expected(row: dict[str, Any]) -> ParsedLine:
    if "fact" in row:
        kind, path, size_bytes, detail = row["fact"]
        return Fact(FactKind(kind), path, size_bytes, AT_MS, detail)
    return RecognizedLine(row["known"]) if "known" in row else UnparsedReason(row["unknown"])


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['mode']}-{row['evidence']}-{n}" for n, row in enumerate(ROWS, 1)])
def test_line_of_the_golden_file_is_parsed_as_stated_there(row):
    assert PARSERS[TaskMode(row["mode"])](row["line"], AT_MS) == expected(row)


def test_every_row_names_its_source_and_evidence():
    assert {row["evidence"] for row in ROWS} == {"real", "docs", "inferred"}
    assert all(row["source"] for row in ROWS)


def test_every_mode_has_a_parser():
    assert set(PARSERS) == set(TaskMode)


def test_no_line_shown_by_datasync_or_its_users_is_unparsed():
    shown = [row for row in ROWS if row["evidence"] != "inferred"]
    assert len(shown) > 30
    assert not [row["line"] for row in shown if "unknown" in row]
