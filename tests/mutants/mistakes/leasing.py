"""Mistakes with leases and with changes under a lease: service.leasing, and the stores that check leases."""

from tests.mutants.edits import Condition, Drop, Instead, Replace
from tests.mutants.mutant import CRASH, MISTAKES_OF_OTHERS, SEEDS, Mutant

_CONTRACT = "tests/contracts/test_executions.py"
_OWNED_LEASES = "tests/leasing/test_owned_leases.py"
_LEASING = "tests/leasing"
_RUNNER = "tests/worker/test_execution_runner.py"

MUTANTS = (
    Mutant(
        "a lease is safe until another worker acquires it",
        "service.leasing.owned_leases:OwnedLeases.require",
        (Drop("if self._clock_s() >= owned.safe_until_s"),),
        (_OWNED_LEASES, MISTAKES_OF_OTHERS),
    ),
    Mutant(
        "a lease of another worker may be acquired at once",
        "service.leasing.owned_leases:LeaseExpiryWatch.may_acquire",
        (Replace("now_s - since_s >= self.lease_s", "True"),),
        (_OWNED_LEASES, MISTAKES_OF_OTHERS),
    ),
    Mutant(
        "a lease expires although it is renewed",
        "service.leasing.owned_leases:LeaseExpiryWatch.may_acquire",
        (Drop("if before != lease"),),
        (_OWNED_LEASES, SEEDS),
    ),
    Mutant(
        "the discovery lease is forgotten with the executions",
        "service.leasing.owned_leases:LeaseExpiryWatch.retain_only",
        (Replace("execution_ids | {DISCOVERY_LEASE}", "execution_ids"),),
        (_OWNED_LEASES, SEEDS),
    ),
    Mutant(
        "an execution is changed without its lease",
        "service.leasing.leased_executions:LeasedExecutions.load",
        (Drop("self.leases.require"),),
        (_LEASING, _RUNNER),
    ),
    Mutant(
        "the detail of an error is dropped when an execution is held",
        "service.leasing.leased_executions:LeasedExecution.hold",
        (Replace("_sentence(error)", "None"),),
        (_LEASING, _RUNNER),
    ),
    Mutant(
        "each refusal starts the wait for access again",
        "service.leasing.leased_executions:LeasedExecution.block",
        (Condition("if execution.blocked_since_ms is None", "True"),),
        (_LEASING, _RUNNER),
    ),
    Mutant(
        "errors with different reasons count as one",
        "service.leasing.leased_executions:LeasedExecution.block",
        (Condition("if execution.blocked_since_ms is None", "execution.blocked_since_ms is None"),),
        (_LEASING, _RUNNER),
    ),
    Mutant(
        "an execution that was held and goes on has lost its earlier reason",
        "service.leasing.leased_executions:LeasedExecution.resume",
        (Replace("execution.reason_before_hold", "None"),),
        (_LEASING, _RUNNER),
    ),
    Mutant(
        "an execution that goes on still shows its last error",
        "service.leasing.leased_executions:LeasedExecution.confirm",
        (Drop("if self.current.is_active"),),
        (_LEASING, _RUNNER),
    ),
    Mutant(
        "a HELD execution that goes on stays HELD in the table",
        "service.leasing.leased_executions:LeasedExecution.confirm",
        (Condition("if self.current != self._stored", "False"),),
        (_LEASING, _RUNNER),
    ),
    Mutant(
        "DynamoDB keeps the owner of an execution that is no longer active",
        "service.adapters.aws.executions:DynamoExecutionStore._write",
        (Drop("removed.append"),),
        (_CONTRACT,),
    ),
    Mutant(
        "the fake store keeps the owner of an execution that is no longer active",
        "tests.fakes.stores:MemoryExecutionStore.save_owned",
        (Condition("if not execution.is_active", "False"),),
        (_CONTRACT, CRASH),
    ),
    Mutant(
        "DynamoDB stores an execution without checking its owner",
        "service.adapters.aws.executions:DynamoExecutionStore.save_owned",
        (Replace("OWNER_CONDITION", '"attribute_exists(pk) OR #owner = :owner AND fencing_token = :fencing_token"'),),
        (_CONTRACT,),
    ),
    Mutant(
        "the fake store stores an execution without checking its owner",
        "tests.fakes.stores:MemoryExecutionStore.save_owned",
        (Replace("self._owned(lease)", "self.leases[lease.name]"),),
        (_CONTRACT, SEEDS),
    ),
    Mutant(
        "a transition and its notification are two writes",
        "service.adapters.aws.executions:DynamoExecutionStore._write",
        (
            Instead(
                "await self._table.update_and_put",
                "await self._table.update(key, change, values, condition=condition)\nawait self._table.put(item)",
            ),
        ),
        ("tests/adapters/aws/test_table.py", "tests/adapters/aws/test_items.py"),
    ),
)
