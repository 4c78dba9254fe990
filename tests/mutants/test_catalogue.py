"""The catalogue of mistakes fits the code; `make mutants` shows that each is noticed."""

from pathlib import Path

import pytest

from tests.mutants.__main__ import ROOT, mutated
from tests.mutants.catalogue import MUTANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_mistake_can_still_be_made_and_is_python(mutant):
    compile(mutated(mutant), mutant.path, "exec")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_tests_that_must_notice_it_exist(mutant):
    for killer in mutant.killers:
        path, _, name = killer.partition("::")
        found = Path(ROOT, path)
        assert found.exists()
        assert not name or f"def {name}(" in found.read_text()


def test_no_two_mistakes_are_the_same():
    assert len({mutant.name for mutant in MUTANTS}) == len({(m.path, m.old, m.new) for m in MUTANTS}) == len(MUTANTS)
