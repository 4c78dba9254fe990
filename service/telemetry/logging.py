"""The log: lines of structlog and of the standard library, each one line of JSON, or readable text on a terminal.

Text from outside (file names, lines of other logs, AWS's messages) cannot break a line, forge one, or move a
terminal's cursor.
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

from service.domain.observations import Observation
from service.domain.views import escape_unprintable
from service.telemetry.log_lines import log_line

ROOT = "service"
"""The logger of the service's own lines. Libraries log under their own names, from WARNING on."""

_TRACEBACK_FRAMES = 30

# JSON does not escape these, but some programs split lines at them or do not show them.
_RISKY_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029]")


def configure(*, level: str, as_json: bool, stream: TextIO) -> None:
    """Send all logging of this process to the stream. A later call replaces an earlier one.

    `level` is `debug`, `info`, `warning` or `error`. Tracebacks do not show local variables, which may hold anything.
    Colour is used only if the stream is a terminal.
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


def log(observation: Observation) -> None:
    """Write the line of an observation, if it has one."""
    line = log_line(observation)
    if line is not None:
        structlog.get_logger(ROOT).log(logging.getLevelNamesMapping()[line.level.upper()], line.event, **line.fields)


def log_lifecycle(event: str, **fields: str | int) -> None:
    """Write a line about the process itself: that it listens, that it stops."""
    structlog.get_logger(ROOT).info(event, **fields)


def _json() -> list[Processor]:
    structured = ExceptionDictTransformer(show_locals=False, max_frames=_TRACEBACK_FRAMES)
    return [structlog.processors.ExceptionRenderer(structured), _only_plain_values, _as_json]


def _console(stream: TextIO) -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        _only_plain_values,
        _escape_unprintable,
        structlog.dev.ConsoleRenderer(colors=stream.isatty()),
    ]


def _only_plain_values(_logger: object, _method: str, fields: EventDict) -> EventDict:
    return {_text(key): _plain(value) for key, value in fields.items()}


def _plain(value: Any) -> Any:  # noqa: ANN401  (a log line may get any value)
    """Convert a value to one that JSON can hold: escape lone surrogates, and take the repr of other objects."""
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


def _escape_unprintable(_logger: object, _method: str, fields: EventDict) -> EventDict:
    """Escape what is not printable. A traceback keeps its line breaks."""
    return {
        key: escape_unprintable(value, keep="\n" if key == "exception" else "") if isinstance(value, str) else value
        for key, value in fields.items()
    }
