"""`python -m tests.mutants`: make each mistake of the catalogue in a copy of the tree; report which test notices it."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import ROOT, Mutant

COPIED = ("service", "tests", "docs", "pyproject.toml")
TIMEOUT_S = 600


@contextmanager
def copied_tree() -> Iterator[Path]:
    """Yield a copy of the files that the service's tests need."""
    with tempfile.TemporaryDirectory() as folder:
        for name in COPIED:
            source, copy = ROOT / name, Path(folder, name)
            if source.is_dir():
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy)
        yield Path(folder)


def first_failure(folder: Path, tests: Iterable[str]) -> str | None:
    """Run tests in a copy of the tree until one fails. Return that one; None if all pass."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    done = subprocess.run(
        [*command, *tests],
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    if done.returncode not in (0, 1) or (done.returncode == 1 and failed is None):
        raise RuntimeError(f"pytest did not run:\n{done.stdout}{done.stderr}")
    return failed[1] if failed else None


def killer_of(mutant: Mutant) -> str | None:
    """Return the first test that fails with the mistake; None if all pass."""
    with copied_tree() as folder:
        (folder / mutant.path).write_text(mutant.source())
        return first_failure(folder, mutant.killers)


def failing_without_mistake(mutants: Iterable[Mutant]) -> str | None:
    """Return a killer that fails without any mistake, which would prove nothing; None if all pass."""
    with copied_tree() as folder:
        return first_failure(folder, dict.fromkeys(killer for mutant in mutants for killer in mutant.killers))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="only mistakes whose name contains this text")
    parser.add_argument("--jobs", type=int, default=2, help="mistakes that are tested at the same time")
    arguments = parser.parse_args()
    mutants = [mutant for mutant in MUTANTS if arguments.only in mutant.name]
    if failing := failing_without_mistake(mutants):
        sys.stdout.write(f"{failing} fails without any mistake\n")
        return 1
    survivors = 0
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for mutant, killer in zip(mutants, pool.map(killer_of, mutants), strict=True):
            survivors += killer is None
            sys.stdout.write(f"{mutant.name:85} {killer or 'SURVIVES'}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(mutants) - survivors} of {len(mutants)} mistakes are noticed\n")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
