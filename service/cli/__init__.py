"""The command line. Whatever goes wrong, a person reads one sentence on stderr, and a script the exit code.

commands  one function per command
show      executions and files as tables, text or JSON
probe     what `healthcheck` asks
"""

import io
import sys
from typing import NoReturn

from service.cli.commands import program
from service.config import SettingsError
from service.domain.errors import Trouble
from service.worker.operator import Refusal


def main() -> None:
    """Run the command that the arguments name and exit with its code: contract, section 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Programs read UTF-8; a terminal, what it was set to.
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")
    try:
        program(prog_name="datasync-trigger")
    except SettingsError as error:
        _end(2, *error.problems)
    except Trouble as trouble:
        _end(2 if _is_about_settings(trouble) else 1, trouble.detail)
    except Refusal as refusal:
        _end(1, str(refusal))
    except OSError as error:
        _end(1, error.strerror or str(error))


def _is_about_settings(trouble: Trouble) -> bool:
    """Whether AWS's variables are at fault, so that no client could be made: waiting would not help."""
    return trouble.call == "aws.session" or trouble.call.endswith(".client")


def _end(code: int, *problems: str) -> NoReturn:
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201 - because this is what stderr is for
    sys.exit(code)
