"""Enhanced mode's log records: one JSON object per event.

Only records of failed verifications are documented (configure-logging.html, troubleshooting-task-verification.html).
That a VERIFY without an error is a success, and all about the other actions, is inferred from them: so any member
may be missing or of the wrong type, and what the record then does not say is not guessed.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from service.domain.facts import Fact, FactKind, Known, Parsed, Unknown
from service.parsing.detail import detail_text


class _Rule(NamedTuple):
    """The fact that a record states about a file, if any; and what else it is, as about a directory."""

    kind: FactKind | None
    otherwise: Known


_DONE: Mapping[str, _Rule] = {
    "VERIFY": _Rule(FactKind.VERIFIED, Known.DIRECTORY),
    "TRANSFER": _Rule(FactKind.TRANSFERRED, Known.DIRECTORY),
    "DELETE": _Rule(FactKind.DELETED, Known.DIRECTORY),
    "SKIP": _Rule(None, Known.SKIPPED),
}
_FAILED: Mapping[str, _Rule] = {
    "VERIFY": _Rule(FactKind.FAILED, Known.VERIFICATION_DETAIL),
    "TRANSFER": _Rule(None, Known.TRANSFER_FAILED),
    "DELETE": _Rule(None, Known.ERROR),
    "SKIP": _Rule(None, Known.SKIPPED),
}
"""By action, without and with ErrorCode or ErrorDetail. A failed transfer is no fact: DataSync tries again."""

_DIRECTORY_TYPES = frozenset({"directory", "folder"})
_TOO_LARGE_BYTES = 10**18


def parse(message: str, at_ms: int) -> Parsed:
    """Say what one log event of an Enhanced mode execution means."""
    try:
        record = orjson.loads(message)
    except orjson.JSONDecodeError:
        record = _leniently(message)
    if not isinstance(record, dict):
        return record if isinstance(record, Unknown) else Unknown.FORM
    action, code, detail = record.get("Action"), record.get("ErrorCode"), record.get("ErrorDetail")
    rule = (_FAILED if code or detail else _DONE).get(action) if isinstance(action, str) else None
    if rule is None:
        return Unknown.ACTION
    kind, otherwise = rule
    if kind is None:
        return otherwise
    return _item(kind, otherwise, record, at_ms, detail_text(": ", code, detail) if code or detail else None)


def _leniently(message: str) -> object:
    """Read what orjson refuses and JSON allows: lone surrogates and huge numbers. Nesting has its limit here too."""
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        return Unknown.NOT_JSON


def _item(kind: FactKind, of_directory: Known, record: dict[str, Any], at_ms: int, detail: str | None) -> Parsed:
    """Make the fact of a file: Source says what Destination does not. S3 marks a directory by a last slash."""
    try:
        destination, source = record.get("Destination") or {}, record.get("Source") or {}
        at_destination, at_source = destination.get("Metadata") or {}, source.get("Metadata") or {}
        path = (destination.get("RelativePath") or source.get("RelativePath") or "").removeprefix("/")
        types = (at_destination.get("Type") or "").lower(), (at_source.get("Type") or "").lower()
        size_bytes = at_destination.get("ContentSize")
        if size_bytes is None:
            size_bytes = at_source.get("ContentSize")
    except AttributeError:  # an object or a text that is something else
        return Unknown.FORM
    if path.endswith("/") or not _DIRECTORY_TYPES.isdisjoint(types):
        return of_directory
    if type(size_bytes) is not int or not 0 <= size_bytes < _TOO_LARGE_BYTES:
        size_bytes = None
    return Fact(kind, path, size_bytes, at_ms, detail) if path else Unknown.PATH
