"""Mistakes in the treatment of errors: service.domain.error_policy, and who carries it out."""

from tests.mutants.edits import Condition, Replace, Value
from tests.mutants.mutant import Mutant

_POLICY = "tests/domain/test_error_policy.py"
_RUNNER = "tests/worker/test_execution_runner.py"

MUTANTS = (
    Mutant(
        "an error of the table holds an execution",
        "service.domain.error_policy:TREATMENTS",
        (
            Value(
                "Resource.TABLE",
                '_OWN_RESOURCE | {"access_denied": Treatment(Action.HOLD_NOW, Reason.ACCESS_DENIED)}',
            ),
        ),
        (_POLICY, _RUNNER),
    ),
    Mutant(
        "an error of the queue is shown as an error of the task",
        "service.domain.error_policy:TREATMENTS",
        (Value("Resource.QUEUE", "_TASKS_RESOURCE"),),
        (_POLICY, _RUNNER),
    ),
    Mutant(
        "expired credentials hold an execution",
        "service.domain.error_policy:_OWN_RESOURCE",
        (Value('"credentials"', "Treatment(Action.HOLD_NOW, Reason.ACCESS_DENIED)"),),
        (_POLICY, _RUNNER),
    ),
    Mutant(
        "denied access to S3 holds an execution at once",
        "service.domain.error_policy:TREATMENTS",
        (
            Value(
                "Resource.BUCKET",
                "_TASKS_RESOURCE"
                ' | {"not_found": Treatment(Action.HOLD_NOW, Reason.BUCKET_NOT_FOUND)}'
                ' | {"access_denied": Treatment(Action.HOLD_NOW, Reason.ACCESS_DENIED)}',
            ),
        ),
        (_POLICY, _RUNNER),
    ),
    Mutant(
        "one answer that DataSync does not know an execution holds it",
        "service.domain.error_policy:hold_reason",
        (Value("Action.HOLD_AFTER_PATIENCE", "True"),),
        (_POLICY, _RUNNER),
    ),
    Mutant(
        "a bug that repeats is retried for ever",
        "service.domain.error_policy:hold_reason",
        (Value("Action.HOLD_WHEN_REPEATED", "False"),),
        (_POLICY, _RUNNER),
    ),
    Mutant(
        "an execution that another worker owns is retried",
        "service.domain.error_policy:_OWN_RESOURCE",
        (Value('"conflict"', "_RETRY"),),
        (_POLICY, _RUNNER),
    ),
    Mutant(
        "an execution that is HELD for denied access is never due to be retried",
        "service.domain.error_policy:RETRIED_REASONS",
        (Replace("{Reason.ACCESS_DENIED, Reason.EXECUTION_NOT_FOUND}", "{Reason.EXECUTION_NOT_FOUND}"),),
        (_POLICY, _RUNNER),
    ),
    Mutant(
        "a HELD execution that is due is not claimed",
        "service.worker.claiming:ExecutionClaimer.tick",
        (Replace("(*claimable(active), *held)", "claimable(active)"),),
        ("tests/worker/test_claiming.py",),
    ),
    Mutant(
        "a failed retry of a HELD execution holds it again with the new error's reason",
        "service.worker.execution_runner:ExecutionRunner._is_over",
        (Condition("if is_retry_of_held", "False"),),
        (_RUNNER,),
    ),
    Mutant(
        "a held execution goes on with the plan from before it was held",
        "service.leasing.leased_executions:LeasedExecution.resume",
        (Replace("execution.plan if execution.replay.active else None", "execution.plan"),),
        ("tests/leasing/test_leased_executions.py",),
    ),
    Mutant(
        "a retry of a HELD execution is stored before its step has succeeded",
        "service.leasing.leased_executions:LeasedExecution.save",
        (Condition("if self.is_resumed and execution.is_active", "False"),),
        ("tests/leasing/test_leased_executions.py",),
    ),
    Mutant(
        "an execution that is released while it runs is published before its SUCCESS",
        "service.operations.commands:OperatorCommands.release",
        (Condition("if not held.has_ended and held.reason is not Reason.EXECUTION_NOT_FOUND", "False"),),
        ("tests/worker/test_held_retries.py",),
    ),
)
