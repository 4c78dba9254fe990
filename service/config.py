"""Settings: read once from the environment, all problems told at once, in the operator's words.

Each field of `Settings` is one variable of the contract. Its description is what is allowed, so that a wrong value is
answered with it: `TRIGGER_POLL_INTERVAL_S: '15s' is not a number above 0 and at most 86400`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from string import Formatter
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from service.domain.execution import Target
from service.domain.names import TaskArn, task_id
from service.domain.sealing import OnError, OnIncomplete, Reconcile

PREFIX = "TRIGGER_"

_DAY_S = 86_400
_YES_NO = "true or false"
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_QUEUE_URL = re.compile(
    r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(/[A-Za-z0-9_.-]+)*/([\w-]{1,80}|[\w-]{1,75}\.fifo)",
    re.ASCII,
)
_S3_URI = re.compile(r"s3://(?P<bucket>[A-Za-z0-9._-]{3,255})(?:/(?P<prefix>[^/].*)?)?")


class SettingsError(Exception):
    """The environment does not make sense. `problems` are all of them, one printable line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class TaskTag(NamedTuple):
    """A tag that a task must have."""

    key: str
    value: str


class LogLevel(StrEnum):
    """The least level that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How the log is written."""

    JSON = "json"
    CONSOLE = "console"


def _queue_url(text: str) -> str:
    if _QUEUE_URL.fullmatch(text) is None:
        # It may hold a password, so it is not repeated.
        example = "https://sqs.eu-west-1.amazonaws.com/111122223333/files"
        raise ValueError(f"is not the URL of an SQS queue, such as {example}")
    return text


def _task_arns(text: str) -> tuple[TaskArn, ...]:
    arns = [entry.strip() for entry in text.split(",") if entry.strip()]
    for arn in arns:
        try:
            task_id(arn)
        except ValueError:
            example = "arn:aws:datasync:eu-west-1:111122223333:task/task-0123456789abcdef0"
            raise ValueError(f"{_shown(arn)} is not the ARN of a DataSync task, such as {example}") from None
    homes = sorted({" of account ".join(arn.split(":")[3:5]) for arn in arns})
    if len(homes) > 1:
        raise ValueError(f"one worker serves one Region of one account, not {' and '.join(homes)}")
    return tuple(map(TaskArn, dict.fromkeys(arns)))


def _task_tag(text: str) -> TaskTag:
    key, equals, value = text.partition("=")
    if not key.strip() or not equals:
        raise ValueError(f"{_shown(text)} is not of the form key=value")
    return TaskTag(key.strip(), value.strip())


def _target(text: str) -> Target:
    match = _S3_URI.fullmatch(text)
    if match is None:
        raise ValueError(f"{_shown(text)} is not of the form s3://bucket or s3://bucket/prefix")
    prefix = (match["prefix"] or "").rstrip("/")
    return Target(match["bucket"], f"{prefix}/" if prefix else "")


def _stream_prefix(text: str) -> str:
    try:
        fields = [(name, spec, convert) for _, name, spec, convert in Formatter().parse(text) if name is not None]
    except ValueError:
        fields = [("", "", None)]
    known = {("task_id", "", None), ("execution_id", "", None)}
    if not known.issuperset(fields):
        raise ValueError(f"{_shown(text)} may hold {{task_id}} and {{execution_id}} and no other braces")
    if ("execution_id", "", None) not in fields:
        raise ValueError(f"{_shown(text)} must hold {{execution_id}}, so that executions do not share their lines")
    if ":" in text or "*" in text:
        raise ValueError(f"{_shown(text)} holds : or *, which no log stream's name does")
    return text


def _not_built(remedy: str, *words: str) -> Callable[[str], str]:
    """Refuse these words, or all, as something that a later version will take."""

    def refuse(text: str) -> str:
        if words and text.lower() not in words:
            return text.lower()
        raise ValueError(f"{_shown(text)} is not built yet in this version; {remedy}")

    return refuse


def _number(default: float, *, least: float | None = None, most: float = _DAY_S) -> Any:  # noqa: ANN401 - because that is what pydantic's Field is
    """Declare a number from `least` (without one: above 0) to `most`, both allowed."""
    bounds = f"above 0 and at most {most}" if least is None else f"from {least} to {most}"
    number = "a whole number" if isinstance(default, int) else "a number"
    above = {"gt": 0} if least is None else {"ge": least}
    return Field(default, **above, le=most, description=f"{number} {bounds}")


def _one_of(default: StrEnum) -> Any:  # noqa: ANN401 - because that is what pydantic's Field is
    return Field(default, description=f"one of {', '.join(type(default))}")


