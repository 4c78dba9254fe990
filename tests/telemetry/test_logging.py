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


def test_a_line_has_its_time_in_utc_its_level_its_event_and_its_fields():
    stream = written()
    structlog.get_logger("service").info("http_started", port=8080)
    [line] = lines(stream)
    assert list(line) == ["timestamp", "level", "event", "port"]
    assert (line["level"], line["event"], line["port"]) == ("info", "http_started", 8080)
    assert line["timestamp"].endswith("Z")
    assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)


def test_reports_become_lines_and_idle_ones_none():
    stream = written()
    log(DiscoveryPass(tasks=1, listed=1, new_execution=(), ignored=0))
    log(LeaseLost("sweep"))
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
def test_what_is_below_the_level_is_not_written(level: str, seen: list[str]):
    stream = written(level)
    for each in ("debug", "info", "warning", "error"):
        structlog.get_logger("service").log(logging.getLevelName(each.upper()), each)
    assert [line["event"] for line in lines(stream)] == seen


@pytest.mark.parametrize(("level", "seen"), [("debug", ["warning", "error"]), ("error", ["error"])])
def test_libraries_write_in_the_same_form_from_warning_on(level: str, seen: list[str]):
    stream = written(level)
    for each in ("debug", "info", "warning", "error"):
        logging.getLogger("botocore.x").log(logging.getLevelName(each.upper()), "%s\nfrom below", each)
    assert [(line["event"], line["level"], line["logger"]) for line in lines(stream)] == [
        (f"{each}\nfrom below", each, "botocore.x") for each in seen
    ]


def test_what_is_bound_to_the_context_is_in_every_line():
    stream = written()
    with structlog.contextvars.bound_contextvars(execution_id="exec-1"):
        structlog.get_logger("service").info("one")
        logging.getLogger("aiohttp").warning("two")
    assert [line["execution_id"] for line in lines(stream)] == ["exec-1", "exec-1"]


def raised() -> Exception:
    password = "hush".upper()  # noqa: F841 - because it must not be seen
    try:
        try:
            {}["inner\nline"]
        except KeyError as error:
            raise ValueError("outer") from error
    except ValueError as error:
        return error


@pytest.mark.parametrize("as_json", [True, False])
def test_tracebacks_hold_no_values_of_local_variables(*, as_json: bool):
    stream = written(as_json=as_json)
    structlog.get_logger("service").error("setback", exc_info=raised())
    assert "raised" in stream.getvalue()
    assert "HUSH" not in stream.getvalue()


def test_an_exception_is_structured_with_its_cause():
    stream = written()
    structlog.get_logger("service").error("setback", exc_info=raised())
    [line] = lines(stream)
    assert [each["exc_type"] for each in line["exception"]] == ["ValueError", "KeyError"]
    assert line["exception"][0]["frames"][-1]["name"] == "raised"
    assert "locals" not in line["exception"][0]["frames"][-1]


def test_an_exception_of_a_library_is_structured_too():
    stream = written()
    logging.getLogger("aiohttp.server").error("Unhandled", exc_info=raised())
    assert lines(stream)[0]["exception"][0]["exc_type"] == "ValueError"


def test_a_lone_surrogate_is_escaped():
    stream = written()
    structlog.get_logger("service").info("files_sent", cursor="caf\udce9")
    assert lines(stream)[0]["cursor"] == r"caf\udce9"


any_text = st.text(st.characters() | st.characters(categories=("Cs", "Cc", "Zl", "Zp")))
any_value = st.recursive(
    any_text | st.integers() | st.floats() | st.none() | st.binary() | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(any_text | st.integers(), inner) | st.tuples(inner),
)


@given(any_text, any_value)
def test_whatever_is_logged_stays_one_line_of_json(text: str, value: object):
    stream = written()
    logging.getLogger("botocore").warning("%s", text)
    structlog.get_logger("service").info("event", text=text, value=value, error=ValueError(text))
    assert len(stream.getvalue().splitlines()) == 2
    foreign, ours = lines(stream)
    assert foreign["event"] == ours["text"] == text.encode("utf-8", "backslashreplace").decode()


@given(any_text)
def test_whatever_is_logged_cannot_move_a_terminals_cursor(text: str):
    stream = written(as_json=False)
    structlog.get_logger("service").info(text, text=text, texts=[text])
    assert stream.getvalue().endswith("\n")
    assert stream.getvalue()[:-1].isprintable()


def test_json_holds_nothing_that_is_not_json():
    stream = written()
    structlog.get_logger("service").info("event", nan=math.nan, big=1 << 70)
    line = json.loads(stream.getvalue())
    assert (line["nan"], line["big"]) == (None, str(1 << 70))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "coloured"), [(io.StringIO(), False), (Terminal(), True)])
def test_there_is_colour_on_a_terminal_only(stream: io.StringIO, *, coloured: bool):
    configure(level="info", as_json=False, stream=stream)
    structlog.get_logger("service").info("hello")
    assert ("\x1b[" in stream.getvalue()) is coloured
