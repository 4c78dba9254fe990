"""Worker processes under real signals."""

import asyncio
import random
import signal
from collections import Counter

import pytest

from tests.e2e.conftest import eventually

MANY = 120

SLOWLY = {"TRIGGER_POLL_INTERVAL_S": "2"}
"""moto reads its whole table for each query of an index, so many files need longer pauses."""


def many(scene, count=MANY):
    scene.write(*(f"dir-{number % 7}/file-{number:05}.csv" for number in range(count)))


async def test_stopped_worker_hands_over_at_once(scene):
    scene.write("a.csv")
    first = await scene.worker(TRIGGER_LEASE_S="3600", TRIGGER_SETTLE_S="3600")
    arn, _ = await scene.execute()
    await scene.phase(first, arn, "SEALING")
    assert await first.stop() == 0
    assert [line["event"] for line in first.lines if line["event"] in ("stopping", "stopped")] == [
        "stopping",
        "stopped",
    ]
    second = await scene.worker(TRIGGER_LEASE_S="3600")
    await scene.phase(second, arn, "PUBLISHED")
    assert len(await scene.receive(1)) == 1


async def test_stop_while_publishing_neither_loses_nor_repeats(scene):
    many(scene)
    arn, _ = await scene.execute()
    worker = await scene.worker(**SLOWLY)
    await eventually(lambda: _sent(worker))
    assert await worker.stop() == 0
    await scene.phase(await scene.worker(**SLOWLY), arn, "PUBLISHED")
    ids = Counter(message["id"] for message in await scene.receive(MANY))
    assert (len(ids), max(ids.values())) == (MANY, 1)


@pytest.mark.parametrize("seed", range(2))
async def test_kill_at_any_moment_loses_nothing(scene, seed):
    many(scene)
    arn = await scene.start()
    moments = random.Random(seed)
    for _ in range(4):
        worker = await scene.worker(TRIGGER_LEASE_S="5", **SLOWLY)
        # A random moment, because any moment must do.
        await asyncio.sleep(moments.uniform(0.2, 2.0))
        await worker.stop(signal.SIGKILL)
    await scene.has_ended(arn)
    await scene.phase(await scene.worker(TRIGGER_LEASE_S="5", **SLOWLY), arn, "PUBLISHED")
    messages = await scene.receive(MANY)
    assert len({message["fileName"] for message in messages}) == MANY
    assert len({message["id"] for message in messages}) == MANY


async def test_workers_share_the_work_and_send_nothing_twice(scene):
    workers = [await scene.worker(**SLOWLY) for _ in range(3)]
    arns = []
    for number in range(3):
        scene.write(*(f"{number}/{file}.csv" for file in range(20)))
        arns.append(await scene.start())
    for arn in arns:
        for worker in workers:
            await scene.phase(worker, arn, "PUBLISHED")
    ids = Counter(message["id"] for message in await scene.receive(60))
    assert (len(ids), max(ids.values())) == (60, 1)


async def _sent(worker):
    await asyncio.sleep(0)
    return worker.events("files_published")
