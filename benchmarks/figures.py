"""The figures of one invocation, computed from its runs."""

import os
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks import parsing
from benchmarks.runs import Run, run
from benchmarks.workload import LINES_PER_FILE, Workload
from service.domain.fact_runs import MAX_FACTS

PER_FILES = 100_000
"""The number of files that all costs are scaled to, whatever number was measured."""

BASELINE_FILES = 2000
"""The files of a baseline run. Each costs as much as the one before, and that is slow."""

_FACTS_PER_BATCH = 25 * MAX_FACTS
_MESSAGES_PER_BATCH = 10
_OBJECTS_PER_PAGE = 1000


_Subject = tuple[str, Workload]


@dataclass(frozen=True)
class Cost:
    """Seconds per PER_FILES files."""

    cpu_s: float
    wall_s: float


@dataclass(frozen=True)
class Calls:
    """The calls of an operation, and the fewest that are possible; None if there is no such number."""

    made: int
    fewest: int | None

    @property
    def ratio(self) -> float | None:
        return self.made / self.fewest if self.fewest else None


NO_CALLS = Calls(0, None)


@dataclass(frozen=True)
class Form:
    """One log form. `peak_bytes` are by number of files: the requested number, and a tenth of it.

    `write_units_per_file` are DynamoDB's write request units, without those of its indexes.
    """

    lines_per_cpu_s: float
    parsing: Cost
    following: Cost
    publishing: Cost
    calls: dict[str, Calls]
    peak_bytes: dict[int, int]
    write_units_per_file: float

    @property
    def pipeline(self) -> Cost:
        """The cost from the log to the queue."""
        return Cost(self.following.cpu_s + self.publishing.cpu_s, self.following.wall_s + self.publishing.wall_s)


@dataclass(frozen=True)
class Figures:
    """The figures of an invocation. Costs are medians over `runs` runs, memory peaks are maxima."""

    python: str
    machine: str
    cpus: int
    files: int
    runs: int
    baseline: Cost
    forms: dict[str, Form]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def measure_all(files: int, forms: Sequence[str], runs: int, show_progress: Callable[[str], None]) -> Figures:
    """Run everything `runs` times. `show_progress` is called before each run.

    The subjects take turns, because other load on the machine must affect all of them.
    """
    baseline = ("baseline", Workload(forms[0], min(files, BASELINE_FILES)))
    done: dict[_Subject, list[Run]] = {baseline: []}
    for form in forms:
        loads = Workload(form, files), Workload(form, _tenth(files))
        done |= {("parsing", loads[0]): [], ("pipeline", loads[0]): [], ("pipeline", loads[1]): []}
    for number in range(runs):
        for (subject, load), finished in done.items():
            show_progress(f"run {number + 1} of {runs}: {subject}, {load.form}, {load.files:,} files")
            finished.append(run(subject, load))
    return Figures(
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        cpus=os.cpu_count() or 1,
        files=files,
        runs=runs,
        baseline=_cost(done[baseline], "baseline", baseline[1].files),
        forms={form: _form(Workload(form, files), done) for form in forms},
    )


def _tenth(files: int) -> int:
    return max(1, files // 10)


def _form(load: Workload, done: dict[_Subject, list[Run]]) -> Form:
    parsed, piped = done["parsing", load], done["pipeline", load]
    tenth = done["pipeline", Workload(load.form, _tenth(load.files))]
    lines = min(load.lines, parsing.MAX_LINES)
    return Form(
        lines_per_cpu_s=lines / median(r.cpu_s["parse"] for r in parsed),
        parsing=_cost(parsed, "parse", lines // LINES_PER_FILE),
        following=_cost(piped, "follow", load.files),
        publishing=_cost(piped, "publish", load.files),
        calls=_calls(piped[0], load),
        peak_bytes={_tenth(load.files): _peak(tenth), load.files: _peak(piped)},
        write_units_per_file=piped[0].write_units / load.files,
    )


def _cost(runs: Iterable[Run], phase: str, files: int) -> Cost:
    share = PER_FILES / files
    return Cost(median(r.cpu_s[phase] for r in runs) * share, median(r.wall_s[phase] for r in runs) * share)


def _peak(runs: Iterable[Run]) -> int:
    return max(r.peak_bytes for r in runs)


def _calls(done: Run, load: Workload) -> dict[str, Calls]:
    fewest = {
        # Its pages, and the empty answer that follows the last one.
        "GetLogEvents": load.pages + 1,
        # The facts of a page are stored before the next one is read.
        "BatchWriteItem": load.pages * _batches(load.lines_per_page, _FACTS_PER_BATCH),
        "SendMessageBatch": _batches(load.files, _MESSAGES_PER_BATCH),
        "ListObjectsV2": _batches(load.files, _OBJECTS_PER_PAGE),
    }
    others = sorted(done.requests.keys() - fewest.keys(), key=lambda name: -done.requests[name])
    return {name: Calls(done.requests.get(name, 0), fewest.get(name)) for name in (*fewest, *others)}


def _batches(items: int, size: int) -> int:
    return -(-items // size)
