"""The parser of Basic mode's log lines: text without any escaping, in which a file name may look like anything.

So an event is read as a whole, never by lines or commas: its start is the kind, its end is the size, and everything
between is the path. If the path ends the event, a newline at the end belongs to the path. The source of each format is
in tests/parsing/golden.jsonl.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial

from service.domain.facts import Fact, FactKind, ParsedLine, RecognizedLine, UnparsedReason
from service.parsing.failure_detail import failure_detail

_LineRule = Callable[[str, int], ParsedLine | None]
"""A function from the text after a line's start, and a time in milliseconds, to what it states. None: wrong format."""

_SIZED = re.compile(r"(.*), ([0-9]{1,18}) bytes(?:\r?\n)?", re.DOTALL)
_EXECUTION_LINE_FORMATS = re.compile(
    r"(?:(?P<started>Execution exec-[0-9a-z]+ started\.)"
    r"|(?P<finished>Execution exec-[0-9a-z]+ finished with status [A-Za-z]+\.)"
    r"|(?P<logging_host>Started logging in \w+ hostId: \S+ for Execution exec-[0-9a-z]+))(?:\r?\n)?",
)
"""The groups have the names of RecognizedLine's members."""
_VERIFICATION_DETAIL = re.compile(r"(?:/.*\s(?:src|dst)Meta:|\s*(?:src|dst)Hash:)\s", re.DOTALL)
_MISMATCH_SIGN = re.compile(r"(<>|<|>) ")
_WITH_METADATA = re.compile(r"(.{1,4096})\r?\n\[[A-Z]+\] \1\s{1,8}((?:src|dst)Meta:.*)", re.DOTALL)
"""A name, and a line that repeats it. Bounded like DataSync's paths: to 4,096 bytes (datasync-limits.html)."""


def parse(message: str, at_ms: int) -> ParsedLine:
    """Parse one log event of a Basic mode execution.

    The format is ambiguous in two cases: the name of a transferred or deleted file ends before the last `, N bytes`,
    and the name of a failed one before a following line that repeats it with its metadata.
    """
    start = _LINE_START.match(message)
    if start is None:
        return UnparsedReason.UNKNOWN_FORMAT
    parsed = _RULES[start[2]](message[start.end() :], at_ms)
    return _FALLBACK_BY_LEVEL.get(start[1], UnparsedReason.UNKNOWN_FORMAT) if parsed is None else parsed


def _sized_file(kind: FactKind, text: str, at_ms: int) -> ParsedLine | None:
    sized = _SIZED.fullmatch(text)
    if sized:
        return _file_fact(kind, sized[1], int(sized[2]), at_ms)
    return None if kind is FactKind.VERIFIED else _file_fact(kind, text, None, at_ms)


def _verified_directory(text: str, at_ms: int) -> Fact:
    return Fact(FactKind.DIRECTORY, text.removeprefix("/") or "/", None, at_ms)


def _verification_failed(text: str, at_ms: int) -> ParsedLine | None:
    sign = _MISMATCH_SIGN.match(text)
    if sign is None:
        return None
    found = _WITH_METADATA.match(text, sign.end())
    if found is None:
        return _file_fact(FactKind.FAILED, text[sign.end() :], None, at_ms, sign[1])
    return _file_fact(FactKind.FAILED, found[1], None, at_ms, failure_detail(" ", sign[1], found[2]))


def _file_fact(kind: FactKind, name: str, size_bytes: int | None, at_ms: int, detail: str | None = None) -> ParsedLine:
    """Return the fact of a file. S3 marks a directory by a trailing slash."""
    path = name.removeprefix("/")
    if not path:
        return UnparsedReason.NO_PATH
    if not path.endswith("/"):
        return Fact(kind, path, size_bytes, at_ms, detail)
    return _OTHER_DIRECTORIES.get(kind) or Fact(FactKind.DIRECTORY, path, size_bytes, at_ms)


def _execution_line(text: str, _at_ms: int) -> RecognizedLine | None:
    line = _EXECUTION_LINE_FORMATS.fullmatch(text)
    if line and line.lastgroup:
        return RecognizedLine(line.lastgroup)
    return RecognizedLine.VERIFICATION_DETAIL if _VERIFICATION_DETAIL.match(text) else None


def _recognized(line: RecognizedLine, _text: str, _at_ms: int) -> RecognizedLine:
    return line


_RULES: Mapping[str, _LineRule] = {
    "Verified file ": partial(_sized_file, FactKind.VERIFIED),
    "Verified directory ": _verified_directory,
    "Verification failed ": _verification_failed,
    "Transferred file ": partial(_sized_file, FactKind.TRANSFERRED),
    "Transferred directory ": partial(_recognized, RecognizedLine.DIRECTORY),
    "Deleted file ": partial(_sized_file, FactKind.DELETED),
    "Deleted directory ": partial(_recognized, RecognizedLine.DIRECTORY),
    "Created directory ": partial(_recognized, RecognizedLine.DIRECTORY),
    "Skipped ": partial(_recognized, RecognizedLine.SKIPPED),
    "": _execution_line,
}
"""By the start of the text after the level. The last one is for all other texts."""
_OTHER_DIRECTORIES: Mapping[FactKind, RecognizedLine] = {
    FactKind.TRANSFERRED: RecognizedLine.DIRECTORY,
    FactKind.DELETED: RecognizedLine.DIRECTORY,
    FactKind.FAILED: RecognizedLine.VERIFICATION_DETAIL,
}
"""Only a verified directory is a fact: Basic mode counts it in FilesVerified."""
_LINE_START = re.compile(rf"\[([A-Z]+)\] ({'|'.join(map(re.escape, _RULES))})")
_FALLBACK_BY_LEVEL: Mapping[str, ParsedLine] = {
    "INFO": UnparsedReason.LEVEL_INFO,
    "NOTICE": UnparsedReason.LEVEL_NOTICE,
    "WARN": RecognizedLine.WARNING,
    "ERROR": RecognizedLine.ERROR,
}
"""By level, if no rule matches the text. A warning or error about a file is not a fact: DataSync retries."""
