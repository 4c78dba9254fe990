"""The second subject: an execution from its log to the queue, with the service's own worker and clients."""

import asyncio
import gc
import os
import time
from collections.abc import Collection

from benchmarks import workload
from benchmarks.stopwatch import Stopwatch
from benchmarks.workload import Workload
from service import config
from service.adapters.aws.clients import Clients, clients
from service.app import build_service
from service.domain.execution import S3Location
from service.domain.names import ExecutionArn, ExecutionId, TaskArn, parse_execution_arn
from service.domain.observations import Observation, PhaseChanged
from service.domain.options import DAY_S, WorkerOptions
from service.domain.phases import Phase
from service.domain.port_types import TaskDescription
from service.ports import Clock, WorkerPorts
from service.worker.discovery import new_execution
from service.worker.execution_runner import ExecutionRunner
from service.worker.wiring import WorkerWiring

# No pause for a quiet log, and a lease that needs no renewal.
_OPTIONS = WorkerOptions(settle_s=0, poll_interval_s=1.0, lease_s=DAY_S)
_CLOCK = Clock(time.monotonic, lambda: time.time_ns() // 1_000_000)


def measure(load: Workload, watch: Stopwatch) -> None:
    asyncio.run(_measure(load, watch))


async def _measure(load: Workload, watch: Stopwatch) -> None:
    async with clients(lambda *_: None, rates={}) as aws:
        gc.freeze()  # As the service does.
        ports, transitions = await _ports(aws), _Transitions()
        wiring = WorkerWiring(ports, _OPTIONS, _CLOCK, owner="benchmark", observe=transitions.observe)
        execution_id = await _register(ports)
        await wiring.leases.acquire(await ports.leases.read(execution_id))
        runner = wiring.execution_runner(execution_id)
        with watch.phase("follow"):
            await _run(runner, transitions, {Phase.FOLLOWING, Phase.SEALING})
        with watch.phase("publish"):
            await _run(runner, transitions, {Phase.PUBLISHING})
    if transitions.phase is not Phase.PUBLISHED or transitions.published_files != load.files:
        raise SystemExit(f"not all files were published: {transitions.last}")


class _Transitions:
    """The newest transition of the one execution, as the service observes it."""

    def __init__(self) -> None:
        self.last: PhaseChanged | None = None

    def observe(self, observation: Observation) -> None:
        if isinstance(observation, PhaseChanged):
            self.last = observation

    @property
    def phase(self) -> Phase:
        return self.last.phase if self.last else Phase.FOLLOWING

    @property
    def published_files(self) -> int:
        return self.last.files["published"] if self.last else 0


async def _ports(aws: Clients) -> WorkerPorts:
    url = workload.queue_url(os.environ["AWS_ENDPOINT_URL"])
    service = build_service(aws, config.load({"TRIGGER_TABLE_NAME": workload.TABLE, "TRIGGER_QUEUE_URL": url}))
    await service.readiness["queue"].check()
    return service.ports


async def _register(ports: WorkerPorts) -> ExecutionId:
    """Register the execution as discovery does, without the calls that list tasks and executions."""
    ids = parse_execution_arn(workload.EXECUTION_ARN)
    description = await ports.datasync.describe_execution(ExecutionArn(workload.EXECUTION_ARN))
    location = S3Location(workload.BUCKET, workload.PREFIX)
    task = TaskDescription(TaskArn(workload.TASK_ARN), location, workload.LOG_GROUP)
    now_ms = _CLOCK.now_ms()
    await ports.tasks.get_or_create(ids.task_id, first_seen_at_ms=now_ms)
    await ports.executions.register(
        new_execution(ids, description, task, now_ms=now_ms, retention_s=_OPTIONS.retention_s)
    )
    await ports.tasks.mark_backlog_registered(ids.task_id)
    return ids.execution_id


async def _run(runner: ExecutionRunner, transitions: _Transitions, phases: Collection[Phase]) -> None:
    """Tick as the worker's loop does while the execution is in one of the phases."""
    while transitions.phase in phases:
        pause_s = await runner.tick()
        await asyncio.sleep(pause_s or 0.0)
