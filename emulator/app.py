"""Puts the emulator together and serves it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from aiohttp import web

from emulator.api.executions import Executions
from emulator.api.operations import operations
from emulator.api.world import World
from emulator.arns import Account
from emulator.aws import Aws, connected
from emulator.errors import ApiError
from emulator.events import EventBridge
from emulator.execution.opening import Workshop
from emulator.execution.runner import Runner
from emulator.execution.walk import Announce
from emulator.faults import Faults
from emulator.logs.api import LogsApi
from emulator.logs.cloudwatch import CloudWatchLogs
from emulator.logs.store import LogStore
from emulator.persistence import load, save
from emulator.scenario import apply
from emulator.schedule import keep_schedules
from emulator.settings import Settings
from emulator.state import Execution, State
from emulator.synthetic.shares import SyntheticShares
from emulator.wire.http import application
from emulator.wire.model import Judge, load_model
from emulator.wire.service import Service


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """Serves for as long as the context lasts; gives the endpoint's URL."""
    async with AsyncExitStack() as stack:
        aws = await stack.enter_async_context(connected(settings.region))
        faults, shares = Faults(), SyntheticShares()
        apply(settings.scenario, faults, shares)
        state = load(settings.state) if settings.state else State()
        store = LogStore(faults)
        sink = store if settings.own_logs else CloudWatchLogs(aws.logs)
        forms = settings.scenario.forms
        workshop = Workshop(state, settings.account_id, settings.shares, aws.s3, sink, faults, forms, shares)
        changed = _saving(state, settings.state)
        runner = Runner(workshop, settings.phase_s, _announcing(settings, aws, changed))
        stack.push_async_callback(runner.close)
        world = World(Account(settings.region, settings.account_id), state, runner, load_model("datasync"), faults)
        stack.push_async_callback(_stopped, asyncio.create_task(keep_schedules(state, Executions(world).start)))
        services = {
            "FmrsService": Service(
                Judge(world.model, "InvalidRequestException"),
                operations(world),
                _interfering(faults, "InternalException"),
                changed,
            ),
            "Logs_20140328": Service(
                Judge(load_model("logs"), "InvalidParameterException"),
                LogsApi(store, world.account, faults).operations(),
                _interfering(faults, "ServiceUnavailableException"),
                _nothing,
            ),
        }
        yield await _listen(stack, application(services, faults, shares), settings)


async def _listen(stack: AsyncExitStack, app: web.Application, settings: Settings) -> str:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, settings.host, settings.port).start()
    return f"http://{settings.host}:{runner.addresses[0][1]}"


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _saving(state: State, folder: Path | None) -> Callable[[], None]:
    return _nothing if folder is None else lambda: save(state, folder)


def _nothing() -> None:
    """Nothing is kept."""


def _announcing(settings: Settings, aws: Aws, changed: Callable[[], None]) -> Announce:
    bridge = EventBridge(aws.put_events)

    async def announce(execution: Execution) -> None:
        changed()
        if settings.events:
            await bridge.announce(execution)

    return announce


def _interfering(faults: Faults, failure: str) -> Callable[[str], None]:
    def before(operation: str) -> None:
        if faults.strikes("throttle", operation):
            raise ApiError("ThrottlingException", "Rate exceeded")
        if faults.strikes("server_error", operation):
            raise ApiError(failure, "The service failed, as a fault told it to", 500)

    return before
