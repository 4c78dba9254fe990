"""`python -m benchmarks.measure SUBJECT FORM FILES`: measure one run and print the result as JSON.

It is a process for one run only, because the peak of its memory must be that of the run.
"""

import importlib
import json
import sys

from benchmarks.stopwatch import Stopwatch, peak_bytes
from benchmarks.workload import Workload


def main(subject: str, form: str, files: str) -> None:
    watch = Stopwatch()
    # Import only the subject's modules, because those of the others would add to its memory.
    importlib.import_module(f"benchmarks.{subject}").measure(Workload(form, int(files)), watch)
    print(json.dumps({"cpu_s": watch.cpu_s, "wall_s": watch.wall_s, "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
