"""Three commands to try while the demo is kept running."""

import shlex
import sys

from emulator.demo.environment import Environment
from emulator.demo.processes import SERVICE

START = 'import boto3; print(boto3.client("datasync").start_task_execution(TaskArn="{}")["TaskExecutionArn"])'


def commands_to_try(environment: Environment, failed_execution_id: str) -> list[tuple[str, str]]:
    """Return what each command shows, and the command: one line, for any shell, in any folder."""
    path = shlex.quote(str(environment.variables_file))
    # `env` reads the variables from the file, so that the shell in which a command is pasted keeps its own.
    prefix = f"env $(cat {path})"
    service = f"{prefix} {shlex.quote(SERVICE)}"
    start = f"{prefix} {shlex.quote(sys.executable)} -c {shlex.quote(START.format(environment.task_arn))}"
    new_file = shlex.quote(str(environment.folder / "today.txt"))
    return [
        ("All executions, and how many files of each are verified and published:", f"{service} status"),
        (
            "The files of the execution that failed, with what DataSync's log has about /growing.csv:",
            f"{service} files {failed_execution_id}",
        ),
        ("A new file, and an execution that copies it. Watch this terminal:", f"date > {new_file} && {start}"),
    ]
