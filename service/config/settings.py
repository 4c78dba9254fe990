"""The settings: read once from the environment, with all problems reported at once.

Each field of `Settings` is one variable. Its description is the set of allowed values, which the error for a wrong
value names: `TRIGGER_POLL_INTERVAL_S: '15s' is not a number above 0 and at most 86400`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from service.config import values
from service.domain.execution import S3Location
from service.domain.names import TaskArn
from service.domain.options import DAY_S, CompletenessCheck, OnError, OnIncomplete, WorkerOptions

PREFIX = "TRIGGER_"

_DEFAULTS = WorkerOptions()

_YES_NO = "true or false"
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class SettingsError(Exception):
    """The environment has wrong settings. `problems` are all of them, one printable line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class LogLevel(StrEnum):
    """The lowest level that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """The format of the log."""

    JSON = "json"
    CONSOLE = "console"


def _number(default: float, *, least: float | None = None, most: float = DAY_S) -> Any:  # noqa: ANN401  (the type of pydantic's Field)
    """Declare a number from `least` (without one: above 0) to `most`, inclusive."""
    bounds = f"above 0 and at most {most}" if least is None else f"from {least} to {most}"
    number = "a whole number" if isinstance(default, int) else "a number"
    above = {"gt": 0} if least is None else {"ge": least}
    return Field(default, **above, le=most, description=f"{number} {bounds}")


def _one_of(default: StrEnum) -> Any:  # noqa: ANN401  (the type of pydantic's Field)
    return Field(default, description=f"one of {', '.join(type(default))}")


class Settings(BaseModel):
    """The operator's settings. Durations are seconds. A variable that is not set is None, empty, or its default."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    queue_url: Annotated[str, BeforeValidator(values.queue_url)] = ""
    wake_queue_url: Annotated[str, BeforeValidator(values.queue_url)] = ""
    table_name: str = Field(
        "datasync-trigger",
        pattern=r"^[A-Za-z0-9_.-]{3,255}$",
        description="a table's name: 3 to 255 letters, digits, _ . -",
    )
    task_arns: Annotated[tuple[TaskArn, ...], BeforeValidator(values.task_arns)] = ()
    task_tag: Annotated[values.TaskTag | None, BeforeValidator(values.task_tag)] = None
    s3_target_base_uri: Annotated[S3Location | None, BeforeValidator(values.s3_location)] = None
    log_group: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_/.#-]{1,512}$",
        description="a log group's name (no ARN): letters, digits, _ / . # -",
    )
    log_stream_prefix: Annotated[str, BeforeValidator(values.stream_prefix)] = _DEFAULTS.log_stream_prefix
    source: Annotated[
        Literal["auto", "logs"], BeforeValidator(values.not_implemented("give auto or logs", "report"))
    ] = Field("auto", description="one of auto, logs")
    poll_interval_s: float = _number(_DEFAULTS.poll_interval_s)
    lookback_s: float = _number(_DEFAULTS.lookback_s, least=0, most=366 * DAY_S)
    settle_s: float = _number(_DEFAULTS.settle_s)
    seal_deadline_s: float = _number(_DEFAULTS.seal_deadline_s, most=7 * DAY_S)
    reconcile: Annotated[CompletenessCheck, BeforeValidator(str.lower)] = _one_of(_DEFAULTS.reconcile)
    on_error: Annotated[OnError, BeforeValidator(str.lower)] = _one_of(_DEFAULTS.on_error)
    on_incomplete: Annotated[OnIncomplete, BeforeValidator(str.lower)] = _one_of(_DEFAULTS.on_incomplete)
    publish_unchanged: bool = Field(default=_DEFAULTS.publish_unchanged, description=_YES_NO)
    message_format: Annotated[
        Literal["datasync"], BeforeValidator(values.not_implemented("give datasync", "s3-event", "cloudevents"))
    ] = Field("datasync", description="one of datasync")
    check_s3: bool = Field(default=_DEFAULTS.check_s3, description=_YES_NO)
    manifest_uri: Annotated[None, BeforeValidator(values.not_implemented("unset it"))] = None
    notification_topic_arn: str | None = Field(
        None,
        pattern=r"^arn:[a-z0-9-]+:sns:[a-z0-9-]+:[0-9]{12}:([A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo)$",
        description="the ARN of an SNS topic, such as arn:aws:sns:eu-west-1:111122223333:executions",
    )
    retention_days: int = _number(_DEFAULTS.retention_days, least=1, most=3650)
    max_executions: int = _number(_DEFAULTS.max_executions, least=1, most=1000)
    lease_s: float = _number(_DEFAULTS.lease_s, least=1, most=3600)
    drain_s: float = _number(_DEFAULTS.drain_s, least=0, most=3600)
    http_host: str = Field(
        "0.0.0.0",  # noqa: S104  (a container's port is reachable only if it is published)
        pattern=r"^[A-Za-z0-9_.:%-]+$",
        description="an address or a host name",
    )
    http_port: int = _number(8080, least=0, most=65_535)
    log_level: Annotated[LogLevel, BeforeValidator(str.lower)] = _one_of(LogLevel.INFO)
    log_format: Annotated[LogFormat, BeforeValidator(str.lower)] = _one_of(LogFormat.JSON)

    def worker_options(self) -> WorkerOptions:
        """Return the options of a worker: the settings of the same names."""
        names = {option.name for option in fields(WorkerOptions)} - {"tasks_named"}
        return WorkerOptions(**{name: getattr(self, name) for name in names}, tasks_named=bool(self.task_arns))

    @field_validator("*", mode="before")
    @classmethod
    def _printable(cls, text: str) -> str:
        if _UNPRINTABLE.search(text):
            raise ValueError("holds characters that cannot be printed")
        return text


