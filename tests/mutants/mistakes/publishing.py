"""Mistakes in planning, sending and storing progress: service.publishing."""

from tests.mutants.edits import Before, Condition, Drop, Replace
from tests.mutants.mutant import CRASH, REGRESSIONS, RELEASE, Mutant

_PLANNER = "tests/publishing/test_planner.py"
_PUBLISHER = "tests/publishing/test_publisher.py"
_REPLAY = "tests/publishing/test_replay.py"
_SENDER = "tests/publishing/test_sender.py"

MUTANTS = (
    Mutant(
        "a message is acknowledged before it is sent",
        "service.publishing.sender:Sender._send_batch",
        (
            Drop("chunk.acknowledge"),
            Before("leased.require_lease", "chunk.acknowledge([path for path, _ in batch])"),
        ),
        (_SENDER, _PUBLISHER),
    ),
    Mutant(
        "a message that failed in a batch counts as sent",
        "service.publishing.sender:Sender._send_batch",
        (Replace("message.id in result.sent", "True"),),
        (_SENDER,),
    ),
    Mutant(
        "a batch is sent without looking at the lease",
        "service.publishing.sender:Sender._send_batch",
        (Drop("leased.require_lease"),),
        (_SENDER,),
    ),
    Mutant(
        "the cursor is stored before the outcomes",
        "service.publishing.publisher:Publisher._send",
        (Before("for execution_id, outcomes", "await leased.save(decided.add_to(execution))"),),
        (CRASH,),
    ),
    Mutant(
        "outcomes are not stored",
        "service.publishing.publisher:Publisher._send",
        (Drop("await self._outcomes.write"),),
        (_PUBLISHER, CRASH),
    ),
    Mutant(
        "a replay decides outcomes again",
        "service.publishing.publisher:Publisher._send",
        (Replace("() if is_replay else decided.ranges.items()", "decided.ranges.items()"),),
        (_REPLAY, CRASH),
    ),
    Mutant(
        "a replay counts outcomes again",
        "service.domain.file_chunk:DecidedFiles.add_to",
        (Condition("if execution.replay.active", "False"),),
        ("tests/domain/test_file_chunk.py", _REPLAY, CRASH),
    ),
    Mutant(
        "a replay sends files that were never published",
        "service.publishing.session:PublishSession._with_outcomes",
        (
            Replace(
                "await published.outcome_of(file[0]) is Outcome.PUBLISHED",
                "await published.outcome_of(file[0]) is not None",
            ),
        ),
        (_REPLAY, CRASH),
    ),
    Mutant(
        "carried executions stay CARRIED after their files were published",
        "service.publishing.publisher:Publisher._complete",
        (Drop("await self._executions.transition_unowned"),),
        ("tests/publishing/test_carry_over.py", CRASH),
    ),
    Mutant(
        "stored outcomes of other executions are not read",
        "service.publishing.session:PublishSession._with_outcomes",
        (Condition("if not self._scope.outcome_readers", "True"),),
        (REGRESSIONS,),
    ),
    Mutant(
        "a release while another execution is planned is not noticed",
        "service.publishing.session:SessionFactory.open",
        (Replace("has_older_active(execution, members)", "False"),),
        (RELEASE,),
    ),
    Mutant(
        "an execution does not wait for older ones",
        "service.publishing.planner:Planner.plan",
        (Drop("if has_older_active"),),
        (_PLANNER,),
    ),
    Mutant(
        "a task is published before its history is registered",
        "service.publishing.planner:Planner.plan",
        (Drop("if not task.backlog_registered"),),
        (_PLANNER,),
    ),
)
