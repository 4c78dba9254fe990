"""Wiring of the emulator and its HTTP server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from aiohttp import web

from emulator.api.account import Account
from emulator.api.executions import Executions
from emulator.api.operations import operations
from emulator.arns import ArnFactory
from emulator.aws import AwsClients, open_clients
from emulator.errors import ApiError
from emulator.eventbridge import EventBridge
from emulator.execution.execution_run import StatusListener
from emulator.execution.runner import Runner
from emulator.execution.setup import ExecutionSetup
from emulator.faults import Faults
from emulator.logs.api import LogsApi
from emulator.logs.cloudwatch import CloudWatchLogs
from emulator.logs.store import LogStore
from emulator.persistence import load, save
from emulator.scenario import apply
from emulator.schedule import run_schedules
from emulator.settings import Settings
from emulator.state import Execution, State
from emulator.synthetic.shares import SyntheticShares
from emulator.wire.http import create_application
from emulator.wire.model import RequestValidator, load_model
from emulator.wire.service import Service


@asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[str]:
    """Serve the emulator until the context ends; yield the endpoint's URL."""
    async with AsyncExitStack() as stack:
        aws = await stack.enter_async_context(open_clients(settings.region))
        faults, shares = Faults(), SyntheticShares()
        apply(settings.scenario, faults, shares)
        state = load(settings.state) if settings.state else State()
        store = LogStore(faults)
        sink = store if settings.own_logs else CloudWatchLogs(aws.logs)
        templates = settings.scenario.templates
        setup = ExecutionSetup(state, settings.account_id, settings.shares, aws.s3, sink, faults, templates, shares)
        on_change = _state_saver(state, settings.state)
        runner = Runner(setup, settings.phase_s, _status_listener(settings, aws, on_change))
        stack.push_async_callback(runner.close)
        account = Account(
            ArnFactory(settings.region, settings.account_id), state, runner, load_model("datasync"), faults
        )
        stack.push_async_callback(_cancel, asyncio.create_task(run_schedules(state, Executions(account).start)))
        services = {
            "FmrsService": Service(
                RequestValidator(account.model, "InvalidRequestException"),
                operations(account),
                _fault_check(faults, "InternalException"),
                on_change,
            ),
            "Logs_20140328": Service(
                RequestValidator(load_model("logs"), "InvalidParameterException"),
                LogsApi(store, account.arns, faults).operations(),
                _fault_check(faults, "ServiceUnavailableException"),
                _do_nothing,
            ),
        }
        yield await _listen(stack, create_application(services, faults, shares), settings)


async def _listen(stack: AsyncExitStack, app: web.Application, settings: Settings) -> str:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, settings.host, settings.port).start()
    return f"http://{settings.host}:{runner.addresses[0][1]}"


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _state_saver(state: State, folder: Path | None) -> Callable[[], None]:
    return _do_nothing if folder is None else lambda: save(state, folder)


def _do_nothing() -> None:
    """Do nothing: without a state folder, no change is saved."""


def _status_listener(settings: Settings, aws: AwsClients, on_change: Callable[[], None]) -> StatusListener:
    bridge = EventBridge(aws.put_events)

    async def on_status(execution: Execution) -> None:
        on_change()
        if settings.events:
            await bridge.publish_status(execution)

    return on_status


def _fault_check(faults: Faults, server_error: str) -> Callable[[str], None]:
    def check(operation: str) -> None:
        if faults.triggers("throttle", operation):
            raise ApiError("ThrottlingException", "Rate exceeded")
        if faults.triggers("server_error", operation):
            raise ApiError(server_error, "Internal failure caused by the fault server_error", 500)

    return check
