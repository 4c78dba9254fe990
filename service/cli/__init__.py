"""The command line. An error is one sentence on stderr and an exit code."""

import io
import sys
from typing import NoReturn

from service.cli.commands import program
from service.config import SettingsError
from service.domain.errors import AwsCallError
from service.operations.commands import CommandRefusedError


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Programs read UTF-8; a terminal has its own encoding.
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")
    try:
        program(prog_name="datasync-trigger")
    except SettingsError as error:
        _end(2, *error.problems)
    except AwsCallError as error:
        _end(2 if _is_about_settings(error) else 1, error.detail)
    except CommandRefusedError as refused:
        _end(1, str(refused))
    except OSError as error:
        _end(1, error.strerror or str(error))


def _is_about_settings(error: AwsCallError) -> bool:
    """Return whether AWS's own variables are wrong, so that no client could be created."""
    return error.operation == "aws.session" or error.operation.endswith(".client")


def _end(code: int, *problems: str) -> NoReturn:
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201  (this is what stderr is for)
    sys.exit(code)
