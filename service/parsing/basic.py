"""Basic mode's log lines: text without any escaping, so that a file name may look like whatever it likes.

Hence an event is read as a whole, never by lines or commas: its beginning says what it is, its very end is the size,
and all between is the path. Where the path ends the event, a newline there belongs to the path. What the forms rest
on, line by line, is in tests/parsing/golden.jsonl.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial

from service.domain.facts import Fact, FactKind, Known, Parsed, Unknown
from service.parsing.detail import detail_text

_Rule = Callable[[str, int], Parsed | None]
"""Reads what follows an opening, at a time in milliseconds; None if that is not the form after all."""

_SIZED = re.compile(r"(.*), ([0-9]{1,18}) bytes(?:\r?\n)?", re.DOTALL)
_OF_EXECUTION = re.compile(
    r"(?:(?P<started>Execution exec-[0-9a-z]+ started\.)"
    r"|(?P<finished>Execution exec-[0-9a-z]+ finished with status [A-Za-z]+\.)"
    r"|(?P<logging_host>Started logging in \w+ hostId: \S+ for Execution exec-[0-9a-z]+))(?:\r?\n)?",
)
"""The groups are named as the members of Known."""
_VERIFICATION_DETAIL = re.compile(r"(?:/.*\s(?:src|dst)Meta:|\s*(?:src|dst)Hash:)\s", re.DOTALL)
_SIGN = re.compile(r"(<>|<|>) ")
_WITH_METADATA = re.compile(r"(.{1,4096})\r?\n\[[A-Z]+\] \1\s{1,8}((?:src|dst)Meta:.*)", re.DOTALL)
"""Bounded, because DataSync's paths are: to 4,096 bytes (datasync-limits.html)."""


def parse(message: str, at_ms: int) -> Parsed:
    """Say what one log event of a Basic mode execution means.

    Two things that the form leaves open are settled so: a transferred or deleted file's name is taken to end before
    a last `, N bytes`, and a failed one's before a following line that repeats it with its metadata.
    """
    opening = _OPENING.match(message)
    if opening is None:
        return Unknown.FORM
    parsed = _RULES[opening[2]](message[opening.end() :], at_ms)
    return _OTHERWISE.get(opening[1], Unknown.FORM) if parsed is None else parsed


def _file(kind: FactKind, text: str, at_ms: int) -> Parsed | None:
    sized = _SIZED.fullmatch(text)
    if sized:
        return _item(kind, sized[1], int(sized[2]), at_ms)
    return None if kind is FactKind.VERIFIED else _item(kind, text, None, at_ms)


def _verified_directory(text: str, at_ms: int) -> Fact:
    return Fact(FactKind.DIRECTORY, text.removeprefix("/") or "/", None, at_ms)


def _verification_failed(text: str, at_ms: int) -> Parsed | None:
    sign = _SIGN.match(text)
    if sign is None:
        return None
    found = _WITH_METADATA.match(text, sign.end())
    if found is None:
        return _item(FactKind.FAILED, text[sign.end() :], None, at_ms, sign[1])
    return _item(FactKind.FAILED, found[1], None, at_ms, detail_text(" ", sign[1], found[2]))


def _item(kind: FactKind, name: str, size_bytes: int | None, at_ms: int, detail: str | None = None) -> Parsed:
    """Make the fact of a file; S3 marks a directory by a last slash."""
    path = name.removeprefix("/")
    if not path:
        return Unknown.PATH
    if not path.endswith("/"):
        return Fact(kind, path, size_bytes, at_ms, detail)
    return _OTHER_DIRECTORIES.get(kind) or Fact(FactKind.DIRECTORY, path, size_bytes, at_ms)


def _no_item(text: str, _at_ms: int) -> Known | None:
    line = _OF_EXECUTION.fullmatch(text)
    if line and line.lastgroup:
        return Known(line.lastgroup)
    return Known.VERIFICATION_DETAIL if _VERIFICATION_DETAIL.match(text) else None


def _known(known: Known, _text: str, _at_ms: int) -> Known:
    return known


_RULES: Mapping[str, _Rule] = {
    "Verified file ": partial(_file, FactKind.VERIFIED),
    "Verified directory ": _verified_directory,
    "Verification failed ": _verification_failed,
    "Transferred file ": partial(_file, FactKind.TRANSFERRED),
    "Transferred directory ": partial(_known, Known.DIRECTORY),
    "Deleted file ": partial(_file, FactKind.DELETED),
    "Deleted directory ": partial(_known, Known.DIRECTORY),
    "Created directory ": partial(_known, Known.DIRECTORY),
    "Skipped ": partial(_known, Known.SKIPPED),
    "": _no_item,
}
"""By how the text after the level begins; the last one takes all the rest."""
_OTHER_DIRECTORIES: Mapping[FactKind, Known] = {
    FactKind.TRANSFERRED: Known.DIRECTORY,
    FactKind.DELETED: Known.DIRECTORY,
    FactKind.FAILED: Known.VERIFICATION_DETAIL,
}
"""Only of a verified directory there is a fact: Basic mode counts it in FilesVerified."""
_OPENING = re.compile(rf"\[([A-Z]+)\] ({'|'.join(map(re.escape, _RULES))})")
_OTHERWISE: Mapping[str, Parsed] = {
    "INFO": Unknown.LEVEL_INFO,
    "NOTICE": Unknown.LEVEL_NOTICE,
    "WARN": Known.WARNING,
    "ERROR": Known.ERROR,
}
"""By level, where no rule reads the text. A warning or error about a file is no fact: DataSync tries again."""
