"""Seeded worlds with every fault of the model: each promise of the contract, judged by an oracle of its own."""

from collections import Counter

import pytest

from tests.simulation.__main__ import complaint
from tests.simulation.scenario import simulate

SEEDS_PER_TEST = 20
TESTS = 50
KINDS_OF_FAULTS = 13
"""At least so many of the 21 kinds happen in each test, so that the model cannot quietly become harmless."""


@pytest.mark.parametrize("first", [n * SEEDS_PER_TEST for n in range(TESTS)])
def test_the_promises_hold_in_every_world(first):
    results = [simulate(seed) for seed in range(first, first + SEEDS_PER_TEST)]
    assert [complaint(result) for result in results if result.verdict.wrong] == []
    assert len(sum((result.faults for result in results), start=Counter())) >= KINDS_OF_FAULTS


def test_a_seed_is_the_same_world_each_time():
    first, second = simulate(5, traced=True), simulate(5, traced=True)
    assert first.trace == second.trace
