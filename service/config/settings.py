"""The settings: each field of `Settings` is one variable.

A field's title is its meaning. Its description is the set of allowed values, which the error for a wrong value names:
`TRIGGER_POLL_INTERVAL_S: '15s' is not a number above 0 and at most 86400`.
"""

import re
from dataclasses import fields
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from service.config import values
from service.domain.execution import S3Location
from service.domain.names import TaskArn
from service.domain.options import DAY_S, CompletenessCheck, OnError, OnIncomplete, WorkerOptions

PREFIX = "TRIGGER_"

_DEFAULTS = WorkerOptions()

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


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


def variable(field: str) -> str:
    """Return the environment variable of a field."""
    return PREFIX + field.upper()


def _setting(default: object, meaning: str, **more: Any) -> Any:  # noqa: ANN401  (the type of pydantic's Field)
    """Declare a setting. `unset` describes the default of one that is None or empty."""
    unset = more.pop("unset", None)
    return Field(default, title=meaning, json_schema_extra={"unset": unset} if unset else None, **more)


def _number(default: float, meaning: str, *, least: float | None = None, most: float = DAY_S) -> Any:  # noqa: ANN401  (the type of pydantic's Field)
    """Declare a number from `least` (without one: above 0) to `most`, inclusive."""
    bounds = f"above 0 and at most {most}" if least is None else f"from {least} to {most}"
    number = "a whole number" if isinstance(default, int) else "a number"
    above = {"gt": 0} if least is None else {"ge": least}
    largest = f"{most // DAY_S} days" if most > DAY_S else f"{most:,}"
    smallest = "Above 0, at most" if least is None else f"From {least} to" if least else "At most"
    meaning = f"{meaning} {smallest} {largest}."
    return _setting(default, meaning, **above, le=most, description=f"{number} {bounds}")


def _one_of(default: StrEnum, meaning: str) -> Any:  # noqa: ANN401  (the type of pydantic's Field)
    return _setting(default, meaning, description=f"one of {', '.join(type(default))}")


def _yes_no(meaning: str, *, default: bool) -> Any:  # noqa: ANN401  (the type of pydantic's Field)
    return _setting(default, meaning, description="true or false")


