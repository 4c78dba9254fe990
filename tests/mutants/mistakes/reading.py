"""Mistakes in reading and sealing a log: service.parsing, service.evidence and the decisions that they call."""

from tests.mutants.edits import Condition, Drop, Instead, Replace, Swap
from tests.mutants.mutant import MAIN_PATH, MISTAKES_OF_OTHERS, REGRESSIONS, SEEDS, Mutant

_LOG_READER = "tests/evidence/test_log_reader.py"
_SEALER = "tests/evidence/test_sealer.py"
_SEALING = "tests/domain/test_sealing.py"

MUTANTS = (
    Mutant(
        "the read position is stored before the facts",
        "service.evidence.log_reader:LogReader._read_page",
        (Swap("if parsed.facts", "if checkpoint is None or checkpoint.token"),),
        (MISTAKES_OF_OTHERS,),
    ),
    Mutant(
        "an empty page is the end of the log",
        "service.evidence.log_reader:LogReader._read_page",
        (Replace("page.at_end", "page.at_end or not page.events"),),
        (MISTAKES_OF_OTHERS,),
    ),
    Mutant(
        "an error is the end of the log",
        "service.evidence.log_reader:LogReader._read_page",
        (Replace("NotFoundError", "Exception"),),
        (MISTAKES_OF_OTHERS,),
    ),
    Mutant(
        "a rejected token is the end of the log",
        "service.evidence.log_reader:LogReader._read_page",
        (Drop("await self._restart_pass"), Replace("False", "True")),
        (MISTAKES_OF_OTHERS,),
    ),
    Mutant(
        "a token never expires",
        "service.domain.execution_updates:has_expired_token",
        (Replace("now_ms - checkpoint.token_issued_at_ms >= MAX_TOKEN_AGE_MS", "False"),),
        (MISTAKES_OF_OTHERS, _LOG_READER),
    ),
    Mutant(
        "a path that cannot be an S3 key is left out",
        "service.parsing:parse_page",
        (Instead("facts.append", "facts += [line] if with_storable_path(line) is line else []"),),
        ("tests/parsing/test_page.py", _LOG_READER, SEEDS),
    ),
    Mutant(
        "a terminal status is assumed before DataSync reports it",
        "service.evidence.sealer:Sealer.follow",
        (Condition("if described.has_ended", "described.status in ('VERIFYING', 'SUCCESS', 'ERROR')"),),
        (_SEALER, SEEDS),
    ),
    Mutant(
        "a log is sealed while an older execution is active",
        "service.evidence.sealer:Sealer.seal",
        (Drop("if has_older_active"),),
        (_SEALER,),
    ),
    Mutant(
        "the log need not be quiet",
        "service.domain.sealing:quiet_until_ms",
        (Replace("round(options.settle_s * 1000)", "0"),),
        (_SEALING,),
    ),
    Mutant(
        "the deadline is never reached",
        "service.domain.sealing:is_past_deadline",
        (Instead("return", "return False"),),
        (_SEALING,),
    ),
    Mutant(
        "no pass is read after the deadline",
        "service.domain.sealing:decide_seal",
        (Instead("read_after_deadline", "read_after_deadline = past_deadline and execution.log_pass.number > 1"),),
        (_SEALING, REGRESSIONS),
    ),
    Mutant(
        "DataSync's counters are ignored",
        "service.domain.sealing:matches_counters",
        (Replace("files >= counter", "files >= 0"),),
        (_SEALING, MISTAKES_OF_OTHERS),
    ),
    Mutant(
        "a log is sealed before each of its lines is a stored fact",
        "service.domain.sealing:decide_seal",
        (
            Replace(
                "matches_counters(execution, options) and all_lines_stored(execution)",
                "matches_counters(execution, options)",
            ),
        ),
        (_SEALING,),
    ),
    Mutant(
        "two passes always agree",
        "service.domain.log_pass:LogPass.passes_agree",
        (Instead("return", "return True"),),
        (_SEALING, "tests/domain/test_execution.py"),
    ),
    Mutant(
        "a new pass forgets the counts of the last one",
        "service.domain.log_pass:LogPass.next_pass",
        (Replace("self.counts", "None"),),
        ("tests/domain/test_execution.py",),
    ),
    Mutant(
        "the files of an execution that ended in ERROR are published at once",
        "service.domain.sealing:event_after_seal",
        (Replace("options.on_error is OnError.CARRY", "False"),),
        (_SEALING, MAIN_PATH),
    ),
)
