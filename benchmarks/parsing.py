"""The first subject: the parsers alone."""

from benchmarks.stopwatch import Stopwatch
from benchmarks.workload import Workload
from service.domain.facts import Fact
from service.domain.names import TaskMode
from service.parsing import PARSERS

MAX_LINES = 200_000


def measure(load: Workload, watch: Stopwatch) -> None:
    """Parse the log's lines, or the first MAX_LINES of them, whose rate is the same."""
    lines = [load.line(number) for number in range(min(load.lines, MAX_LINES))]
    parse = PARSERS[TaskMode(load.form)]
    with watch.phase("parse"):
        facts = sum([isinstance(parse(line, 0), Fact) for line in lines])
    if facts != len(lines):
        raise SystemExit(f"{len(lines) - facts} lines state no fact")
