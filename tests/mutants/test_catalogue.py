"""The catalogue of mistakes fits the code; `make mutants` shows that a test notices each one."""

import pytest

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import ROOT


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mistake_applies_exactly_once_and_compiles(mutant):
    compile(mutant.source(), mutant.path, "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_files_named_for_each_mistake_exist(mutant):
    for killer in mutant.killers:
        path, _, name = killer.partition("::")
        found = ROOT / path
        assert found.exists()
        assert not name or f"def {name}(" in found.read_text()


def test_no_two_mistakes_are_the_same():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert len({(mutant.target, mutant.edits) for mutant in MUTANTS}) == len(MUTANTS)
