"""The loop that repeats ticks, in virtual time."""

import asyncio
from random import Random

import pytest

from service.domain.errors import ERROR_KINDS, AccessDeniedError, TransientError
from service.domain.observations import TickFailed
from service.telemetry.loop_health import LoopHealth
from service.worker.loop import MAX_PAUSE_S, STALLED_AFTER_S, LoopContext, backoff_s, run_loop
from tests.virtual_time import run


class Scene:
    """A loop over prepared ticks: each is a pause to return or an exception to raise. After the last one it ends."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.ticked_s = []
        self.observed = []
        self.health = LoopHealth()

    def now_s(self):
        return asyncio.get_running_loop().time()

    def context(self):
        return LoopContext(asyncio.Event(), self.observed.append, self.health, Random(7))

    async def tick(self):
        self.ticked_s.append(self.now_s())
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def run(self, *, stop_after_s=None, signals_s=(), **options):
        """Run the loop to its end and return when that was."""

        async def main():
            context = self.context()
            if stop_after_s is not None:
                asyncio.get_running_loop().call_later(stop_after_s, context.stop.set)
            for signal_s in signals_s:
                asyncio.get_running_loop().call_later(signal_s, context.wake_signal.notify_all)
            await run_loop("discover", self.tick, context, **options)
            return self.now_s()

        return run(main())

    def failures(self):
        return [observation for observation in self.observed if isinstance(observation, TickFailed)]


def test_tick_follows_after_the_pause_that_the_previous_one_returned():
    scene = Scene(15.0, 2.5, 0.0)
    scene.run()
    assert scene.ticked_s == pytest.approx([0.0, 15.0, 17.5, 17.5])


def test_tick_that_returns_no_pause_is_the_last():
    scene = Scene(None, 0.0)
    scene.run()
    assert (len(scene.ticked_s), scene.observed) == (1, [])


def test_stop_ends_a_pause():
    scene = Scene(900.0)
    assert scene.run(stop_after_s=3.0) == pytest.approx(3.0)
    assert len(scene.ticked_s) == 1


class SlowScene(Scene):
    """Each tick takes ten seconds."""

    async def tick(self):
        outcome = await super().tick()
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        loop.call_later(10.0, ended.set_result, None)
        await ended
        self.observed.append("ended")
        return outcome


def test_stop_lets_a_running_tick_end():
    scene = SlowScene(0.0)
    assert scene.run(stop_after_s=3.0) == pytest.approx(10.0)
    assert scene.observed == ["ended"]


def test_loop_that_is_stopped_before_its_start_does_nothing():
    scene = Scene(0.0)

    async def main():
        context = scene.context()
        context.stop.set()
        await run_loop("discover", scene.tick, context)

    run(main())
    assert scene.ticked_s == []


class UnsavedScene(Scene):
    """A loop with work that the last of the prepared ticks saves."""

    def run(self, **options):
        return super().run(has_unsaved_work=lambda: len(self.outcomes) > 2, **options)


def test_unsaved_work_is_saved_after_the_stop():
    error = TransientError("c", "slow")
    scene = UnsavedScene(error, error, error, 100.0, 100.0, 100.0)
    scene.run(stop_after_s=0.1)
    assert len(scene.ticked_s) == 4
    assert scene.ticked_s[-1] < 5.0


def test_failed_tick_without_unsaved_work_is_not_repeated_after_the_stop():
    scene = Scene(TransientError("c", "slow"), 0.0)
    scene.run(stop_after_s=0.1)
    assert len(scene.ticked_s) == 1


# Wake signals.


def test_wake_signal_ends_the_pause_during_which_it_comes_and_no_other():
    scene = Scene(900.0, 900.0, 15.0)
    scene.run(signals_s=[3.0, 700.0])
    assert scene.ticked_s == pytest.approx([0.0, 3.0, 700.0, 715.0])


def test_wake_signal_during_a_tick_ends_the_pause_after_it_because_the_tick_may_have_read_too_early():
    scene = SlowScene(900.0, 5.0)
    scene.run(signals_s=[3.0, 4.0])
    assert scene.ticked_s == pytest.approx([0.0, 10.0, 25.0])


@pytest.mark.parametrize("error", [TransientError("c", "d"), AccessDeniedError("c", "d"), KeyError("x")])
def test_wake_signal_does_not_end_a_backoff(error):
    alone, signalled = Scene(*[error] * 4), Scene(*[error] * 4)
    alone.run()
    signalled.run(signals_s=[0.1, 0.2, 1.0, 3.0])
    assert signalled.ticked_s == pytest.approx(alone.ticked_s)
    assert len(signalled.ticked_s) == 5


def test_pause_leaves_no_task_running():
    scene = Scene(5.0, 5.0)

    async def main():
        context = scene.context()
        asyncio.get_running_loop().call_later(7.0, context.wake_signal.notify_all)
        await run_loop("discover", scene.tick, context)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())
    assert scene.ticked_s == pytest.approx([0.0, 5.0, 7.0])


# Failures.


@pytest.mark.parametrize("kind", ERROR_KINDS)
def test_failed_tick_is_observed_and_repeated(kind):
    error = ERROR_KINDS[kind]("c", "d")
    scene = Scene(error, 0.0)
    scene.run()
    (failure,) = scene.failures()
    assert (failure.loop, failure.kind, failure.failures_in_a_row) == ("discover", kind, 1)
    assert (failure.error, failure.detail) == (error, "c: d")
    assert len(scene.ticked_s) == 3


def test_bug_is_observed_as_internal_and_does_not_end_the_loop():
    scene = Scene(KeyError("x"), 0.0)
    scene.run(execution_id="exec-1")
    (failure,) = scene.failures()
    assert (failure.kind, failure.execution_id) == ("internal", "exec-1")
    assert len(scene.ticked_s) == 3


@pytest.mark.parametrize("error", [ValueError("x"), TransientError("c", "d"), AccessDeniedError("c", "d")])
def test_loop_never_gives_up(error):
    scene = Scene(*[error] * 50)
    scene.run()
    assert len(scene.ticked_s) == 51


def test_pauses_grow_with_each_failure_in_a_row_up_to_a_minute():
    scene = Scene(*[TransientError("c", "d")] * 12)
    scene.run()
    pauses_s = [later - earlier for earlier, later in zip(scene.ticked_s, scene.ticked_s[1:], strict=False)]
    for number, pause_s in enumerate(pauses_s):
        longest_s = min(2.0**number, MAX_PAUSE_S)
        assert longest_s / 2 <= pause_s <= longest_s
    assert [failure.failures_in_a_row for failure in scene.failures()] == list(range(1, 13))
    assert [failure.retry_in_s for failure in scene.failures()] == pytest.approx(pauses_s)


def test_pause_after_very_many_failures_is_still_a_minute_at_most():
    assert MAX_PAUSE_S / 2 <= backoff_s(10_000, Random(1)) <= MAX_PAUSE_S


def test_workers_do_not_retry_all_at_once():
    assert len({backoff_s(3, Random(seed)) for seed in range(20)}) == 20


def test_success_restarts_the_backoff():
    scene = Scene(*[TransientError("c", "d")] * 5, 1.0, TransientError("c", "d"))
    scene.run()
    assert scene.failures()[-1].failures_in_a_row == 1
    assert scene.failures()[-1].retry_in_s <= 1.0


def test_each_loop_may_limit_its_backoff():
    # A lease must be renewed in time, however often that has failed before.
    scene = Scene(*[TransientError("c", "d")] * 12)
    scene.run(max_backoff_s=10.0)
    assert max(failure.retry_in_s for failure in scene.failures()) == 10.0


# Health.


def test_tick_may_take_as_long_as_its_pause_and_the_calls_after_it():
    seen = []

    class WatchedScene(Scene):
        async def tick(self):
            seen.append(dict(self.health.last_ticks))
            return await super().tick()

    WatchedScene(15.0, 5.0).run()
    assert seen[0] == {"discover": (0.0, STALLED_AFTER_S)}
    assert seen[1] == {"discover": (0.0, 15.0 + STALLED_AFTER_S)}
    assert seen[2] == {"discover": (pytest.approx(15.0), 5.0 + STALLED_AFTER_S)}


def test_loop_that_hangs_is_late_and_one_that_has_ended_is_not():
    health = LoopHealth({"discover": (0.0, 120.0), "claim": (50.0, 120.0)})
    assert health.late_loops(120.0) == []
    assert health.late_loops(120.1) == ["discover"]
    scene = Scene()
    scene.run()
    assert scene.health.last_ticks == {}


@pytest.mark.parametrize(("outcome", "succeeded"), [(0.0, {"discover"}), (TransientError("c", "d"), set())])
def test_successful_tick_is_remembered(outcome, succeeded):
    scene = Scene(outcome)
    scene.run(stop_after_s=0.01)
    assert scene.health.succeeded == succeeded


def test_last_tick_counts_as_a_success():
    scene = Scene(None)
    scene.run()
    assert scene.health.succeeded == {"discover"}


def test_loop_of_each_execution_is_watched_separately():
    scene = Scene(100.0)

    async def main():
        context = scene.context()
        task = asyncio.create_task(run_loop("execution", scene.tick, context, execution_id="exec-1"))
        await asyncio.sleep(0)
        seen = set(scene.health.last_ticks)
        context.stop.set()
        await task
        return seen

    assert run(main()) == {"exec-1"}
