"""`python -m tests.simulation --seeds 1000`: run many worlds; `--seed 17 --trace`: look at one."""

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.scenario import Result, simulate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many worlds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--trace", action="store_true", help="tell all that happened in it")
    arguments = parser.parse_args()
    if arguments.seed is not None:
        result = simulate(arguments.seed, traced=arguments.trace)
        say(*result.trace)
        account([result])
        return 1 if result.verdict.wrong else 0
    results = []
    began_s = time.monotonic()
    with ProcessPoolExecutor() as processes:
        seeds = range(arguments.first, arguments.first + arguments.seeds)
        for result in processes.map(simulate, seeds, chunksize=10):
            results.append(result)
            if result.verdict.wrong:
                say(complaint(result))
    say(f"{len(results)} seeds in {time.monotonic() - began_s:.0f} s")
    account(results)
    return 1 if any(result.verdict.wrong for result in results) else 0


def say(*lines: str) -> None:
    """Tell whoever runs this, at once."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def complaint(result: Result) -> str:
    """What went wrong with a seed, and how to see it again."""
    wrong = "\n  ".join(result.verdict.wrong[:5])
    return f"seed {result.seed} ({result.kind}): python -m tests.simulation --seed {result.seed} --trace\n  {wrong}"


def account(results: list[Result]) -> None:
    faults: Counter[str] = Counter()
    figures: Counter[str] = Counter()
    for result in results:
        faults += result.faults
        figures += result.verdict.figures
    say(f"virtual hours: {sum(r.virtual_s for r in results) / 3600:.0f}")
    say(f"failed seeds: {[r.seed for r in results if r.verdict.wrong][:50]}")
    for title, counter in (("faults", faults), ("figures", figures)):
        say(f"{title}: {counter.total()}" if title == "faults" else title)
        for name, count in sorted(counter.items()):
            say(f"  {count:9} {name}")


if __name__ == "__main__":
    sys.exit(main())
