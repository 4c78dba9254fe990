"""`python -m benchmarks`: what the service costs."""

import argparse
import json
import sys
from dataclasses import asdict

from benchmarks import figures, report, targets
from benchmarks.workload import FORMS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--files", type=int, default=100_000, help="files of the execution (default: 100,000)")
    parser.add_argument("--form", choices=FORMS, action="append", help="one log form only (default: both)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each measurement (default: 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    options = parser.parse_args()
    found = figures.measure_all(
        options.files, options.form or FORMS, options.runs, lambda text: print(text, file=sys.stderr)
    )
    if options.json:
        print(json.dumps(found.as_json() | {"targets": [asdict(verdict) for verdict in targets.verdicts(found)]}))
    else:
        report.show(found)


if __name__ == "__main__":
    main()
