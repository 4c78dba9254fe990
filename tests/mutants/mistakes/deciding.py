"""Mistakes in the decisions about executions and files: service.domain."""

from tests.mutants.edits import Condition, Drop, Instead, Replace
from tests.mutants.mutant import CRASH, MAIN_PATH, REGRESSIONS, RELEASE, Mutant

_EXECUTION = "tests/domain/test_execution.py"
_FILE_CHUNK = "tests/domain/test_file_chunk.py"
_FILE_DECISION = "tests/domain/test_file_decision.py"
_MESSAGES = "tests/domain/test_messages.py"
_PUBLISH_PLAN = "tests/domain/test_publish_plan.py"
_PUBLISHER = "tests/publishing/test_publisher.py"

MUTANTS = (
    Mutant(
        "a transition that is not in the table is accepted",
        "service.domain.phases:next_phase",
        (Instead("raise", "return phase"),),
        ("tests/domain/test_phases.py",),
    ),
    Mutant(
        "verified outweighs failed",
        "service.domain.file_decision:decide_file",
        (Condition("if newest.failed", "newest.failed and not newest.verified"),),
        (_FILE_DECISION,),
    ),
    Mutant(
        "the oldest execution decides about a file",
        "service.domain.file_decision:decide_file",
        (Replace("evidence[-1]", "evidence[0]"),),
        (_FILE_DECISION,),
    ),
    Mutant(
        "a deleted file is published",
        "service.domain.file_decision:decide_file",
        (Replace("newest.deleted", "False"),),
        (_FILE_DECISION,),
    ),
    Mutant(
        "every verified file is new",
        "service.domain.file_decision:is_new",
        (Replace("decision.new_since_ms is None", "True"),),
        (_FILE_DECISION,),
    ),
    Mutant(
        "only a file with a logged transfer is new",
        "service.domain.file_decision:is_new",
        (Instead("return decision.new_since_ms", "return False"),),
        (_FILE_DECISION,),
    ),
    Mutant(
        "S3's whole seconds are compared with milliseconds",
        "service.domain.file_decision:is_new",
        (Replace("decision.new_since_ms // 1000 * 1000", "decision.new_since_ms"),),
        (_FILE_DECISION,),
    ),
    Mutant(
        "a file that was left to another execution counts as published",
        "service.domain.file_decision:FileEvidence.already_published",
        (
            Replace(
                "(Outcome.PUBLISHED, Outcome.UNCHANGED)",
                "(Outcome.PUBLISHED, Outcome.UNCHANGED, Outcome.SUPERSEDED)",
            ),
        ),
        (_FILE_DECISION, REGRESSIONS),
    ),
    Mutant(
        "carried files are left out of the plan",
        "service.domain.publish_plan:make_plan",
        (Instead("carried =", "carried = []"),),
        (_PUBLISH_PLAN, MAIN_PATH),
    ),
    Mutant(
        "a SUCCESS counts as fully published although older files wait",
        "service.domain.publish_plan:last_fully_published",
        (Instead("break", "continue"),),
        (_PUBLISH_PLAN, REGRESSIONS),
    ),
    Mutant(
        "a later execution that is publishing is no evidence",
        "service.domain.publish_plan:_is_publishing",
        (Instead("return", "return False"),),
        (_PUBLISH_PLAN, RELEASE),
    ),
    Mutant(
        "the size in S3 is not compared",
        "service.domain.file_chunk:_has_verified_size",
        (Replace("fact.size_bytes in (None, stored.size_bytes)", "True"),),
        (_FILE_CHUNK,),
    ),
    Mutant(
        "a file that is not in S3 is published",
        "service.domain.file_chunk:resolve_candidates",
        (
            Replace(
                "not _has_verified_size(stored, fact)", "stored is not None and not _has_verified_size(stored, fact)"
            ),
        ),
        (_FILE_CHUNK,),
    ),
    Mutant(
        "DataSync's metadata files are published",
        "service.domain.file_chunk:decide_files",
        (Condition("if is_datasync_metadata", "False"),),
        (_FILE_CHUNK, _PUBLISHER),
    ),
    Mutant(
        "the cursor passes a pending message",
        "service.domain.file_chunk:FileChunk.acknowledged_prefix",
        (Replace("first is None", "True"),),
        (_FILE_CHUNK,),
    ),
    Mutant(
        "a message that was acknowledged ahead of the cursor is sent again",
        "service.domain.file_chunk:resolve_candidates",
        (Condition("if message.id in acknowledged", "False"),),
        (_FILE_CHUNK, REGRESSIONS),
    ),
    Mutant(
        "acknowledgements beyond the chunk are forgotten",
        "service.domain.file_chunk:decided_files",
        (Replace("(*before.acknowledged_ahead, *chunk.acknowledged.values())", "(*chunk.acknowledged.values(),)"),),
        (_FILE_CHUNK, REGRESSIONS),
    ),
    Mutant(
        "the outcome counts do not grow while files are published",
        "service.domain.file_chunk:DecidedFiles.add_to",
        (Drop("own.update"),),
        (_FILE_CHUNK, _PUBLISHER),
    ),
    Mutant(
        "the outcome counts of carried executions do not grow",
        "service.domain.file_chunk:DecidedFiles.add_to",
        (Drop("carried.setdefault"),),
        (_FILE_CHUNK, "tests/publishing/test_carry_over.py"),
    ),
    Mutant(
        "an execution that was held keeps its old blocked_since_ms when it is held for another reason",
        "service.domain.execution:Execution.apply",
        (Replace("self.blocked_since_ms if phase in ACTIVE_PHASES else None", "self.blocked_since_ms"),),
        (_EXECUTION, "tests/leasing"),
    ),
    Mutant(
        "the deduplication id is the same for every message",
        "service.domain.messages:file_message",
        (Replace('f"{identity}-{replay_count}" if replay_count else identity', '"once"'),),
        (_MESSAGES,),
    ),
    Mutant(
        "a replayed message has another id",
        "service.domain.messages:file_message",
        (Replace("message_id(ids.arn, fact.path)", "message_id(ids.arn + str(replay_count), fact.path)"),),
        (_MESSAGES, CRASH),
    ),
)
