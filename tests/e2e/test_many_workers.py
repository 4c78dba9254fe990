"""Worker processes under real signals."""

import asyncio
import random
import signal
from collections import Counter

import pytest

from tests.e2e.conftest import eventually

FILES = 120

SLOW_POLLING = {"TRIGGER_POLL_INTERVAL_S": "2"}
"""Longer pauses for tests with many files: moto reads its whole table for each query of an index."""


def write_many_files(deployment, count=FILES):
    deployment.write(*(f"dir-{number % 7}/file-{number:05}.csv" for number in range(count)))


async def test_stopped_worker_releases_its_lease_at_once(deployment):
    deployment.write("a.csv")
    first = await deployment.worker(TRIGGER_LEASE_S="3600", TRIGGER_SETTLE_S="3600")
    arn, _ = await deployment.execute()
    await deployment.phase(first, arn, "SEALING")
    assert await first.stop() == 0
    assert [line["event"] for line in first.lines if line["event"] in ("stopping", "stopped")] == [
        "stopping",
        "stopped",
    ]
    second = await deployment.worker(TRIGGER_LEASE_S="3600")
    await deployment.phase(second, arn, "PUBLISHED")
    assert len(await deployment.receive(1)) == 1


async def test_stop_while_publishing_neither_loses_nor_repeats_a_message(deployment):
    write_many_files(deployment)
    arn, _ = await deployment.execute()
    worker = await deployment.worker(**SLOW_POLLING)
    await eventually(lambda: _has_sent(worker))
    assert await worker.stop() == 0
    await deployment.phase(await deployment.worker(**SLOW_POLLING), arn, "PUBLISHED")
    ids = Counter(message["id"] for message in await deployment.receive(FILES))
    assert (len(ids), max(ids.values())) == (FILES, 1)


@pytest.mark.parametrize("seed", range(2))
async def test_kill_at_any_moment_loses_no_message(deployment, seed):
    write_many_files(deployment)
    arn = await deployment.start()
    moments = random.Random(seed)
    for _ in range(4):
        worker = await deployment.worker(TRIGGER_LEASE_S="5", **SLOW_POLLING)
        # No message may be lost at any moment of the kill, so the moment is random.
        await asyncio.sleep(moments.uniform(0.2, 2.0))
        await worker.stop(signal.SIGKILL)
    await deployment.wait_for_end(arn)
    await deployment.phase(await deployment.worker(TRIGGER_LEASE_S="5", **SLOW_POLLING), arn, "PUBLISHED")
    messages = await deployment.receive(FILES)
    assert len({message["fileName"] for message in messages}) == FILES
    assert len({message["id"] for message in messages}) == FILES


async def test_workers_share_the_work_and_send_nothing_twice(deployment):
    workers = [await deployment.worker(**SLOW_POLLING) for _ in range(3)]
    arns = []
    for number in range(3):
        deployment.write(*(f"{number}/{file}.csv" for file in range(20)))
        arns.append(await deployment.start())
    for arn in arns:
        for worker in workers:
            await deployment.phase(worker, arn, "PUBLISHED")
    ids = Counter(message["id"] for message in await deployment.receive(60))
    assert (len(ids), max(ids.values())) == (60, 1)


async def _has_sent(worker):
    await asyncio.sleep(0)
    return worker.events("files_published")
