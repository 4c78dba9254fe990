import io
import json
import logging
import math
from datetime import datetime, timedelta

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from service.domain.observations import DiscoveryPass, LeaseLost
from service.telemetry.logging import configure, log


def written(level: str = "info", *, as_json: bool = True) -> io.StringIO:
    stream = io.StringIO()
    configure(level=level, as_json=as_json, stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict]:
    return [orjson.loads(line) for line in stream.getvalue().encode().splitlines()]


def test_line_has_time_in_utc_level_event_and_fields():
    stream = written()
    structlog.get_logger("service").info("http_started", port=8080)
    [line] = lines(stream)
    assert list(line) == ["timestamp", "level", "event", "port"]
    assert (line["level"], line["event"], line["port"]) == ("info", "http_started", 8080)
    assert line["timestamp"].endswith("Z")
    assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)


def test_observations_are_logged_unless_idle():
    stream = written()
    log(DiscoveryPass(tasks=1, tasks_listed=1, registered=(), ignored=0))
    log(LeaseLost("discovery"))
    assert [(line["level"], line["event"]) for line in lines(stream)] == [("warning", "lease_lost")]


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_lines_below_the_level_are_not_written(level: str, seen: list[str]):
    stream = written(level)
    for each in ("debug", "info", "warning", "error"):
        structlog.get_logger("service").log(logging.getLevelName(each.upper()), each)
    assert [line["event"] for line in lines(stream)] == seen


@pytest.mark.parametrize(("level", "seen"), [("debug", ["warning", "error"]), ("error", ["error"])])
def test_libraries_log_in_the_same_format_from_warning_on(level: str, seen: list[str]):
    stream = written(level)
    for each in ("debug", "info", "warning", "error"):
        logging.getLogger("botocore.x").log(logging.getLevelName(each.upper()), "%s\nfrom below", each)
    assert [(line["event"], line["level"], line["logger"]) for line in lines(stream)] == [
        (f"{each}\nfrom below", each, "botocore.x") for each in seen
    ]


def test_bound_context_is_in_every_line():
    stream = written()
    with structlog.contextvars.bound_contextvars(execution_id="exec-1"):
        structlog.get_logger("service").info("one")
        logging.getLogger("aiohttp").warning("two")
    assert [line["execution_id"] for line in lines(stream)] == ["exec-1", "exec-1"]


def raised() -> Exception:
    password = "hush".upper()  # noqa: F841  (it must not be shown)
    try:
        try:
            {}["inner\nline"]
        except KeyError as error:
            raise ValueError("outer") from error
    except ValueError as error:
        return error


@pytest.mark.parametrize("as_json", [True, False])
def test_tracebacks_have_no_values_of_local_variables(*, as_json: bool):
    stream = written(as_json=as_json)
    structlog.get_logger("service").error("tick_failed", exc_info=raised())
    assert "raised" in stream.getvalue()
    assert "HUSH" not in stream.getvalue()


def test_exception_is_structured_with_its_cause():
    stream = written()
    structlog.get_logger("service").error("tick_failed", exc_info=raised())
    [line] = lines(stream)
    assert [each["exc_type"] for each in line["exception"]] == ["ValueError", "KeyError"]
    assert line["exception"][0]["frames"][-1]["name"] == "raised"
    assert "locals" not in line["exception"][0]["frames"][-1]


def test_exception_of_a_library_is_structured():
    stream = written()
    logging.getLogger("aiohttp.server").error("Unhandled", exc_info=raised())
    assert lines(stream)[0]["exception"][0]["exc_type"] == "ValueError"


def test_lone_surrogate_is_escaped():
    stream = written()
    structlog.get_logger("service").info("files_published", cursor="caf\udce9")
    assert lines(stream)[0]["cursor"] == r"caf\udce9"


any_text = st.text(st.characters() | st.characters(categories=("Cs", "Cc", "Zl", "Zp")))
any_value = st.recursive(
    any_text | st.integers() | st.floats() | st.none() | st.binary() | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(any_text | st.integers(), inner) | st.tuples(inner),
)


@given(any_text, any_value)
def test_any_value_stays_one_line_of_json(text: str, value: object):
    stream = written()
    logging.getLogger("botocore").warning("%s", text)
    structlog.get_logger("service").info("event", text=text, value=value, error=ValueError(text))
    assert len(stream.getvalue().splitlines()) == 2
    foreign, ours = lines(stream)
    assert foreign["event"] == ours["text"] == text.encode("utf-8", "backslashreplace").decode()


@given(any_text)
def test_any_text_stays_printable_on_a_terminal(text: str):
    stream = written(as_json=False)
    structlog.get_logger("service").info(text, text=text, texts=[text])
    assert stream.getvalue().endswith("\n")
    assert stream.getvalue()[:-1].isprintable()


def test_values_that_json_cannot_represent_are_replaced():
    stream = written()
    structlog.get_logger("service").info("event", nan=math.nan, big=1 << 70)
    line = json.loads(stream.getvalue())
    assert (line["nan"], line["big"]) == (None, str(1 << 70))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "coloured"), [(io.StringIO(), False), (Terminal(), True)])
def test_colour_is_used_only_on_a_terminal(stream: io.StringIO, *, coloured: bool):
    configure(level="info", as_json=False, stream=stream)
    structlog.get_logger("service").info("hello")
    assert ("\x1b[" in stream.getvalue()) is coloured
