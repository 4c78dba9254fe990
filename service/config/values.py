"""The values of settings: each function parses one kind, and raises ValueError with a sentence."""

import re
from collections.abc import Callable
from string import Formatter
from typing import NamedTuple

from service.domain.execution import S3Location
from service.domain.names import TaskArn, parse_task_id

_QUEUE_URL = re.compile(
    r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(/[A-Za-z0-9_.-]+)*/([\w-]{1,80}|[\w-]{1,75}\.fifo)",
    re.ASCII,
)
_S3_URI = re.compile(r"s3://(?P<bucket>[A-Za-z0-9._-]{3,255})(?:/(?P<prefix>[^/].*)?)?")


class TaskTag(NamedTuple):
    """A tag that a task must have."""

    key: str
    value: str


def queue_url(text: str) -> str:
    """Return the URL of an SQS queue."""
    if _QUEUE_URL.fullmatch(text) is None:
        # It may hold a password, so the message does not quote it.
        example = "https://sqs.eu-west-1.amazonaws.com/111122223333/files"
        raise ValueError(f"is not the URL of an SQS queue, such as {example}")
    return text


def task_arns(text: str) -> tuple[TaskArn, ...]:
    """Parse task ARNs of one Region and account, separated by commas."""
    arns = [entry.strip() for entry in text.split(",") if entry.strip()]
    for arn in arns:
        try:
            parse_task_id(arn)
        except ValueError:
            example = "arn:aws:datasync:eu-west-1:111122223333:task/task-0123456789abcdef0"
            raise ValueError(f"{quoted(arn)} is not the ARN of a DataSync task, such as {example}") from None
    homes = sorted({" of account ".join(arn.split(":")[3:5]) for arn in arns})
    if len(homes) > 1:
        raise ValueError(f"one worker serves one Region of one account, not {' and '.join(homes)}")
    return tuple(map(TaskArn, dict.fromkeys(arns)))


def task_tag(text: str) -> TaskTag:
    """Parse `key=value`."""
    key, equals, value = text.partition("=")
    if not key.strip() or not equals:
        raise ValueError(f"{quoted(text)} is not of the form key=value")
    return TaskTag(key.strip(), value.strip())


def s3_location(text: str) -> S3Location:
    """Parse `s3://bucket/prefix`, with or without a trailing slash."""
    match = _S3_URI.fullmatch(text)
    if match is None:
        raise ValueError(f"{quoted(text)} is not of the form s3://bucket or s3://bucket/prefix")
    prefix = (match["prefix"] or "").rstrip("/")
    return S3Location(match["bucket"], f"{prefix}/" if prefix else "")


def stream_prefix(text: str) -> str:
    """Return a prefix of log streams with the placeholders `{task_id}` and `{execution_id}`."""
    try:
        fields = [(name, spec, convert) for _, name, spec, convert in Formatter().parse(text) if name is not None]
    except ValueError:
        fields = [("", "", None)]
    known = {("task_id", "", None), ("execution_id", "", None)}
    if not known.issuperset(fields):
        raise ValueError(f"{quoted(text)} may hold {{task_id}} and {{execution_id}} and no other braces")
    if ("execution_id", "", None) not in fields:
        raise ValueError(f"{quoted(text)} must hold {{execution_id}}, or executions would share their lines")
    if ":" in text or "*" in text:
        raise ValueError(f"{quoted(text)} holds : or *, which no log stream's name does")
    return text


def not_implemented(remedy: str, *words: str) -> Callable[[str], str]:
    """Reject these values, or all, as something that a later version will accept."""

    def refuse(text: str) -> str:
        if words and text.lower() not in words:
            return text.lower()
        raise ValueError(f"{quoted(text)} is not implemented in this version; {remedy}")

    return refuse


def quoted(text: str) -> str:
    """Return the text in quotes, shortened to 100 characters."""
    return repr(text if len(text) <= 100 else f"{text[:100]}…")
