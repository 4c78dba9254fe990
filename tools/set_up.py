"""`python3 -m tools.set_up`: create `.venv/` with everything that `make` needs, a line for each step.

Only the standard library is used, and the Python that runs this is the one that `.venv/` gets. It always begins with an
empty `.venv/`; the file `.venv/.set-up` is written last, so a set-up that was cut short begins again.
"""

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tools import registry

VENV = Path(".venv")
PYTHON = VENV / "bin/python"
UV = VENV / "bin/uv"
REQUIREMENTS = Path("requirements")
STAMP = VENV / ".set-up"

Command = Sequence[str | Path]

CAUSES = {
    r"DO NOT MATCH THE HASHES|[Hh]ash mismatch": (
        "A downloaded package is not the one that is locked: its hash does not match.\n"
        "Run make again, in case the download was damaged. If it happens again, the registry or a proxy serves a\n"
        "changed file: do not use it, and compare with another registry (PIP_INDEX_URL)."
    ),
    r"CERTIFICATE_VERIFY_FAILED|invalid peer certificate|SSLError": (
        "The TLS certificate of the package registry is not trusted.\n"
        "If a proxy inspects TLS here, name the file with its certificate authority: PIP_CERT=/path/to/ca.pem."
    ),
    r"from versions: none|Failed to fetch": (
        "No package registry was reached.\n"
        "Check the network, PIP_INDEX_URL or pip.conf (which registry), and HTTPS_PROXY (which proxy), then run make\n"
        "again. `{python} -m pip config list` shows what pip is configured for."
    ),
    r"No matching distribution|No solution found": (
        "The package registry does not have a package in the version that is locked.\n"
        "It may be a mirror that is out of date, or no registry at all: check PIP_INDEX_URL or pip.conf."
    ),
    r"No space left on device": "The disk is full.\nFree about 600 MB, then run make again.",
}
"""Sentences about a failure of pip or uv, by a pattern in their output. The first pattern that is found counts."""


class SetUpError(Exception):
    """The set-up cannot go on. The message is the reason, and what to do about it."""


def set_up() -> None:
    """Create `.venv/`. Raises SetUpError."""
    began_s = time.monotonic()
    check_modules()
    uv_version = re.findall(r"^uv==(\S+)", (REQUIREMENTS / "uv.txt").read_text(), re.MULTILINE)[0]
    print("Setting up .venv/ (again only when the requirements change):", flush=True)
    step("1/5", f"create .venv with Python {platform.python_version()}", create_venv)
    environment = registry.pip_environment(os.environ)
    pip: Command = [PYTHON, "-m", "pip", "install", "--no-input", "--require-hashes"]
    step("2/5", f"install uv {uv_version} with pip", lambda: run([*pip, "-r", REQUIREMENTS / "uv.txt"], environment))
    try:
        settings = registry.pip_settings(PYTHON, environment)
    except subprocess.CalledProcessError as error:
        raise SetUpError(f"pip cannot read its configuration:\n\n{indented(error.stderr)}") from error
    environment = registry.uv_environment(settings, environment)
    if not has_cache(environment):
        environment["UV_NO_CACHE"] = "true"
    uv: Command = [UV, "pip", "install", "--python", PYTHON, *registry.uv_options(settings)]
    locked: Command = [*uv, "--require-hashes"]
    sdk: Command = [*locked, "--no-deps", "--target", VENV / "current-sdk", "-r", REQUIREMENTS / "current-sdk.txt"]
    this: Command = [*uv, "--no-deps", "--no-build-isolation", "--editable", "."]
    step("3/5", "install the locked packages", lambda: run([*locked, "-r", REQUIREMENTS / "dev.txt"], environment))
    step("4/5", "install the newest AWS SDK aside, for one test", lambda: run(sdk, environment))
    step("5/5", "install datasync-trigger from this folder", lambda: run(this, environment))
    STAMP.write_bytes(os.fsencode(Path.cwd()))
    print(f"Set up in {time.monotonic() - began_s:.1f} s.\n", flush=True)


def step(number: str, text: str, action: Callable[[], str]) -> None:
    """Do a part of the set-up. Its line stands from the beginning on; how long it took is added at its end."""
    print(f"  {number} {text} ...", end=" ", flush=True)
    began_s = time.monotonic()
    try:
        output = action()
    except BaseException:
        print(flush=True)
        raise
    installed = re.search(r"Installed (\d+) packages", output)
    packages = f"{installed[1]} packages, " if installed else ""
    print(f"{packages}{time.monotonic() - began_s:.1f} s", flush=True)


def check_modules() -> None:
    """Raise SetUpError if this Python cannot create virtual environments, as Debian's cannot without a package."""
    try:
        import ensurepip  # noqa: F401, PLC0415  (whether it can be imported is the question)
        import venv  # noqa: F401, PLC0415  (whether it can be imported is the question)
    except ImportError as error:
        version = "{}.{}".format(*sys.version_info)
        raise SetUpError(
            f"{sys.executable} cannot create virtual environments: its module `{error.name}` is missing.\n"
            f"On Debian and Ubuntu: apt install python3-venv (python{version}-venv, if this is not the system's own "
            "Python). Then run make again."
        ) from error


def create_venv() -> str:
    """Create an empty virtual environment, also if there is one."""
    return run([sys.executable, "-m", "venv", "--clear", VENV], dict(os.environ))


def has_cache(environment: dict[str, str]) -> bool:
    """Return whether uv can write to its cache; it fails if it cannot, as in a container without a home folder."""
    folder = Path(run([UV, "cache", "dir"], environment).splitlines()[-1])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def run(command: Command, environment: dict[str, str]) -> str:
    """Run a command and return its output. Raises SetUpError if it fails."""
    done = subprocess.run(  # noqa: S603  (the commands of this file)
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        cause = next((text for pattern, text in CAUSES.items() if re.search(pattern, done.stdout)), "A command failed.")
        raise SetUpError(f"{cause.format(python=PYTHON)}\n\nThe end of its output:\n\n{indented(done.stdout)}")
    return done.stdout


def indented(output: str) -> str:
    """Return the last lines of an output, set off from our own words."""
    return "\n".join(f"  | {line}" for line in output.strip().splitlines()[-5:])


def fail(sentences: str) -> int:
    """Print why the set-up has failed, and return the exit code."""
    sys.stderr.write(f"\n{sentences}\n")
    return 1


def main() -> int:
    """Set up, and return the exit code."""
    try:
        set_up()
    except SetUpError as error:
        return fail(str(error))
    except OSError as error:
        # A folder that cannot be written, or a file system from which no program may be started.
        return fail(f"{error.filename}: {error.strerror}.")
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. The next make begins the set-up again.\n")
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
