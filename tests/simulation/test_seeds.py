"""Seeded worlds with every fault of the model: each promise of the contract, judged by an oracle of its own."""

import pytest

from tests.simulation.__main__ import complaint
from tests.simulation.scenario import simulate

SEEDS_PER_TEST = 16
TESTS = 10


@pytest.mark.parametrize("first", [n * SEEDS_PER_TEST for n in range(TESTS)])
def test_the_promises_hold_in_every_world(first):
    results = [simulate(seed) for seed in range(first, first + SEEDS_PER_TEST)]
    assert [complaint(result) for result in results if result.verdict.wrong] == []


def test_the_worlds_know_all_the_faults_of_the_model():
    faults = sum((simulate(seed).faults for seed in range(3, 120, 9)), start=simulate(0).faults)
    assert {
        "access denied",
        "answer lost after the effect",
        "call in an outage",
        "empty page before the end",
        "hole that fills later",
        "late line",
        "line that never comes",
        "line twice",
        "message failed in a batch",
        "slow answer",
        "throttled, or reset before the effect",
        "token refused",
        "told to release",
        "told to replay",
        "worker killed",
        "worker paused",
        "worker stopped",
    } <= faults.keys()


def test_a_seed_is_the_same_world_each_time():
    first, second = simulate(5, traced=True), simulate(5, traced=True)
    assert first.trace == second.trace