def load(environ: Mapping[str, str], *, queue_required: bool = True) -> Settings:
    """Read the settings. Raise SettingsError with every problem.

    A variable that is empty or blank counts as not set. `queue_url` is empty only if it is not required.
    """
    given = {name: value.strip() for name, value in environ.items() if name.startswith(PREFIX)}
    names = {_variable(field): field for field in Settings.model_fields}
    values = {names[name]: value for name, value in given.items() if name in names and value}
    problems = [*_unknown(given, list(names)), *_conflicting_settings(values, queue_required=queue_required)]
    settings = None
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [_message(str(found["loc"][0]), found) for found in error.errors(include_url=False)]
    if settings is None or problems:
        raise SettingsError(sorted(problems))
    return settings


def _variable(field: str) -> str:
    return PREFIX + field.upper()


def _unknown(given: Mapping[str, str], known: Sequence[str]) -> Iterator[str]:
    for name in given:
        if name not in known:
            nearest = get_close_matches(name[len(PREFIX) :], [each[len(PREFIX) :] for each in known], n=1, cutoff=0.5)
            advice = f"; did you mean {PREFIX}{nearest[0]}?" if nearest else ""
            yield f"{values.quoted(name)[1:-1]}: is not a setting{advice}"


def _conflicting_settings(values: Mapping[str, str], *, queue_required: bool) -> Iterator[str]:
    if queue_required and "queue_url" not in values:
        yield "TRIGGER_QUEUE_URL: is not set; give the queue's URL, as `datasync-trigger init --queue NAME` prints it"
    # One worker serves one Region of one account, so the end of a URL identifies the queue, whatever its endpoint.
    if values.get("wake_queue_url", "none").split("/")[-2:] == values.get("queue_url", "").split("/")[-2:]:
        yield "TRIGGER_WAKE_QUEUE_URL: is the queue of TRIGGER_QUEUE_URL, whose messages would be deleted; give another"
    if "task_arns" in values and "task_tag" in values:
        yield "TRIGGER_TASK_TAG: not together with TRIGGER_TASK_ARNS; unset one of the two"


def _message(field: str, error: Mapping[str, Any]) -> str:
    """Return a sentence about an error of pydantic. A ValueError of this module is a sentence already."""
    if error["type"] == "value_error":
        return f"{_variable(field)}: {error['ctx']['error']}"
    return f"{_variable(field)}: {values.quoted(str(error['input']))} is not {Settings.model_fields[field].description}"
