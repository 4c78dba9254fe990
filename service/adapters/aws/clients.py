"""The SDK clients of the process: created once, paced, counted. A move to plain aiobotocore touches only this file."""

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
from service.adapters.aws.errors import THROTTLE_CODES, translate_errors
from service.domain.errors import CredentialsError, RequestRejectedError

if TYPE_CHECKING:
    from types_aiobotocore_datasync import DataSyncClient
    from types_aiobotocore_dynamodb import DynamoDBClient
    from types_aiobotocore_logs import CloudWatchLogsClient
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_sns import SNSClient
    from types_aiobotocore_sqs import SQSClient

OnRequest = Callable[[str, str, str], None]
"""A function that takes service, operation and outcome of one attempt.

The outcome is ok, throttled, client_error, server_error or connection_error.
"""

RATE_LIMITS: Mapping[tuple[str, str], float] = MappingProxyType(
    {
        # Ten a second per account in some Regions, and not adjustable. Half of it is left to others.
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
"""Requests per second of this process, retries included. Other operations are not paced."""

_FAST_PARSED_OPERATIONS = ("GetLogEvents", "Query", "SendMessageBatch")
"""The operations whose answers have thousands of members, each of which the SDK checks against its model."""

_BINARY_MARKER = b'"B":'
"""The mark of a binary attribute, whose value is base64. Inside a JSON string its quotes would be escaped."""


class Clients(NamedTuple):
    """One client per service."""

    datasync: "DataSyncClient"
    logs: "CloudWatchLogsClient"
    dynamodb: "DynamoDBClient"
    sqs: "SQSClient"
    s3: "S3Client"
    sns: "SNSClient"


@asynccontextmanager
async def clients(
    on_request: OnRequest, rates: Mapping[tuple[str, str], float] = RATE_LIMITS
) -> AsyncIterator[Clients]:
    """Open the clients for the life of the process. The SDK finds credentials, Region and endpoints as usual.

    A call is tried at most four times; each attempt is paced by `rates` and reported to `on_request`. Raise
    CredentialsError without credentials, and RequestRejectedError without a Region or with a wrong endpoint.
    """
    session = await _session()
    config = AioConfig(
        retries={"mode": "standard", "total_max_attempts": 4},
        connect_timeout=5,
        # Longer than the long poll of the wake queue.
        read_timeout=30,
        max_pool_connections=64,
        # The whole text, because the SDK builds the one with `user_agent_extra` again for each request, twice.
        user_agent=f"datasync-trigger/{__version__}",
        # The services validate parameters too. For items with many attributes it costs more than everything else.
        parameter_validation=False,
    )
    async with AsyncExitStack() as stack:
        opened = []
        for service in Clients._fields:
            client = await _open(stack, session, service, config)
            _instrument(client, service, on_request, rates)
            opened.append(client)
        all_clients = Clients(*opened)
        # Each seam leaves unusual requests and answers to the SDK. Most calls go to SQS: only these are signed faster.
        s3_listing.register(all_clients.s3)
        sqs_body.register(all_clients.sqs)
        signing.register(all_clients.sqs)
        yield all_clients


async def _session() -> aioboto3.Session:
    operation = "aws.session"
    with translate_errors(operation, "the AWS configuration"):
        core = AioSession()
        core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
        # All SDKs but Python's read AWS_REGION, and ECS and Lambda set it.
        session = aioboto3.Session(botocore_session=core, region_name=os.environ.get("AWS_REGION") or None)
        region, credentials = session.region_name, await core.get_credentials()
    if region is None:
        raise RequestRejectedError(operation, "no AWS Region is set: set AWS_REGION")
    if credentials is None:
        remedy = (
            "give the ECS task a role, name a profile (AWS_PROFILE), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
        raise CredentialsError(operation, f"no AWS credentials were found: {remedy}")
    return session


async def _open(stack: AsyncExitStack, session: aioboto3.Session, service: str, config: AioConfig) -> Any:  # noqa: ANN401  (the clients have no common type)
    operation = f"{service}.client"
    try:
        with translate_errors(operation, "the AWS configuration"):
            return await stack.enter_async_context(session.client(service, config=config))
    except ValueError as error:
        raise RequestRejectedError(operation, f"an AWS_ENDPOINT_URL variable is wrong: {error}") from error


def _timestamp(value: Any) -> datetime:  # noqa: ANN401  (JSON has numbers, XML has text)
    """Parse a time as the SDK does, but ISO 8601, of which S3 lists thousands, without its slow general parser."""
    if isinstance(value, str) and value.endswith("Z"):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    return parse_timestamp(value)


def _parse_plain_json(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """Use an answer in plain JSON as it is. The SDK parses any other answer, and errors."""
    body = response_dict["body"]
    if response_dict["status_code"] >= 300 or _BINARY_MARKER in body:
        return
    with suppress(AttributeError, ValueError):
        members = orjson.loads(body).items()
        customized_response_dict.update((name, value) for name, value in members if value is not None)
        response_dict["body"] = b"{}"


def _instrument(client: Any, service: str, on_request: OnRequest, rates: Mapping[tuple[str, str], float]) -> None:  # noqa: ANN401  (the clients have no common type)
    """Register pacing and counting with a client. botocore emits both events once per attempt."""
    events = client.meta.events
    for (paced, operation), rate in rates.items():
        if paced == service:
            events.register(f"before-send.*.{operation}", partial(_throttle, AsyncLimiter(rate, 1.0)))
    events.register("response-received", partial(_count_request, service, on_request))
    for operation in _FAST_PARSED_OPERATIONS:
        events.register(f"before-parse.*.{operation}", _parse_plain_json)


async def _throttle(bucket: AsyncLimiter, **_: object) -> None:
    """Wait until the operation's rate allows another request. Without a return value the SDK sends it."""
    await bucket.acquire()


def _count_request(
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
    if status == 429 or answer.get("Error", {}).get("Code") in THROTTLE_CODES:
        return "throttled"
    return "server_error" if status >= 500 else "client_error"
