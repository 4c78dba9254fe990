"""`make lock`: resolve the newest versions that `pyproject.toml` allows, and write them with their hashes.

The files in `requirements/` name no index, so they are the same whichever registry they were resolved with.
"""

import os
import subprocess
import sys
from pathlib import Path

from tools import registry

UV = Path(sys.executable).with_name("uv")
REQUIREMENTS = Path("requirements")
LOCKS = {
    "service.txt": ["pyproject.toml"],
    "emulator.txt": ["pyproject.toml", "--extra", "emulator"],
    "dev.txt": ["pyproject.toml", "--extra", "emulator", "--group", "dev"],
    # The emulator is compared with the newest SDK too, which aioboto3 does not allow beside itself.
    "current-sdk.txt": ["-"],
    # The set-up installs uv first, so that it can install the rest.
    "uv.txt": ["-", "--constraint", str(REQUIREMENTS / "dev.txt")],
}
"""The files to write, in this order, and what each one is resolved from."""

STANDARD_INPUT = {"current-sdk.txt": "botocore", "uv.txt": "uv"}


def main() -> int:
    """Write all locks, and return the exit code: 1 if one cannot be resolved; uv prints the reason."""
    python = Path(sys.executable)
    environment = registry.pip_environment(os.environ)
    settings = registry.pip_settings(python, environment)
    options = [
        *("--quiet", "--upgrade", "--universal", "--python-version", "3.11", "--generate-hashes"),
        *("--no-annotate", "--no-header", "--no-emit-index-url", "--no-emit-find-links"),
        *registry.uv_options(settings),
    ]
    for name, sources in LOCKS.items():
        print(f"requirements/{name}", flush=True)
        done = subprocess.run(  # noqa: S603  (the command is this file's)
            [UV, "pip", "compile", *options, *sources, "-o", REQUIREMENTS / name],
            env=registry.uv_environment(settings, environment),
            input=STANDARD_INPUT.get(name, ""),
            stdout=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        if done.returncode:
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
