"""Mistakes in the loops of a worker and in the commands of people: service.worker, service.operations."""

from tests.mutants.edits import Before, Condition, Drop, Instead, Replace
from tests.mutants.mutant import CRASH, REGRESSIONS, Mutant

_CONCURRENCY = "tests/test_concurrency.py"
_DISCOVERY = "tests/worker/test_discovery.py"
_LOOP = "tests/worker/test_loop.py"
_NOTIFIER = "tests/worker/test_notifier.py"
_RETENTION = "tests/worker/test_retention.py"
_SUPERVISOR = "tests/worker/test_supervisor.py"

MUTANTS = (
    Mutant(
        "a full worker does not claim the execution that its own one waits for",
        "service.worker.claiming:ExecutionClaimer.tick",
        (Replace("self._has_room_for(execution, active)", "self._has_room_for(execution, claimable(active))"),),
        ("tests/worker/test_claiming.py",),
    ),
    Mutant(
        "new executions are registered in any order",
        "service.worker.discovery:ExecutionDiscovery._register",
        (Replace("sorted(executions, key=start_order)", "executions"),),
        (_DISCOVERY,),
    ),
    Mutant(
        "an error of one task ends the discovery in the others",
        "service.worker.discovery:ExecutionDiscovery.tick",
        (Replace("(AwsCallError, ValueError)", "ZeroDivisionError"),),
        (_DISCOVERY,),
    ),
    Mutant(
        "the retention of an execution is extended without its facts",
        "service.worker.retention:RetentionExtension.step",
        (Replace("await self._facts.extend_expiry(progress.extended, after_key=after_key)", "None"),),
        (_RETENTION,),
    ),
    Mutant(
        "HELD executions expire",
        "service.worker.retention:WAITING_PHASES",
        (Replace("(Phase.CARRIED, Phase.HELD)", "(Phase.CARRIED,)"),),
        (_RETENTION,),
    ),
    Mutant(
        "an error that is a result is raised",
        "service.concurrency:run_all",
        (
            Instead(
                "await asyncio.gather",
                "for result in await asyncio.gather(*tasks, return_exceptions=True):\n"
                "    if isinstance(result, BaseException):\n"
                "        raise result",
            ),
        ),
        (_CONCURRENCY, "tests/publishing/test_sender.py", REGRESSIONS),
    ),
    Mutant(
        "the first error leaves the other calls running",
        "service.concurrency:run_all",
        (Replace("True", "False"),),
        (_CONCURRENCY,),
    ),
    Mutant(
        "a stop does not wait for sends that are not stored",
        "service.worker.loop:run_loop",
        (Condition("while has_unsaved_work", "not context.stop.is_set()"),),
        (_LOOP, REGRESSIONS),
    ),
    Mutant(
        "a wake signal ends the pause after an error",
        "service.worker.loop:run_loop",
        (Replace("None if error else wake", "wake"),),
        (_LOOP,),
    ),
    Mutant(
        "a wake signal during a tick is lost",
        "service.worker.loop:run_loop",
        (Replace("None if error else wake", "None if error else context.wake_signal.next()"),),
        (_LOOP,),
    ),
    Mutant(
        "wake-ups cause one signal only",
        "service.worker.wake:Waker.tick",
        (Drop("self._second_is_due ="),),
        ("tests/worker/test_wake.py", _SUPERVISOR),
    ),
    Mutant(
        "the wake loop wakes itself and never pauses",
        "service.worker.supervisor:Supervisor.run",
        (Instead("without_wake =", "without_wake = context"),),
        (_SUPERVISOR,),
    ),
    Mutant(
        "the wait for wake-ups delays a stop",
        "service.worker.supervisor:Supervisor.run",
        (
            Drop("await cancel_all(waking)"),
            Replace("{*loops, *self._runners.values()}", "{*waking, *loops, *self._runners.values()}"),
        ),
        (_SUPERVISOR,),
    ),
    Mutant(
        "a notification is deleted before it is published",
        "service.worker.notifier:Notifier._publish_one",
        (Before("await self._topic.publish", "await self._outbox.delete(outbox_id)"),),
        (_NOTIFIER, CRASH),
    ),
    Mutant(
        "a rejected notification delays the others",
        "service.worker.notifier:Notifier._publish_one",
        (Replace("RequestRejectedError", "ZeroDivisionError"),),
        (_NOTIFIER,),
    ),
    Mutant(
        "an execution that is released before its log was read is published as it is",
        "service.operations.commands:OperatorCommands.release",
        (Condition("if held.has_ended", "False"),),
        ("tests/operations/test_commands.py", REGRESSIONS),
    ),
)
