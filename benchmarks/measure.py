"""`python -m benchmarks.measure SUBJECT FORM FILES`: measures one run and prints what it took, as JSON.

A process of its own, so that the peak of its memory is the run's.
"""

import importlib
import json
import sys

from benchmarks.stopwatch import Stopwatch, peak_bytes
from benchmarks.workload import Workload


def main(subject: str, form: str, files: str) -> None:
    watch = Stopwatch()
    # Only the subject's own modules: what the others import is not its memory.
    importlib.import_module(f"benchmarks.{subject}").measure(Workload(form, int(files)), watch)
    print(json.dumps({"cpu_s": watch.cpu_s, "wall_s": watch.wall_s, "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
