"""Command that simulates generated worlds: `--seeds 1000` runs many, `--seed 17 --trace` shows all events of one."""

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.scenario import Result, simulate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="number of worlds")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--seed", type=int, help="run only this seed")
    parser.add_argument("--trace", action="store_true", help="with --seed: print all events of the world")
    arguments = parser.parse_args()
    if arguments.seed is not None:
        result = simulate(arguments.seed, traced=arguments.trace)
        print_now(*result.trace)
        print_summary([result])
        return 1 if result.verdict.violations else 0
    results = []
    began_s = time.monotonic()
    with ProcessPoolExecutor() as processes:
        seeds = range(arguments.first, arguments.first + arguments.seeds)
        for result in processes.map(simulate, seeds, chunksize=10):
            results.append(result)
            if result.verdict.violations:
                print_now(failure_text(result))
    print_now(f"{len(results)} seeds in {time.monotonic() - began_s:.0f} s")
    print_summary(results)
    return 1 if any(result.verdict.violations for result in results) else 0


def print_now(*lines: str) -> None:
    """Print lines without buffering."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def failure_text(result: Result) -> str:
    """Return the first violations of a seed, and the command that repeats it."""
    violations = "\n  ".join(result.verdict.violations[:5])
    return (
        f"seed {result.seed} ({result.kind}): python -m tests.simulation --seed {result.seed} --trace\n  {violations}"
    )


def print_summary(results: list[Result]) -> None:
    faults: Counter[str] = Counter()
    figures: Counter[str] = Counter()
    for result in results:
        faults += result.faults
        figures += result.verdict.figures
    print_now(f"virtual hours: {sum(r.virtual_s for r in results) / 3600:.0f}")
    print_now(f"failed seeds: {[r.seed for r in results if r.verdict.violations][:50]}")
    for title, counter in ((f"faults: {faults.total()}", faults), ("figures", figures)):
        print_now(title)
        for name, count in sorted(counter.items()):
            print_now(f"  {count:9} {name}")


if __name__ == "__main__":
    sys.exit(main())
