"""What became of files before, read along with a walk."""

import pytest

from service.adapters.memory.table import MemoryOutcomeLog
from service.domain.execution import Outcome
from service.domain.records import Outcomes
from service.worker.past import PAGE, Past

PUBLISHED, MISSING = Outcome.PUBLISHED, Outcome.MISSING


async def past(*stretches):
    log = MemoryOutcomeLog()
    for stretch in stretches:
        await log.write("exec-1", stretch, expires_at_s=0)
    return Past(log, "exec-1")


async def test_of_an_execution_that_was_never_published_nothing_has_become():
    assert await (await past()).of("a") is None


async def test_a_file_has_the_outcome_of_its_stretch_or_the_one_that_names_it():
    told = await past(Outcomes("c", PUBLISHED, {MISSING: ["b"]}), Outcomes("f", MISSING, {PUBLISHED: ["e"]}))
    assert [await told.of(path) for path in "abcdef"] == [PUBLISHED, MISSING, PUBLISHED, MISSING, PUBLISHED, MISSING]


async def test_behind_the_last_stretch_nothing_has_become_of_a_file_yet():
    told = await past(Outcomes("c", PUBLISHED, {}))
    assert [await told.of(path) for path in "cde"] == [PUBLISHED, None, None]


@pytest.mark.parametrize("step", [1, PAGE + 3])
async def test_it_reads_on_as_the_walk_does(step):
    stretches = [Outcomes(f"{n:04}", PUBLISHED if n % 2 else MISSING, {}) for n in range(3 * PAGE)]
    told = await past(*stretches)
    assert [await told.of(s.upto) for s in stretches[::step]] == [s.most for s in stretches[::step]]
