"""Puts the emulator together and serves it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from emulator.api.operations import operations
from emulator.api.world import World
from emulator.arns import Account
from emulator.aws import connected
from emulator.faults import Faults
from emulator.logs.cloudwatch import CloudWatchLogs
from emulator.opening import Workshop
from emulator.runner import Runner
from emulator.settings import Settings
from emulator.state import Execution, State
from emulator.wire.http import application
from emulator.wire.model import Judge, load
from emulator.wire.service import Service


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """Serves for as long as the context lasts; gives the endpoint's URL."""
    async with connected(settings.region) as aws:
        state, faults = State(), Faults()
        workshop = Workshop(state, settings.shares, aws.s3, CloudWatchLogs(aws.logs), faults, settings.forms)
        runner = Runner(workshop, settings.phase_s, _quiet)
        model = load("datasync")
        world = World(Account(settings.region, settings.account_id), state, runner, model)
        datasync = Service(Judge(model), operations(world), "InternalException", lambda _: None)
        web_runner = web.AppRunner(application({"FmrsService": datasync}, faults), access_log=None)
        try:
            await web_runner.setup()
            site = web.TCPSite(web_runner, settings.host, settings.port)
            await site.start()
            yield f"http://{settings.host}:{_port(web_runner)}"
        finally:
            await runner.close()
            await web_runner.cleanup()


async def _quiet(_: Execution) -> None:
    """No events."""


def _port(runner: web.AppRunner) -> int:
    address = runner.addresses[0]
    return int(address[1])
