"""The command line of `python -m emulator`."""

import asyncio
import json
import signal
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from emulator.app import serve
from emulator.scenario import Scenario, read_scenario
from emulator.settings import Settings

app = typer.Typer(add_completion=False)


class Logs(Enum):
    """Destination of DataSync's logs."""

    aws = "aws"
    own = "own"


@app.command()
def run(  # noqa: PLR0913  (each parameter is an option of the command)
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 chooses a free port.")] = 0,
    shares: Annotated[Path, typer.Option(help="Folder of shares: nfs://nas/export/ is SHARES/nas/export.")] = Path(
        "shares"
    ),
    region: Annotated[str, typer.Option(envvar="AWS_REGION", help="Region in ARNs and for clients.")] = "us-east-1",
    account_id: Annotated[str, typer.Option(help="Account in ARNs.")] = "123456789012",
    phase_s: Annotated[float, typer.Option(min=0, help="Minimum time in each status, in seconds.")] = 0.2,
    logs: Annotated[
        Logs, typer.Option(help="Write logs to CloudWatch Logs (aws), or store and serve them here (own).")
    ] = Logs.aws,
    events: Annotated[bool, typer.Option(help="Send status changes to EventBridge.")] = False,
    state: Annotated[Path | None, typer.Option(help="Folder that stores locations, tasks and executions.")] = None,
    scenario: Annotated[
        Path | None, typer.Option(help="YAML file with faults, templates and synthetic shares.")
    ] = None,
) -> None:
    """Run an AWS DataSync on this machine.

    The emulator writes objects to S3, logs to CloudWatch Logs and events to EventBridge, at the endpoints in
    AWS_ENDPOINT_URL (or AWS_ENDPOINT_URL_S3 and so on). The first line on stdout is JSON: {"event": "listening",
    "endpoint_url": "…"}. SIGTERM and SIGINT stop the emulator.
    """
    try:
        loaded = read_scenario(scenario) if scenario else Scenario()
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    own_logs = logs is Logs.own
    settings = Settings(host, port, shares, region, account_id, phase_s, own_logs, events, state, loaded)
    try:
        asyncio.run(_serve(settings))
    except OSError as error:
        typer.echo(f"the emulator cannot listen on {host}:{port}: {error}", err=True)
        raise typer.Exit(1) from error


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serve(settings) as endpoint_url:
        print(json.dumps({"event": "listening", "endpoint_url": endpoint_url}), flush=True)
        await stop.wait()
