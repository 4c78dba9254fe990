"""Enhanced mode's log records: one JSON object per event.

Only records of failed verifications are documented (configure-logging.html, troubleshooting-task-verification.html).
That a VERIFY without an error is a success, and all about the other actions, is inferred from them: so any member
may be missing or of the wrong type, and what the record then does not say is not guessed.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from service.domain.facts import Fact, FactKind, Known, Parsed, Unknown
from service.parsing.detail import detail_text


class _Metadata(msgspec.Struct, rename="pascal", gc=False):
    type: str | None = None
    content_size: Any = None


class _Side(msgspec.Struct, rename="pascal", gc=False):
    relative_path: str | None = None
    metadata: _Metadata | None = None


class _Record(msgspec.Struct, rename="pascal", gc=False):
    """The members that are acted on; the others, most of a record, are skipped unread."""

    action: Any = None
    error_code: Any = None
    error_detail: Any = None
    source: _Side | None = None
    destination: _Side | None = None


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

_decode = msgspec.json.Decoder(_Record).decode
_NO_SIDE, _NO_METADATA = _Side(), _Metadata()


def parse(message: str, at_ms: int) -> Parsed:
    """Say what one log event of an Enhanced mode execution means."""
    try:
        record = _decode(message)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _parse_leniently(message, at_ms)
    return _parsed(record, at_ms)


def _parse_leniently(message: str, at_ms: int) -> Parsed:
    """Read what msgspec refuses and JSON allows, such as lone surrogates, or say what is wrong with it."""
    try:
        record = msgspec.convert(json.loads(message), _Record)
    except msgspec.ValidationError:
        return Unknown.FORM
    except (ValueError, RecursionError):
        return Unknown.NOT_JSON
    return _parsed(record, at_ms)


def _parsed(record: _Record, at_ms: int) -> Parsed:
    code, detail = record.error_code, record.error_detail
    rules = _FAILED if code or detail else _DONE
    rule = rules.get(record.action) if isinstance(record.action, str) else None
    if rule is None:
        return Unknown.ACTION
    kind, otherwise = rule
    if kind is None:
        return otherwise
    return _item(kind, otherwise, record, at_ms, detail_text(": ", code, detail) if code or detail else None)


def _item(kind: FactKind, of_directory: Known, record: _Record, at_ms: int, detail: str | None) -> Parsed:
    """Make the fact of a file: Source says what Destination does not. S3 marks a directory by a last slash."""
    destination, source = record.destination or _NO_SIDE, record.source or _NO_SIDE
    at_destination, at_source = destination.metadata or _NO_METADATA, source.metadata or _NO_METADATA
    path = (destination.relative_path or source.relative_path or "").removeprefix("/")
    if path.endswith("/") or _is_directory(at_destination.type) or _is_directory(at_source.type):
        return of_directory
    size_bytes = at_source.content_size if at_destination.content_size is None else at_destination.content_size
    if type(size_bytes) is not int or not 0 <= size_bytes < _TOO_LARGE_BYTES:
        size_bytes = None
    return Fact(kind, path, size_bytes, at_ms, detail) if path else Unknown.PATH


def _is_directory(type_: str | None) -> bool:
    return type_ != "Object" and (type_ or "").lower() in _DIRECTORY_TYPES
