"""Clients of the AWS services that the emulator itself uses: S3, CloudWatch Logs, EventBridge."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aioboto3
from botocore.config import Config

from emulator.eventbridge import PutEvents

if TYPE_CHECKING:
    from types_aiobotocore_logs import CloudWatchLogsClient
    from types_aiobotocore_s3 import S3Client


@dataclass(frozen=True)
class AwsClients:
    """Open clients of S3 and CloudWatch Logs, and the one operation of EventBridge that is used."""

    s3: "S3Client"
    logs: "CloudWatchLogsClient"
    put_events: PutEvents


@asynccontextmanager
async def open_clients(region: str) -> AsyncIterator[AwsClients]:
    """Open clients until the context ends. The SDK finds endpoints (AWS_ENDPOINT_URL) and credentials."""
    config = Config(retries={"mode": "standard", "max_attempts": 3}, s3={"addressing_style": "path"})
    session = aioboto3.Session(region_name=region)
    async with (
        session.client("s3", config=config) as s3,
        session.client("logs", config=config) as logs,
        session.client("events", config=config) as events,
    ):
        yield AwsClients(s3, logs, events.put_events)
