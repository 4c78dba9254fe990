"""Every SDK client of the process: made once, paced, counted. A move to plain aiobotocore touches this file alone."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import aioboto3
import orjson
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from aiolimiter import AsyncLimiter
from botocore.utils import parse_timestamp

from service import __version__
from service.adapters.aws import s3_listing, signing, sqs_body
from service.adapters.aws.errors import THROTTLES, translated
from service.domain.errors import Denied, Rejected

if TYPE_CHECKING:
    from types_aiobotocore_datasync import DataSyncClient
    from types_aiobotocore_dynamodb import DynamoDBClient
    from types_aiobotocore_logs import CloudWatchLogsClient
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_sns import SNSClient
    from types_aiobotocore_sqs import SQSClient

OnRequest = Callable[[str, str, str], None]
"""Takes service, operation and outcome of one attempt.

The outcome is one of ok, throttled, client_error, server_error, connection_error.
"""

RATES: Mapping[tuple[str, str], float] = MappingProxyType(
    {
        # Ten a second per account in some Regions, and not adjustable: half of it is left to others.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
        ("logs", "GetLogEvents"): 5.0,
        ("logs", "DescribeLogStreams"): 10.0,
        # DataSync publishes no limits.
        ("datasync", "ListTasks"): 5.0,
        ("datasync", "ListTagsForResource"): 5.0,
        ("datasync", "DescribeTask"): 5.0,
        ("datasync", "DescribeLocationS3"): 5.0,
        ("datasync", "ListTaskExecutions"): 5.0,
        ("datasync", "DescribeTaskExecution"): 5.0,
    },
)
"""Requests per second of this process, retries included. What is not named is not paced."""

_LONG_ANSWERS = ("GetLogEvents", "Query", "SendMessageBatch")
"""Thousands of members that the SDK takes one by one against its model, only to leave nearly all as they came."""

_BINARY = b'"B":'
"""DynamoDB's type whose values come in base64. Within a JSON text the quotes would be escaped."""


class Clients(NamedTuple):
    """One client per service."""

    datasync: "DataSyncClient"
    logs: "CloudWatchLogsClient"
    dynamodb: "DynamoDBClient"
    sqs: "SQSClient"
    s3: "S3Client"
    sns: "SNSClient"


@asynccontextmanager
async def clients(on_request: OnRequest, rates: Mapping[tuple[str, str], float] = RATES) -> AsyncIterator[Clients]:
    """Open the clients for the life of the process; credentials, Region and endpoints come as the SDK finds them.

    A call is tried at most four times, each attempt is paced by `rates` and reported to `on_request`. Raises Denied
    without credentials and Rejected without a Region or with a wrong endpoint: these clients would never work.
    """
    session = await _session()
    config = AioConfig(
        retries={"mode": "standard", "total_max_attempts": 4},
        connect_timeout=5,
        # Longer than the wake queue keeps an empty answer back.
        read_timeout=30,
        max_pool_connections=64,
        # The whole of it: what `user_agent_extra` is added to, the SDK puts together anew for each request, twice.
        user_agent=f"datasync-trigger/{__version__}",
        # What the adapters send is built by them alone, and the services check it too; per item it costs more
        # than all else.
        parameter_validation=False,
    )
    async with AsyncExitStack() as stack:
        opened = []
        for service in Clients._fields:
            client = await _open(stack, session, service, config)
            _watch(client, service, on_request, rates)
            opened.append(client)
        all_clients = Clients(*opened)
        # Each seam leaves unusual requests and answers to the SDK. Most calls go to SQS: only these are signed faster.
        s3_listing.register(all_clients.s3)
        sqs_body.register(all_clients.sqs)
        signing.register(all_clients.sqs)
        yield all_clients


async def _session() -> aioboto3.Session:
    call = "aws.session"
    with translated(call, "the AWS configuration"):
        core = AioSession()
        core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
        # All SDKs but Python's know AWS_REGION, and it is the one that ECS and Lambda set.
        session = aioboto3.Session(botocore_session=core, region_name=os.environ.get("AWS_REGION") or None)
        region, credentials = session.region_name, await core.get_credentials()
    if region is None:
        raise Rejected(call, "no AWS Region is set: set AWS_REGION")
    if credentials is None:
        remedy = "give the task a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise Denied(call, f"no AWS credentials were found: {remedy}")
    return session


async def _open(stack: AsyncExitStack, session: aioboto3.Session, service: str, config: AioConfig) -> Any:  # noqa: ANN401 - because the clients' types have no common one
    call = f"{service}.client"
    try:
        with translated(call, "the AWS configuration"):
            return await stack.enter_async_context(session.client(service, config=config))
    except ValueError as error:
        raise Rejected(call, f"an AWS_ENDPOINT_URL variable is wrong: {error}") from error


def _timestamp(value: Any) -> datetime:  # noqa: ANN401 - because JSON brings numbers and XML texts
    """Read a time as the SDK does; but ISO 8601, of which S3 lists thousands, without its slow general parser."""
    if isinstance(value, str) and value.endswith("Z"):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    return parse_timestamp(value)


def _read(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """Take an answer that is plain JSON as it is; anything else the SDK reads, and rules on it where it is wrong."""
    body = response_dict["body"]
    if response_dict["status_code"] >= 300 or _BINARY in body:
        return
    with suppress(AttributeError, ValueError):
        members = orjson.loads(body).items()
        customized_response_dict.update((name, value) for name, value in members if value is not None)
        response_dict["body"] = b"{}"


def _watch(client: Any, service: str, on_request: OnRequest, rates: Mapping[tuple[str, str], float]) -> None:  # noqa: ANN401 - because the clients' types have no common one
    """Hook pacing and counting into a client. botocore emits both events once per attempt."""
    events = client.meta.events
    for (paced, operation), rate in rates.items():
        if paced == service:
            events.register(f"before-send.*.{operation}", partial(_pace, AsyncLimiter(rate, 1.0)))
    events.register("response-received", partial(_count, service, on_request))
    for operation in _LONG_ANSWERS:
        events.register(f"before-parse.*.{operation}", _read)


async def _pace(bucket: AsyncLimiter, **_: object) -> None:
    """Wait for the operation's turn; returning nothing lets the request go out."""
    await bucket.acquire()


def _count(
    service: str,
    on_request: OnRequest,
    *,
    event_name: str,
    parsed_response: Mapping[str, Any] | None,
    **_: object,
) -> None:
    on_request(service, event_name.rpartition(".")[2], _outcome(parsed_response))


def _outcome(answer: Mapping[str, Any] | None) -> str:
    if answer is None:
        return "connection_error"
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    if status < 300:
        return "ok"
    if status == 429 or answer.get("Error", {}).get("Code") in THROTTLES:
        return "throttled"
    return "server_error" if status >= 500 else "client_error"
