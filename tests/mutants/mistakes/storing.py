"""Mistakes in the stored form of facts and in reading it: service.domain.fact_runs, service.files and their adapter."""

from tests.mutants.edits import Condition, Drop, Instead, Replace
from tests.mutants.mutant import Mutant

_RUNS = "tests/domain/test_fact_runs.py"
_SCAN = "tests/files/test_fact_scan.py"
_MERGE = "tests/files/test_fact_merge.py"
_CONTRACT = "tests/contracts/test_facts.py"

MUTANTS = (
    Mutant(
        "the key of a run does not depend on its content",
        "service.domain.fact_runs:_digest",
        (Instead("return", "return '0' * 16"),),
        (_SCAN,),
    ),
    Mutant(
        "the text of a run is read without its digest",
        "service.domain.fact_runs:unpack",
        (Drop("if key.rpartition"),),
        (_RUNS,),
    ),
    Mutant(
        "a run is larger than its limit",
        "service.domain.fact_runs:pack",
        (Drop("if count and"),),
        (_RUNS,),
    ),
    Mutant(
        "the facts of a page are packed in the order of the log",
        "service.domain.fact_runs:pack",
        (Replace("sorted(distinct.values(), key=_path)", "list(distinct.values())"),),
        (_RUNS,),
    ),
    Mutant(
        "paths are released up to the whole key of the last run",
        "service.domain.fact_runs:lower_bound",
        (Instead("return", "return key"),),
        (_RUNS, _SCAN),
    ),
    Mutant(
        "paths that were left to a further pass are lost",
        "service.files.fact_scan:FactScan.next_paths",
        (Condition("if self._deferred_from is not None", "False"),),
        (_SCAN,),
    ),
    Mutant(
        "a seek point is one run too far",
        "service.files.fact_scan:FactScan._take",
        (
            Replace(
                "self._overlapping[passed - 1].key", "self._overlapping[min(passed, len(self._overlapping) - 1)].key"
            ),
        ),
        (_SCAN,),
    ),
    Mutant(
        "an older fact replaces a newer one",
        "service.files.fact_scan:_newest",
        (Replace("fact.at_ms >= other.at_ms", "True"),),
        (_SCAN,),
    ),
    Mutant(
        "files are merged before all executions are read up to them",
        "service.files.fact_merge:FactMerge.next_files",
        (
            Replace(
                "min((m.files[-1][0] for m in self._members if m.files), default=None)",
                "max((m.files[-1][0] for m in self._members if m.files), default=None)",
            ),
        ),
        (_MERGE,),
    ),
    Mutant(
        "an item that cannot be read is empty",
        "service.adapters.aws.fact_items:run_from",
        (Drop("if not facts"),),
        (_CONTRACT,),
    ),
    Mutant(
        "an item of another format is read",
        "service.adapters.aws.fact_items:run_from",
        (Replace('item["format"]["N"] == str(FORMAT)', "True"),),
        (_CONTRACT,),
    ),
)
