"""The command `python -m emulator`."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Annotated

import typer

from emulator.app import serving
from emulator.settings import Settings

app = typer.Typer(add_completion=False)


@app.command()
def run(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes a free one.")] = 0,
    shares: Annotated[Path, typer.Option(help="The folder of shares: nfs://nas/export/ is SHARES/nas/export.")] = Path(
        "shares"
    ),
    region: Annotated[str, typer.Option(envvar="AWS_REGION", help="The Region to be in.")] = "us-east-1",
    account_id: Annotated[str, typer.Option(help="The account to be in.")] = "123456789012",
    phase_s: Annotated[float, typer.Option(min=0, help="The least time of each status, in seconds.")] = 0.2,
) -> None:
    """An AWS DataSync that runs on a laptop.

    Writes objects to S3 and logs to CloudWatch Logs at the endpoints of AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3 and
    AWS_ENDPOINT_URL_CLOUDWATCH_LOGS. The first line on stdout is JSON: {"event": "listening", "endpoint_url": "…"}.
    Ends on SIGTERM or SIGINT.
    """
    asyncio.run(_serve(Settings(host, port, shares, region, account_id, phase_s)))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serving(settings) as endpoint_url:
        print(json.dumps({"event": "listening", "endpoint_url": endpoint_url}), flush=True)
        await stop.wait()
