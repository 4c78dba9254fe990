"""`python -m tests.mutants`: make each mistake of the catalogue in a copy of the tree; see which tests notice it."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.mutants.catalogue import MUTANTS, Mutant

ROOT = Path(__file__).parent.parent.parent
COPIED = ("service", "tests", "docs", "pyproject.toml")
PATIENCE_S = 600


def mutated(mutant: Mutant) -> str:
    """The file with the mistake in it. ValueError unless what is to be replaced is there exactly once."""
    text = (ROOT / mutant.path).read_text()
    if text.count(mutant.old) != 1:
        raise ValueError(f"{mutant.name}: what it replaces is {text.count(mutant.old)} times in {mutant.path}")
    return text.replace(mutant.old, mutant.new)


@contextmanager
def tree() -> Iterator[Path]:
    """A copy of the tree that may be spoiled."""
    with tempfile.TemporaryDirectory() as folder:
        for name in COPIED:
            source, copy = ROOT / name, Path(folder, name)
            if source.is_dir():
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy)
        yield Path(folder)


def killer(mutant: Mutant) -> str | None:
    """The first test that fails with the mistake; None when all pass."""
    with tree() as folder:
        (folder / mutant.path).write_text(mutated(mutant))
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
        done = subprocess.run(
            [*command, *mutant.killers],
            cwd=folder,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    if done.returncode not in (0, 1) or (done.returncode == 1 and failed is None):
        raise RuntimeError(f"{mutant.name}: pytest did not run:\n{done.stdout}{done.stderr}")
    return failed[1] if failed else None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="only mutants whose name has this in it")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    arguments = parser.parse_args()
    mutants = [mutant for mutant in MUTANTS if arguments.only in mutant.name]
    survivors = 0
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for mutant, killed_by in zip(mutants, pool.map(killer, mutants), strict=True):
            survivors += killed_by is None
            sys.stdout.write(f"{mutant.name:75} {killed_by or 'SURVIVES'}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(mutants) - survivors} of {len(mutants)} mutants killed\n")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
