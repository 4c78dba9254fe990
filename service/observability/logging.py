"""The log: structlog's lines and the standard library's alike, each one line of JSON, or readable on a terminal.

What comes from outside (file names, lines of other logs, AWS's messages) may hold any text. It cannot break a line,
forge one, or move a terminal's cursor.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import orjson
import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor

from service.domain.reports import Report
from service.domain.views import visible
from service.observability.events import event

ROOT = "service"
"""The logger of all lines of ours. Libraries log under their own names, from WARNING on."""

_TRACEBACK_FRAMES = 30

# JSON leaves these as they are, but not everyone who splits lines or shows them does.
_RISKY_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029]")


def configure(*, level: str, as_json: bool, stream: TextIO) -> None:
    """Send all logging of this process to the stream. A later call replaces an earlier one.

    `level` is `debug`, `info`, `warning` or `error`. Tracebacks hold no values of local variables: those may be
    anything. Colour only where the stream is a terminal.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[ProcessorFormatter.remove_processors_meta, *(_json() if as_json else _console(stream))],
        ),
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(threshold, logging.WARNING))
    logging.getLogger(ROOT).setLevel(threshold)
    structlog.configure(
        processors=[*shared, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def log(report: Report) -> None:
    """Write the line that a report is worth, if it is worth one."""
    line = event(report)
    if line is not None:
        structlog.get_logger(ROOT).log(logging.getLevelNamesMapping()[line.level.upper()], line.event, **line.fields)


def announce(happened: str, **fields: str | int) -> None:
    """Write a line about the process itself: that it listens, that it stops."""
    structlog.get_logger(ROOT).info(happened, **fields)


def _json() -> list[Processor]:
    structured = ExceptionDictTransformer(show_locals=False, max_frames=_TRACEBACK_FRAMES)
    return [structlog.processors.ExceptionRenderer(structured), _only_plain_values, _as_json]


def _console(stream: TextIO) -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        _only_plain_values,
        _only_visible_text,
        structlog.dev.ConsoleRenderer(colors=stream.isatty()),
    ]


def _only_plain_values(_logger: object, _method: str, fields: EventDict) -> EventDict:
    return {_text(key): _plain(value) for key, value in fields.items()}


def _plain(value: Any) -> Any:  # noqa: ANN401 - because a log line may be given anything
    """Make a value what JSON can hold: lone surrogates are escaped, and what is no value is shown as Python does."""
    match value:
        case None | bool() | float():
            return value
        case int():
            return int(value) if abs(value) < 1 << 63 else str(value)
        case str():
            return _text(value)
        case Mapping():
            return {_text(str(key)): _plain(each) for key, each in value.items()}
        case Sequence() | set() | frozenset() if not isinstance(value, (bytes, bytearray)):
            return [_plain(each) for each in value]
        case _:
            return _text(repr(value))


def _text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _as_json(_logger: object, _method: str, fields: EventDict) -> str:
    head = {key: fields.pop(key) for key in ("timestamp", "level", "event") if key in fields}
    line = orjson.dumps({**head, **fields}).decode()
    return _RISKY_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def _only_visible_text(_logger: object, _method: str, fields: EventDict) -> EventDict:
    """Escape what is not printable; a traceback keeps its lines."""
    return {
        key: visible(value, kept="\n" if key == "exception" else "") if isinstance(value, str) else value
        for key, value in fields.items()
    }