class Settings(BaseModel):
    """What the operator chose. Durations are seconds; what was not given is None, empty, or the contract's default."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    queue_url: Annotated[str, BeforeValidator(_queue_url)] = ""
    wake_queue_url: Annotated[str, BeforeValidator(_queue_url)] = ""
    table_name: str = Field(
        "datasync-trigger",
        pattern=r"^[A-Za-z0-9_.-]{3,255}$",
        description="a table's name: 3 to 255 letters, digits, _ . -",
    )
    task_arns: Annotated[tuple[TaskArn, ...], BeforeValidator(_task_arns)] = ()
    task_tag: Annotated[TaskTag | None, BeforeValidator(_task_tag)] = None
    s3_target_base_uri: Annotated[Target | None, BeforeValidator(_target)] = None
    log_group: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_/.#-]{1,512}$",
        description="a log group's name (no ARN): letters, digits, _ / . # -",
    )
    log_stream_prefix: Annotated[str, BeforeValidator(_stream_prefix)] = "{task_id}-{execution_id}"
    source: Annotated[Literal["auto", "logs"], BeforeValidator(_not_built("give auto or logs", "report"))] = Field(
        "auto", description="one of auto, logs"
    )
    poll_interval_s: float = _number(15.0)
    lookback_s: float = _number(float(_DAY_S), least=0, most=366 * _DAY_S)
    settle_s: float = _number(10.0)
    seal_deadline_s: float = _number(900.0, most=7 * _DAY_S)
    reconcile: Annotated[Reconcile, BeforeValidator(str.lower)] = _one_of(Reconcile.COUNTERS)
    on_error: Annotated[OnError, BeforeValidator(str.lower)] = _one_of(OnError.CARRY)
    on_incomplete: Annotated[OnIncomplete, BeforeValidator(str.lower)] = _one_of(OnIncomplete.PUBLISH)
    publish_unchanged: bool = Field(default=False, description=_YES_NO)
    message_format: Annotated[
        Literal["datasync"], BeforeValidator(_not_built("give datasync", "s3-event", "cloudevents"))
    ] = Field("datasync", description="a format that is built: datasync")
    check_s3: bool = Field(default=True, description=_YES_NO)
    manifest_uri: Annotated[None, BeforeValidator(_not_built("unset it"))] = None
    notification_topic_arn: str | None = Field(
        None,
        pattern=r"^arn:[a-z0-9-]+:sns:[a-z0-9-]+:[0-9]{12}:([A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo)$",
        description="the ARN of an SNS topic, such as arn:aws:sns:eu-west-1:111122223333:executions",
    )
    retention_days: int = _number(30, least=1, most=3650)
    max_executions: int = _number(10, least=1, most=1000)
    lease_s: float = _number(30.0, least=1, most=3600)
    drain_s: float = _number(20.0, least=0, most=3600)
    http_host: str = Field(
        "0.0.0.0",  # noqa: S104 - because a container's port is published or it is not
        pattern=r"^[A-Za-z0-9_.:%-]+$",
        description="an address or a host name",
    )
    http_port: int = _number(8080, least=0, most=65_535)
    log_level: Annotated[LogLevel, BeforeValidator(str.lower)] = _one_of(LogLevel.INFO)
    log_format: Annotated[LogFormat, BeforeValidator(str.lower)] = _one_of(LogFormat.JSON)

    @field_validator("*", mode="before")
    @classmethod
    def _printable(cls, text: str) -> str:
        if _UNPRINTABLE.search(text):
            raise ValueError("holds characters that cannot be printed")
        return text


def load(environ: Mapping[str, str], *, queue_required: bool = True) -> Settings:
    """Read the settings. Raises SettingsError with every problem there is.

    A variable that is empty or blank counts as not set. `queue_url` is empty only where it is not required.
    """
    given = {name: value.strip() for name, value in environ.items() if name.startswith(PREFIX)}
    names = {_variable(field): field for field in Settings.model_fields}
    values = {names[name]: value for name, value in given.items() if name in names and value}
    problems = [*_unknown(given, list(names)), *_contradictions(values, queue_required=queue_required)]
    settings = None
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [_problem(str(told["loc"][0]), told) for told in error.errors(include_url=False)]
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
            yield f"{_shown(name)[1:-1]}: is not a setting{advice}"


def _contradictions(values: Mapping[str, str], *, queue_required: bool) -> Iterator[str]:
    if queue_required and "queue_url" not in values:
        yield "TRIGGER_QUEUE_URL: is not set; give the queue's URL, as `datasync-trigger init --queue NAME` prints it"
    # One worker serves one Region of one account, where the end of a URL names the queue, whatever its endpoint.
    if values.get("wake_queue_url", "none").split("/")[-2:] == values.get("queue_url", "").split("/")[-2:]:
        yield "TRIGGER_WAKE_QUEUE_URL: is the queue of TRIGGER_QUEUE_URL, whose messages would be deleted; give another"
    if "task_arns" in values and "task_tag" in values:
        yield "TRIGGER_TASK_TAG: not together with TRIGGER_TASK_ARNS; unset one of the two"


def _problem(field: str, told: Mapping[str, Any]) -> str:
    """Say in our words what pydantic found. A ValueError of this module is a sentence already."""
    if told["type"] == "value_error":
        return f"{_variable(field)}: {told['ctx']['error']}"
    return f"{_variable(field)}: {_shown(str(told['input']))} is not {Settings.model_fields[field].description}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 100 else f"{text[:100]}…")
