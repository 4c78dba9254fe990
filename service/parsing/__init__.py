"""Parsing of log events. Each parser is pure, never raises, and takes time in proportion to the event."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from service.domain.facts import (
    Fact,
    FactKind,
    ParsedLine,
    RecognizedLine,
    UnparsedReason,
    fingerprint,
    with_storable_path,
)
from service.domain.log_pass import LineCounts
from service.domain.names import TaskMode
from service.domain.port_types import LogEvent
from service.parsing import basic, enhanced

MAX_SAMPLES = 3
_SAMPLE_CHARACTERS = 200

Parser = Callable[[str, int], ParsedLine]
"""A function that takes a whole log event and its time in milliseconds since the epoch."""

PARSERS: Mapping[TaskMode, Parser] = {TaskMode.BASIC: basic.parse, TaskMode.ENHANCED: enhanced.parse}
"""The parser of each task mode: every mode is here."""


class ParsedPage(NamedTuple):
    """The result of parsing one page of a log. `samples` are the beginnings of some lines that could not be parsed."""

    facts: Sequence[Fact]
    counts: LineCounts
    unparsed: Mapping[UnparsedReason, int]
    samples: Sequence[tuple[UnparsedReason, str]]


def parse_page(mode: TaskMode, events: Sequence[LogEvent]) -> ParsedPage:
    """Parse a page of an execution's log. The paths of the facts can be keys of S3 and DynamoDB."""
    parse = PARSERS[mode]
    facts: list[Fact] = []
    kinds, unparsed = Counter[FactKind](), Counter[UnparsedReason]()
    samples: list[tuple[UnparsedReason, str]] = []
    saw_finish_line = False
    for event in events:
        line = parse(event.message, event.at_ms)
        if isinstance(line, Fact):
            fact = with_storable_path(line)
            kinds[fact.kind] += 1
            facts.append(fact)
        elif isinstance(line, UnparsedReason):
            unparsed[line] += 1
            if len(samples) < MAX_SAMPLES:
                samples.append((line, event.message[:_SAMPLE_CHARACTERS]))
        elif line is RecognizedLine.FINISHED:
            saw_finish_line = True
    sum_ = sum(map(fingerprint, facts)) & (1 << 64) - 1
    return ParsedPage(facts, LineCounts(len(events), dict(kinds), sum_, saw_finish_line), dict(unparsed), samples)
