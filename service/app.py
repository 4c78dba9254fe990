"""The composition root: the only file that knows settings, AWS, the worker and what observes it."""

import asyncio
import gc
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import SystemRandom
from uuid import uuid4

from service.adapters.aws.clients import Clients, OnRequest, clients
from service.adapters.aws.datasync import AwsDataSync, Scope
from service.adapters.aws.executions import DynamoExecutionStore
from service.adapters.aws.facts import DynamoFactStore
from service.adapters.aws.leases import DynamoLeaseStore
from service.adapters.aws.logs import CloudWatchLogs
from service.adapters.aws.outbox import DynamoOutbox
from service.adapters.aws.outcomes import DynamoOutcomeStore
from service.adapters.aws.s3 import S3Objects
from service.adapters.aws.setup import create_queue, create_table
from service.adapters.aws.sns import SnsTopic
from service.adapters.aws.sqs import SqsQueue, SqsWakeUps
from service.adapters.aws.table import Table
from service.adapters.aws.tasks import DynamoTaskStore
from service.config import Settings
from service.domain.observations import Observation, Observe
from service.operations.commands import OperatorCommands
from service.operations.inspect import Inspector
from service.ports import Clock, Readiness, WorkerPorts
from service.telemetry import logging
from service.telemetry.loop_health import LoopHealth
from service.telemetry.metrics import Metrics
from service.web.health import ReadinessProbe
from service.web.server import WebContext, serve
from service.worker.discovery import LOOP as DISCOVERY_LOOP
from service.worker.loop import LoopContext
from service.worker.supervisor import Supervisor
from service.worker.wiring import WorkerWiring


@dataclass(frozen=True, slots=True)
class Service:
    """The service on AWS, for as long as its clients are open."""

    settings: Settings
    ports: WorkerPorts
    readiness: dict[str, Readiness]

    @property
    def inspector(self) -> Inspector:
        """The queries about executions and files."""
        return Inspector(self.ports.overview, self.ports.executions, self.ports.facts, self.ports.outcomes)

    @property
    def operator(self) -> OperatorCommands:
        """The commands about executions."""
        return OperatorCommands(self.ports.executions, self.ports.facts)

    def worker(self, observe: Observe) -> Supervisor:
        """Return a worker of this process, which does not run yet."""
        clock = Clock(time.monotonic, lambda: time.time_ns() // 1_000_000)
        options = self.settings.worker_options()
        return WorkerWiring(self.ports, options, clock, owner=_new_owner_id(), observe=observe).supervisor()


@asynccontextmanager
async def open_service(settings: Settings, on_request: OnRequest = lambda *_: None) -> AsyncIterator[Service]:
    """Open the service on AWS. Raise CredentialsError without credentials, RequestRejectedError without a Region."""
    async with clients(on_request) as aws:
        # The SDK's service models stay, so the garbage collector need not scan them again and again.
        gc.freeze()
        yield build_service(aws, settings)


async def run(settings: Settings) -> int:
    """Run a worker until SIGTERM or SIGINT and return the exit code.

    Raise CredentialsError and RequestRejectedError as `open_service` does, and OSError if the HTTP port is taken. All
    other errors are handled in the loops, which show them in the log and in metrics. `/readyz` shows whether the table
    and the queue answer.
    """
    metrics, health = Metrics(), LoopHealth()
    stop = _stop_on_signals()

    def observe(observation: Observation) -> None:
        metrics.record(observation)
        logging.log(observation)

    async with open_service(settings, metrics.request) as service:
        probe = ReadinessProbe(service.readiness, lambda: DISCOVERY_LOOP in health.succeeded)
        context = WebContext(service.inspector, metrics, health, probe)
        async with serve(context, host=settings.http_host, port=settings.http_port) as port:
            logging.log_lifecycle("http_started", host=settings.http_host, port=port)
            await service.worker(observe).run(LoopContext(stop, observe, health, SystemRandom()))
    logging.log_lifecycle("stopped")
    return 0


def _stop_on_signals() -> asyncio.Event:
    """Return the event that the first SIGTERM or SIGINT sets. A second signal ends the process at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def first(number: signal.Signals) -> None:
        logging.log_lifecycle("stopping", signal=number.name)
        stop.set()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, first, number)
    return stop


async def create_resources(settings: Settings, queue_name: str | None) -> tuple[str, str | None]:
    """Create the table and, if it is named, the queue, if they do not exist.

    Return a line about the table, and the queue's URL.
    """
    async with clients(lambda *_: None) as aws:
        created = await create_table(aws.dynamodb, settings.table_name)
        url = await create_queue(aws.sqs, queue_name) if queue_name else None
        return f"table {settings.table_name}: {'created' if created else 'exists'}", url


def build_service(aws: Clients, settings: Settings) -> Service:
    """Build the service on clients that the caller opens and closes."""
    table = Table(aws.dynamodb, settings.table_name)
    queue = SqsQueue(aws.sqs, settings.queue_url)
    topic = SnsTopic(aws.sns, settings.notification_topic_arn) if settings.notification_topic_arn else None
    executions = DynamoExecutionStore(table, with_outbox=topic is not None)
    ports = WorkerPorts(
        datasync=AwsDataSync(
            aws.datasync,
            Scope(frozenset(settings.task_arns), settings.task_tag),
            location=settings.s3_target_base_uri,
            log_group=settings.log_group,
        ),
        logs=CloudWatchLogs(aws.logs),
        facts=DynamoFactStore(table),
        outcomes=DynamoOutcomeStore(table),
        executions=executions,
        outbox=DynamoOutbox(table),
        overview=executions,
        leases=DynamoLeaseStore(table),
        tasks=DynamoTaskStore(table),
        queue=queue,
        objects=S3Objects(aws.s3),
        topic=topic,
        wake_ups=SqsWakeUps(aws.sqs, settings.wake_queue_url) if settings.wake_queue_url else None,
    )
    # The wake queue is not checked: without it everything works, only later.
    return Service(settings, ports, {"table": table, "queue": queue})


def _new_owner_id() -> str:
    """Return a name for this worker that no other worker has had, readable in the table."""
    return f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:12]}"
