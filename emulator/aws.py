"""Clients of the AWS that the emulator itself uses: S3, CloudWatch Logs, EventBridge."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aioboto3
from botocore.config import Config

from emulator.events import PutEvents

if TYPE_CHECKING:
    from types_aiobotocore_logs import CloudWatchLogsClient
    from types_aiobotocore_s3 import S3Client


@dataclass(frozen=True)
class Aws:
    """Open clients; of EventBridge's, its one operation."""

    s3: "S3Client"
    logs: "CloudWatchLogsClient"
    put_events: PutEvents


@asynccontextmanager
async def connected(region: str) -> AsyncIterator[Aws]:
    """Clients for as long as the context lasts; endpoints (AWS_ENDPOINT_URL) and credentials as the SDK finds them."""
    config = Config(retries={"mode": "standard", "max_attempts": 3}, s3={"addressing_style": "path"})
    session = aioboto3.Session(region_name=region)
    async with (
        session.client("s3", config=config) as s3,
        session.client("logs", config=config) as logs,
        session.client("events", config=config) as events,
    ):
        yield Aws(s3, logs, events.put_events)
