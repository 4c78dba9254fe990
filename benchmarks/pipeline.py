"""The second subject: an execution's way from its log to the queue, with the service's own worker and clients."""

import asyncio
import gc
import os
import time
from collections.abc import Mapping

from benchmarks import workload
from benchmarks.stopwatch import Stopwatch
from benchmarks.workload import Workload
from service import config
from service.adapters.aws.clients import Clients, clients
from service.app import service_on
from service.domain.execution import Execution, Outcome, Target
from service.domain.names import ExecutionArn, TaskArn, execution_name
from service.domain.phases import Phase
from service.domain.records import TaskDescription
from service.domain.sealing import Policy
from service.ports import Ports
from service.worker.lease import Keeper
from service.worker.publish import Publisher
from service.worker.pursuit import Step
from service.worker.reader import Reader
from service.worker.seal import Sealer
from service.worker.sweep import registered
from service.worker.terms import DAY_S, Clock, Terms

_TERMS = Terms(policy=Policy(settle_s=0), poll_s=1.0)
_CLOCK = Clock(time.monotonic, lambda: time.time_ns() // 1_000_000)


def measure(load: Workload, watch: Stopwatch) -> None:
    asyncio.run(_measure(load, watch))


async def _measure(load: Workload, watch: Stopwatch) -> None:
    async with clients(lambda *_: None, rates={}) as opened:
        gc.freeze()  # As the service does.
        ports = await _ports(opened)
        keeper = Keeper(ports.leases, owner="benchmark", lease_s=DAY_S, clock_s=time.monotonic)
        execution = await _registered(ports, keeper)
        with watch.phase("follow"):
            execution = await _work(execution, _following(ports, keeper))
        with watch.phase("publish"):
            execution = await _work(execution, _publishing(ports, keeper))
    if execution.phase is not Phase.PUBLISHED or execution.outcomes != {Outcome.PUBLISHED: load.files}:
        raise SystemExit(f"not all was published: {execution.phase}, {execution.reason}, {execution.files()}")


async def _ports(opened: Clients) -> Ports:
    url = workload.queue_url(os.environ["AWS_ENDPOINT_URL"])
    service = service_on(opened, config.load({"TRIGGER_TABLE_NAME": workload.TABLE, "TRIGGER_QUEUE_URL": url}))
    await service.readiness["queue"].check()
    return service.ports


async def _registered(ports: Ports, keeper: Keeper) -> Execution:
    name = execution_name(workload.EXECUTION_ARN)
    description = await ports.datasync.execution(ExecutionArn(workload.EXECUTION_ARN))
    target = Target(workload.BUCKET, workload.PREFIX)
    task = TaskDescription(TaskArn(workload.TASK_ARN), target, workload.LOG_GROUP)
    execution = registered(name, description, task, now_ms=_CLOCK.now_ms(), retention_s=_TERMS.retention_s)
    await ports.tasks.remember(name.task_id, seen_at_ms=_CLOCK.now_ms())
    await ports.executions.register(execution)
    await ports.tasks.complete(name.task_id)
    await keeper.claim(await ports.leases.read(name.execution_id))
    return execution


def _following(ports: Ports, keeper: Keeper) -> Mapping[Phase, Step]:
    sealer = Sealer(ports, keeper, Reader(ports, keeper, _TERMS, _CLOCK), _TERMS, _CLOCK)
    return {Phase.FOLLOWING: sealer.follow, Phase.SEALING: sealer.seal}


def _publishing(ports: Ports, keeper: Keeper) -> Mapping[Phase, Step]:
    return {Phase.PUBLISHING: Publisher(ports, keeper, _TERMS, _CLOCK).tick}


async def _work(execution: Execution, steps: Mapping[Phase, Step]) -> Execution:
    """Tick as the worker does, as long as there is a step for the phase."""
    while execution.phase in steps:
        execution, tick = await steps[execution.phase](execution)
        if tick.trouble:
            raise tick.trouble
        await asyncio.sleep(tick.pause_s)
    return execution
