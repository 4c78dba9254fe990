"""The parser of Enhanced mode's log records: one JSON object per event.

AWS documents only the records of failed verifications (configure-logging.html, troubleshooting-task-verification.html).
The meaning of a VERIFY without an error, and of the other actions, is inferred from them. So any member may be missing
or of another type, and nothing is guessed in its place.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from service.domain.facts import Fact, FactKind, ParsedLine, RecognizedLine, UnparsedReason
from service.parsing.failure_detail import failure_detail


class _Metadata(msgspec.Struct, rename="pascal", gc=False):
    type: str | None = None
    content_size: Any = None


class _Location(msgspec.Struct, rename="pascal", gc=False):
    relative_path: str | None = None
    metadata: _Metadata | None = None


class _Record(msgspec.Struct, rename="pascal", gc=False):
    """The members that matter. The others, most of a record, are skipped unparsed."""

    action: Any = None
    error_code: Any = None
    error_detail: Any = None
    source: _Location | None = None
    destination: _Location | None = None


class _LineRule(NamedTuple):
    """The fact that a record states about a file, if any, and the kind of a record that states none."""

    kind: FactKind | None
    without_fact: RecognizedLine


_DONE: Mapping[str, _LineRule] = {
    "VERIFY": _LineRule(FactKind.VERIFIED, RecognizedLine.DIRECTORY),
    "TRANSFER": _LineRule(FactKind.TRANSFERRED, RecognizedLine.DIRECTORY),
    "DELETE": _LineRule(FactKind.DELETED, RecognizedLine.DIRECTORY),
    "SKIP": _LineRule(None, RecognizedLine.SKIPPED),
}
_FAILED: Mapping[str, _LineRule] = {
    "VERIFY": _LineRule(FactKind.FAILED, RecognizedLine.VERIFICATION_DETAIL),
    "TRANSFER": _LineRule(None, RecognizedLine.TRANSFER_FAILED),
    "DELETE": _LineRule(None, RecognizedLine.ERROR),
    "SKIP": _LineRule(None, RecognizedLine.SKIPPED),
}
"""By action, without and with ErrorCode or ErrorDetail. A failed transfer is not a fact: DataSync retries."""

_DIRECTORY_TYPES = frozenset({"directory", "folder"})
_TOO_LARGE_BYTES = 10**18

_decode = msgspec.json.Decoder(_Record).decode
_NO_LOCATION, _NO_METADATA = _Location(), _Metadata()


def parse(message: str, at_ms: int) -> ParsedLine:
    """Parse one log event of an Enhanced mode execution."""
    try:
        record = _decode(message)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _parse_leniently(message, at_ms)
    return _parsed(record, at_ms)


def _parse_leniently(message: str, at_ms: int) -> ParsedLine:
    """Parse what msgspec rejects and JSON allows, such as lone surrogates, or return why it cannot be parsed."""
    try:
        record = msgspec.convert(json.loads(message), _Record)
    except msgspec.ValidationError:
        return UnparsedReason.UNKNOWN_FORMAT
    except (ValueError, RecursionError):
        return UnparsedReason.NOT_JSON
    return _parsed(record, at_ms)


def _parsed(record: _Record, at_ms: int) -> ParsedLine:
    code, detail = record.error_code, record.error_detail
    rules = _FAILED if code or detail else _DONE
    rule = rules.get(record.action) if isinstance(record.action, str) else None
    if rule is None:
        return UnparsedReason.UNKNOWN_ACTION
    kind, without_fact = rule
    if kind is None:
        return without_fact
    return _file_fact(kind, without_fact, record, at_ms, failure_detail(": ", code, detail) if code or detail else None)


def _file_fact(
    kind: FactKind, directory_line: RecognizedLine, record: _Record, at_ms: int, detail: str | None
) -> ParsedLine:
    """Return the fact of a file, from Destination or else from Source. S3 marks a directory by a trailing slash."""
    destination, source = record.destination or _NO_LOCATION, record.source or _NO_LOCATION
    at_destination, at_source = destination.metadata or _NO_METADATA, source.metadata or _NO_METADATA
    path = (destination.relative_path or source.relative_path or "").removeprefix("/")
    if path.endswith("/") or _is_directory(at_destination.type) or _is_directory(at_source.type):
        return directory_line
    size_bytes = at_source.content_size if at_destination.content_size is None else at_destination.content_size
    if type(size_bytes) is not int or not 0 <= size_bytes < _TOO_LARGE_BYTES:
        size_bytes = None
    return Fact(kind, path, size_bytes, at_ms, detail) if path else UnparsedReason.NO_PATH


def _is_directory(type_: str | None) -> bool:
    return type_ != "Object" and (type_ or "").lower() in _DIRECTORY_TYPES
