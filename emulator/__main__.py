"""The command `python -m emulator`."""

from emulator.cli import app

app(prog_name="python -m emulator")
