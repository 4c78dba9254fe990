"""The composition root: the only file that knows settings, AWS, the worker and what watches it."""

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
from service.adapters.aws.dynamodb import Table
from service.adapters.aws.executions import DynamoExecutions
from service.adapters.aws.facts import DynamoFacts
from service.adapters.aws.leases import DynamoLeases
from service.adapters.aws.logs import CloudWatchLogs
from service.adapters.aws.outbox import DynamoOutbox
from service.adapters.aws.outcomes import DynamoOutcomeLog
from service.adapters.aws.s3 import S3Objects
from service.adapters.aws.setup import create_queue, create_table
from service.adapters.aws.sns import SnsTopic
from service.adapters.aws.sqs import SqsQueue, SqsWakeUps
from service.adapters.aws.tasks import DynamoTasks
from service.config import Settings
from service.domain.reports import Health, Report
from service.domain.sealing import Policy
from service.observability import logging
from service.observability.health import ReadinessProbe
from service.observability.http import Site, serving
from service.observability.metrics import Metrics
from service.ports import Ports, Readiness
from service.worker.assembly import Assembly
from service.worker.inspect import Inspector
from service.worker.loop import Surroundings
from service.worker.operator import Operator
from service.worker.supervisor import Supervisor
from service.worker.terms import DAY_S, Clock, Terms


@dataclass(frozen=True, slots=True)
class Service:
    """The service on AWS, as long as its clients are open."""

    settings: Settings
    ports: Ports
    readiness: dict[str, Readiness]

    @property
    def inspector(self) -> Inspector:
        """What can be seen of executions and files."""
        return Inspector(self.ports.overview, self.ports.executions, self.ports.facts, self.ports.outcomes)

    @property
    def operator(self) -> Operator:
        """What a person may tell executions to do."""
        return Operator(self.ports)

    def worker(self) -> Supervisor:
        """A worker of this process, not yet running."""
        clock = Clock(time.monotonic, lambda: time.time_ns() // 1_000_000)
        return Assembly(self.ports, _terms(self.settings), clock, owner=_owner()).supervisor()


@asynccontextmanager
async def opened(settings: Settings, on_request: OnRequest = lambda *_: None) -> AsyncIterator[Service]:
    """Open the service on AWS. Raises Denied without credentials and Rejected without a Region."""
    async with clients(on_request) as aws:
        # The SDK's models of the services stay: the garbage collector need not go through them again and again.
        gc.freeze()
        yield service_on(aws, settings)


async def run(settings: Settings) -> int:
    """Be a worker until SIGTERM or SIGINT; returns the exit code.

    Raises Denied and Rejected as `opened` does, and OSError when the HTTP port is taken. All other troubles of the
    world are waited out, and shown where people look: log, metrics, `/readyz`.
    """
    metrics, health = Metrics(), Health()
    stop = _stop_on_signals()

    def observe(report: Report) -> None:
        metrics.record(report)
        logging.log(report)

    async with opened(settings, metrics.request) as service:
        probe = ReadinessProbe(service.readiness, lambda: "sweep" in health.succeeded)
        site = Site(service.inspector, metrics, health, probe)
        async with serving(site, host=settings.http_host, port=settings.http_port) as port:
            logging.announce("http_started", host=settings.http_host, port=port)
            await service.worker().run(Surroundings(stop, observe, health, SystemRandom()))
    logging.announce("stopped")
    return 0


def _stop_on_signals() -> asyncio.Event:
    """The event that the first SIGTERM or SIGINT sets; a second one ends the process as if nobody listened."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def first(number: signal.Signals) -> None:
        logging.announce("stopping", signal=number.name)
        stop.set()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, first, number)
    return stop


async def initialise(settings: Settings, queue_name: str | None) -> tuple[str, str | None]:
    """Make the table and, if it is named, the queue, where they do not exist.

    Returns a line about the table, and the queue's URL.
    """
    async with clients(lambda *_: None) as aws:
        made = await create_table(aws.dynamodb, settings.table_name)
        url = await create_queue(aws.sqs, queue_name) if queue_name else None
        return f"table {settings.table_name}: {'made' if made else 'is there'}", url


def service_on(aws: Clients, settings: Settings) -> Service:
    """The service on clients that somebody else opens and closes."""
    table = Table(aws.dynamodb, settings.table_name)
    queue = SqsQueue(aws.sqs, settings.queue_url)
    topic = SnsTopic(aws.sns, settings.notification_topic_arn) if settings.notification_topic_arn else None
    executions = DynamoExecutions(table, announcing=topic is not None)
    ports = Ports(
        datasync=AwsDataSync(
            aws.datasync,
            Scope(frozenset(settings.task_arns), settings.task_tag),
            target=settings.s3_target_base_uri,
            log_group=settings.log_group,
        ),
        logs=CloudWatchLogs(aws.logs),
        facts=DynamoFacts(table),
        outcomes=DynamoOutcomeLog(table),
        executions=executions,
        outbox=DynamoOutbox(table),
        overview=executions,
        leases=DynamoLeases(table),
        tasks=DynamoTasks(table),
        queue=queue,
        objects=S3Objects(aws.s3),
        topic=topic,
        wake_ups=SqsWakeUps(aws.sqs, settings.wake_queue_url) if settings.wake_queue_url else None,
    )
    # A wake queue that does not answer is no reason to be replaced: all works without it, only later.
    return Service(settings, ports, {"table": table, "queue": queue})


def _terms(settings: Settings) -> Terms:
    policy = Policy(
        settle_s=settings.settle_s,
        deadline_s=settings.seal_deadline_s,
        reconcile=settings.reconcile,
        on_error=settings.on_error,
        on_incomplete=settings.on_incomplete,
        check_s3=settings.check_s3,
    )
    return Terms(
        policy=policy,
        poll_s=settings.poll_interval_s,
        lookback_s=settings.lookback_s,
        retention_s=settings.retention_days * DAY_S,
        lease_s=settings.lease_s,
        drain_s=settings.drain_s,
        max_executions=settings.max_executions,
        stream_prefix=settings.log_stream_prefix,
        publish_unchanged=settings.publish_unchanged,
        explicit=bool(settings.task_arns),
    )


def _owner() -> str:
    """A name for this worker that no other one has had, readable in the table."""
    return f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:12]}"
