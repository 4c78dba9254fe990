"""Worlds generated from seeds, with every fault of the model. An oracle checks docs/guarantees.md in each."""

from collections import Counter

import pytest

from tests.simulation.__main__ import failure_text
from tests.simulation.scenario import simulate

SEEDS_PER_TEST = 20
TESTS = 25
MIN_KINDS_OF_FAULTS = 13
"""Number of the 20 kinds of faults that each test must produce: the model must not become harmless unnoticed."""


@pytest.mark.parametrize("first", [n * SEEDS_PER_TEST for n in range(TESTS)])
def test_guarantees_hold_in_every_world(first):
    results = [simulate(seed) for seed in range(first, first + SEEDS_PER_TEST)]
    assert [failure_text(result) for result in results if result.verdict.violations] == []
    assert len(sum((result.faults for result in results), start=Counter())) >= MIN_KINDS_OF_FAULTS


def test_seed_generates_the_same_world_each_time():
    first, second = simulate(5, traced=True), simulate(5, traced=True)
    assert first.trace == second.trace
