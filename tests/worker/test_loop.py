"""The only `while`, on virtual time."""

import asyncio
from random import Random

import pytest

from service.domain.errors import Absent, Conflict, Denied, Rejected, Transient
from service.domain.reports import Health, LeaseLost, Setback, Tick
from service.worker.loop import LONGEST_PAUSE_S, PATIENCE_S, Surroundings, pause_after, repeat
from tests.virtual_time import run


class Scene:
    """A loop over prepared ticks: each is a Tick to return or an exception to raise. After the last one it stops."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.at_s = []
        self.observed = []
        self.given_up_s = []
        self.health = Health()
        self.after = Tick(done=True)

    def now_s(self):
        return asyncio.get_running_loop().time()

    async def tick(self):
        self.at_s.append(self.now_s())
        outcome = self.outcomes.pop(0) if self.outcomes else Tick(done=True)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def give_up(self):
        self.given_up_s.append(self.now_s())
        if isinstance(self.after, Exception):
            raise self.after
        return self.after

    def run(self, *, giving_up=False, stop_after_s=None, rings_s=(), **options):
        async def main():
            around = Surroundings(asyncio.Event(), self.observed.append, self.health, Random(7))
            if stop_after_s is not None:
                asyncio.get_running_loop().call_later(stop_after_s, around.stop.set)
            for ring_s in rings_s:
                asyncio.get_running_loop().call_later(ring_s, around.bell.ring)
            give_up = self.give_up if giving_up else None
            await repeat("sweep", self.tick, around, give_up=give_up, **options)
            return self.now_s()

        return run(main())

    def setbacks(self):
        return [report for report in self.observed if isinstance(report, Setback)]


def test_ticks_follow_each_other_after_the_pause_that_each_asked_for():
    scene = Scene(Tick((), 15.0), Tick((), 2.5), Tick())
    scene.run()
    assert scene.at_s == pytest.approx([0.0, 15.0, 17.5, 17.5])


def test_what_a_tick_reports_is_observed_in_order():
    first, second = LeaseLost("a"), LeaseLost("b")
    scene = Scene(Tick([first, second]))
    scene.run()
    assert scene.observed == [first, second]


def test_a_tick_that_is_done_is_the_last_and_its_reports_count():
    scene = Scene(Tick([LeaseLost("a")], done=True), Tick())
    scene.run()
    assert (len(scene.at_s), scene.observed) == (1, [LeaseLost("a")])


def test_a_stop_ends_a_pause_in_its_midst():
    scene = Scene(Tick((), 900.0))
    assert scene.run(stop_after_s=3.0) == pytest.approx(3.0)
    assert len(scene.at_s) == 1


class Slow(Scene):
    """Each tick takes ten seconds."""

    async def tick(self):
        outcome = await super().tick()
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        loop.call_later(10.0, ended.set_result, None)
        await ended
        self.observed.append("ended")
        return outcome


def test_a_stop_lets_the_tick_that_is_under_way_end():
    scene = Slow(Tick())
    assert scene.run(stop_after_s=3.0) == pytest.approx(10.0)
    assert scene.observed == ["ended"]


def test_when_it_is_stopped_already_nothing_is_done():
    scene = Scene(Tick())

    async def main():
        around = Surroundings(asyncio.Event(), scene.observed.append, scene.health, Random(7))
        around.stop.set()
        await repeat("sweep", scene.tick, around)

    run(main())
    assert scene.at_s == []


def test_what_a_tick_has_done_and_not_saved_is_saved_after_the_stop():
    unsaved = Tick(trouble=Transient("c", "slow"), unsaved=True)
    scene = Scene(unsaved, Transient("c", "slow"), unsaved, Tick((), 100.0), Tick((), 100.0))
    scene.run(stop_after_s=0.1)
    assert len(scene.at_s) == 4
    assert scene.at_s[-1] < 5.0


def test_what_has_failed_with_nothing_to_save_is_not_tried_after_the_stop():
    scene = Scene(Transient("c", "slow"), Tick())
    scene.run(stop_after_s=0.1)
    assert len(scene.at_s) == 1


# Rings.


def test_a_ring_ends_the_pause_that_it_falls_into_and_no_other():
    scene = Scene(Tick((), 900.0), Tick((), 900.0), Tick((), 15.0))
    scene.run(rings_s=[3.0, 700.0])
    assert scene.at_s == pytest.approx([0.0, 3.0, 700.0, 715.0])


def test_rings_during_a_tick_end_the_pause_behind_it_as_what_they_tell_of_may_be_newer_than_what_was_read():
    scene = Slow(Tick((), 900.0), Tick((), 5.0))
    scene.run(rings_s=[3.0, 4.0])
    assert scene.at_s == pytest.approx([0.0, 10.0, 25.0])


@pytest.mark.parametrize("failed", [Transient("c", "d"), Tick((), 900.0, trouble=Denied("c", "d")), KeyError("x")])
def test_a_ring_does_not_call_back_what_keeps_away_from_trouble(failed):
    alone, rung = Scene(*[failed] * 4), Scene(*[failed] * 4)
    alone.run()
    rung.run(rings_s=[0.1, 0.2, 1.0, 3.0])
    assert rung.at_s == pytest.approx(alone.at_s)
    assert len(rung.at_s) == 5


def test_a_pause_leaves_nothing_running():
    scene = Scene(Tick((), 5.0), Tick((), 5.0))

    async def main():
        around = Surroundings(asyncio.Event(), scene.observed.append, scene.health, Random(7))
        asyncio.get_running_loop().call_later(7.0, around.bell.ring)
        await repeat("sweep", scene.tick, around)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())
    assert scene.at_s == pytest.approx([0.0, 5.0, 7.0])


# Setbacks.

TROUBLES = [Transient("c", "d"), Denied("c", "d"), Absent("c", "d"), Rejected("c", "d"), Conflict("c", "d")]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_tick_that_fails_is_told_and_tried_again(trouble):
    scene = Scene(trouble, Tick())
    scene.run()
    (setback,) = scene.setbacks()
    assert (setback.loop, setback.kind, setback.setbacks) == ("sweep", type(trouble).__name__.lower(), 1)
    assert (setback.error, setback.detail) == (trouble, "c: d")
    assert len(scene.at_s) == 3


def test_a_fault_of_our_own_is_told_as_a_bug_and_does_not_end_the_loop():
    scene = Scene(KeyError("x"), Tick())
    scene.run(execution_id="exec-1")
    (setback,) = scene.setbacks()
    assert (setback.kind, setback.execution_id) == ("bug", "exec-1")
    assert len(scene.at_s) == 3


def test_pauses_grow_with_each_setback_in_a_row_up_to_a_minute():
    scene = Scene(*[Transient("c", "d")] * 12)
    scene.run()
    pauses = [later - earlier for earlier, later in zip(scene.at_s, scene.at_s[1:], strict=False)]
    for number, pause_s in enumerate(pauses):
        longest_s = min(2.0**number, LONGEST_PAUSE_S)
        assert longest_s / 2 <= pause_s <= longest_s
    assert [setback.setbacks for setback in scene.setbacks()] == list(range(1, 13))
    assert [setback.pause_s for setback in scene.setbacks()] == pytest.approx(pauses)


def test_a_pause_after_very_many_setbacks_is_still_a_minute_at_most():
    assert LONGEST_PAUSE_S / 2 <= pause_after(10_000, Random(1)) <= LONGEST_PAUSE_S


def test_workers_do_not_come_back_all_at_once():
    assert len({pause_after(3, Random(seed)) for seed in range(20)}) == 20


def test_a_success_in_between_begins_the_pauses_anew():
    scene = Scene(*[Transient("c", "d")] * 5, Tick((), 1.0), Transient("c", "d"))
    scene.run()
    assert scene.setbacks()[-1].setbacks == 1
    assert scene.setbacks()[-1].pause_s <= 1.0


def test_trouble_that_stopped_a_tick_half_way_counts_as_a_setback_and_its_reports_too():
    trouble = Transient("c", "d")
    scene = Scene(Tick([LeaseLost("a")], trouble=trouble))
    scene.run()
    assert scene.observed[0] == LeaseLost("a")
    assert scene.setbacks()[0].error is trouble


def test_a_tick_that_names_its_pause_is_not_kept_waiting_longer_by_setbacks():
    # A lease must be renewed in time, however often that has failed before.
    scene = Scene(*[Tick((), 10.0, trouble=Transient("c", "d"))] * 12)
    scene.run()
    assert max(setback.pause_s for setback in scene.setbacks()) == 10.0


# Giving up.


@pytest.mark.parametrize("error", [ValueError("x"), Rejected("c", "never")])
def test_what_no_repetition_can_cure_is_given_up_after_some_patience(error):
    scene = Scene(*[error] * 9)
    scene.run(giving_up=True, patience=3)
    assert (len(scene.at_s), len(scene.given_up_s)) == (3, 1)
    assert len(scene.setbacks()) == 3


@pytest.mark.parametrize("trouble", [Transient("c", "d"), Denied("c", "d"), Absent("c", "d")])
def test_trouble_that_may_pass_is_never_given_up(trouble):
    scene = Scene(*[trouble] * 50)
    scene.run(giving_up=True, patience=3)
    assert (len(scene.at_s), scene.given_up_s) == (51, [])


def test_trouble_in_between_begins_the_patience_anew():
    scene = Scene(ValueError("x"), ValueError("x"), Transient("c", "d"), ValueError("x"), ValueError("x"))
    scene.run(giving_up=True, patience=3)
    assert scene.given_up_s == []


def test_a_loop_that_cannot_give_up_goes_on():
    scene = Scene(*[ValueError("x")] * 9)
    scene.run(patience=3)
    assert len(scene.at_s) == 10


def test_giving_up_that_fails_is_told_and_tried_again():
    scene = Scene(*[ValueError("x")] * 9)
    scene.after = Transient("c", "away")
    scene.run(giving_up=True, patience=3, stop_after_s=20.0)
    assert scene.given_up_s
    assert "transient" in [setback.kind for setback in scene.setbacks()]


@pytest.mark.parametrize("outcome", [Conflict("c", "d"), Tick([LeaseLost("a")], trouble=Conflict("c", "d"))])
def test_a_conflict_means_that_it_is_somebody_else_s_turn(outcome):
    scene = Scene(outcome, Tick())
    scene.run(giving_up=True)
    assert (len(scene.at_s), scene.setbacks()) == (1, [])


# Health.


def test_a_round_may_take_as_long_as_its_pause_and_the_calls_behind_it():
    seen = []

    class Watched(Scene):
        async def tick(self):
            seen.append(dict(self.health.rounds))
            return await super().tick()

    watched = Watched(Tick((), 15.0), Tick((), 5.0))
    watched.run()
    assert seen[0] == {"sweep": (0.0, PATIENCE_S)}
    assert seen[1] == {"sweep": (0.0, 15.0 + PATIENCE_S)}
    assert seen[2] == {"sweep": (pytest.approx(15.0), 5.0 + PATIENCE_S)}


def test_a_loop_that_hangs_is_late_and_one_that_has_ended_is_not():
    health = Health({"sweep": (0.0, 120.0), "survey": (50.0, 120.0)})
    assert health.late(120.0) == []
    assert health.late(120.1) == ["sweep"]
    scene = Scene()
    scene.run()
    assert scene.health.rounds == {}


@pytest.mark.parametrize(("outcome", "succeeded"), [(Tick(), {"sweep"}), (Transient("c", "d"), set())])
def test_a_round_without_a_setback_is_remembered(outcome, succeeded):
    scene = Scene(outcome)
    scene.run(stop_after_s=0.01)
    assert scene.health.succeeded == succeeded


def test_each_execution_s_loop_is_watched_by_itself():
    scene = Scene(Tick((), 100.0))

    async def main():
        around = Surroundings(asyncio.Event(), scene.observed.append, scene.health, Random(7))
        task = asyncio.create_task(repeat("execution", scene.tick, around, execution_id="exec-1"))
        await asyncio.sleep(0)
        seen = set(scene.health.rounds)
        around.stop.set()
        await task
        return seen

    assert run(main()) == {"exec-1"}