class Settings(BaseModel):
    """The operator's settings. Durations are seconds. A variable that is not set is None, empty, or its default."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    queue_url: Annotated[str, BeforeValidator(values.queue_url)] = _setting(
        "",
        "URL of the SQS queue for the file messages. A name that ends in `.fifo` is used as a FIFO queue. Only "
        "`init --queue NAME` runs without it.",
        unset="required",
    )
    task_arns: Annotated[tuple[TaskArn, ...], BeforeValidator(values.task_arns)] = _setting(
        (),
        "DataSync task ARNs, separated by commas. All must belong to one account and one Region.",
        unset="every task that writes to S3",
    )
    task_tag: Annotated[values.TaskTag | None, BeforeValidator(values.task_tag)] = _setting(
        None, "`key=value`: only tasks with this tag. Not together with `TRIGGER_TASK_ARNS`.", unset="none"
    )
    s3_target_base_uri: Annotated[S3Location | None, BeforeValidator(values.s3_location)] = _setting(
        None,
        "`s3://bucket` or `s3://bucket/prefix`: the place that messages name. It replaces the task's own destination.",
        unset="the task's destination location",
    )
    log_group: str | None = _setting(
        None,
        "Name of the CloudWatch log group. Enhanced mode always logs to `/aws/datasync`.",
        unset="the task's log group",
        pattern=r"^[A-Za-z0-9_/.#-]{1,512}$",
        description="a log group's name (no ARN): letters, digits, _ / . # -",
    )
    log_stream_prefix: Annotated[str, BeforeValidator(values.stream_prefix)] = _setting(
        _DEFAULTS.log_stream_prefix,
        "Prefix of an execution's log streams. It must contain `{execution_id}`.",
    )
    source: Annotated[
        Literal["auto", "logs"], BeforeValidator(values.not_implemented("give auto or logs", "report"))
    ] = _setting(
        # The evidence that the task writes. So far that is always its log.
        "auto",
        "The evidence that a file was verified. `auto` and `logs` both read the log. `report` (DataSync's task "
        "reports) is not built and is refused.",
        description="one of auto, logs",
    )
    wake_queue_url: Annotated[str, BeforeValidator(values.queue_url)] = _setting(
        "",
        "URL of an SQS queue that receives DataSync's events from EventBridge. Each message wakes a worker. It must "
        "not be the queue of `TRIGGER_QUEUE_URL`.",
        unset="none",
    )
    # Named after the program: most accounts need one table.
    table_name: str = _setting(
        "datasync-trigger",
        "Name of the DynamoDB table.",
        pattern=r"^[A-Za-z0-9_.-]{3,255}$",
        description="a table's name: 3 to 255 letters, digits, _ . -",
    )
    poll_interval_s: float = _number(
        _DEFAULTS.poll_interval_s,
        "Pause between two discovery passes, and between two reads of a running execution's log.",
    )
    lookback_s: float = _number(
        _DEFAULTS.lookback_s,
        "When a task is first seen, its executions that started longer ago than this are ignored.",
        least=0,
        most=366 * DAY_S,
    )
    settle_s: float = _number(
        _DEFAULTS.settle_s, "How long the log of an ended execution must stay quiet before it can be sealed."
    )
    seal_deadline_s: float = _number(
        _DEFAULTS.seal_deadline_s,
        "How long to wait for a log that does not match DataSync's counters, counted from when a worker first saw the "
        "end. Also how long refused access is retried before the execution is held.",
        most=7 * DAY_S,
    )
    reconcile: Annotated[CompletenessCheck, BeforeValidator(str.lower)] = _one_of(
        _DEFAULTS.reconcile,
        "How a complete log is recognised. `counters`: as many verified files as DataSync counted. `log`: the finish "
        "line and two equal passes are enough, too.",
    )
    on_error: Annotated[OnError, BeforeValidator(str.lower)] = _one_of(
        _DEFAULTS.on_error,
        "Policy for the verified files of an execution that ended in ERROR: `carry` them to the task's next SUCCESS, "
        "`publish` them now, or `drop` them.",
    )
    on_incomplete: Annotated[OnIncomplete, BeforeValidator(str.lower)] = _one_of(
        _DEFAULTS.on_incomplete,
        "Policy for a log that is still incomplete at the deadline: `publish` the verified files, or `hold` the "
        "execution for a person.",
    )
    publish_unchanged: bool = _yes_no(
        "`true`: also publish files that were verified again but not transferred.", default=_DEFAULTS.publish_unchanged
    )
    check_s3: bool = _yes_no(
        "Look up each file in S3 before publishing it. `false` saves the requests, and leaves out `etag` and "
        "`last_modified`; only log lines can then distinguish new files from unchanged ones.",
        default=_DEFAULTS.check_s3,
    )
    message_format: Annotated[
        Literal["datasync"], BeforeValidator(values.not_implemented("give datasync", "s3-event", "cloudevents"))
    ] = _setting(
        # So far it is the only one.
        "datasync",
        "The message format. `s3-event` and `cloudevents` are not built and are refused.",
        description="one of datasync",
    )
    manifest_uri: Annotated[None, BeforeValidator(values.not_implemented("unset it"))] = _setting(
        None, "Not built: every value is refused.", unset="none"
    )
    notification_topic_arn: str | None = _setting(
        None,
        "ARN of an SNS topic that gets one notification for each execution that is published, carried, held or "
        "discarded.",
        unset="none",
        pattern=r"^arn:[a-z0-9-]+:sns:[a-z0-9-]+:[0-9]{12}:([A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo)$",
        description="the ARN of an SNS topic, such as arn:aws:sns:eu-west-1:111122223333:executions",
    )
    retention_days: int = _number(
        _DEFAULTS.retention_days,
        "After this many days DynamoDB removes an execution's items. Executions that still run, are carried or are "
        "held are kept longer.",
        least=1,
        most=3650,
    )
    max_executions: int = _number(
        _DEFAULTS.max_executions, "How many executions one worker handles at a time.", least=1, most=1000
    )
    lease_s: float = _number(
        _DEFAULTS.lease_s,
        "How long a lease stays valid without renewal. After that another worker may take over.",
        least=1,
        most=3600,
    )
    drain_s: float = _number(
        _DEFAULTS.drain_s,
        "How long a worker may finish its work after SIGTERM. Keep it below the container's stop timeout.",
        least=0,
        most=3600,
    )
    http_host: str = _setting(
        "0.0.0.0",  # noqa: S104  (a container's port is reachable only if it is published)
        "Address to listen on for metrics, health and API.",
        pattern=r"^[A-Za-z0-9_.:%-]+$",
        description="an address or a host name",
    )
    http_port: int = _number(
        8080,  # the usual alternative to 80, which only root may bind
        "Port to listen on. 0 takes a free port and prints it in the log line `http_started`.",
        least=0,
        most=65_535,
    )
    # Info shows what happens to each execution; debug shows each page.
    log_level: Annotated[LogLevel, BeforeValidator(str.lower)] = _one_of(
        LogLevel.INFO, "Lowest level that is logged: `debug`, `info`, `warning` or `error`."
    )
    # Log services index the fields of JSON.
    log_format: Annotated[LogFormat, BeforeValidator(str.lower)] = _one_of(
        LogFormat.JSON, "`json`, or `console` for people."
    )

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
