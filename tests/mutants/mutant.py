"""A deliberate mistake, the place where it is made, and the tests that must notice it."""

from dataclasses import dataclass
from pathlib import Path

from tests.mutants.edits import Edit, EditError

ROOT = Path(__file__).parent.parent.parent

CRASH = "tests/simulation/test_crash_everywhere.py"
MISTAKES_OF_OTHERS = "tests/simulation/test_mistakes_of_others.py"
REGRESSIONS = "tests/simulation/test_regressions.py"
RELEASE = "tests/simulation/test_release_everywhere.py"
SEEDS = "tests/simulation/test_seeds.py"
MAIN_PATH = "tests/worker/test_main_path.py"


@dataclass(frozen=True)
class Mutant:
    """A mistake. `target` is a function, method or constant: `package.module:Class.method`.

    `edits` are made one after the other, all inside the target. At least one test of the files in `killers` must fail
    with the mistake; they are run in this order.
    """

    name: str
    target: str
    edits: tuple[Edit, ...]
    killers: tuple[str, ...]

    @property
    def path(self) -> Path:
        """The module's file, relative to the project's root."""
        module = Path(*self.target.partition(":")[0].split("."))
        package = module / "__init__.py"
        return package if (ROOT / package).exists() else module.with_suffix(".py")

    def source(self) -> str:
        """Return the module with the mistake in it. Raise EditError unless each edit applies exactly once."""
        text = (ROOT / self.path).read_text()
        for edit in self.edits:
            changed = edit.apply(text, self.target.partition(":")[2])
            if changed == text:
                raise EditError(f"changes nothing: {edit}")
            text = changed
        return text
