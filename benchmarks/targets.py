"""What the figures are to be."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.figures import Figures

LINES_PER_CPU_S = 400_000
CALLS_RATIO = 1.05
SHARE_OF_BASELINE = 0.2
PEAK_BYTES = 250_000_000
GROWTH = 1.1
"""Ten times the files, and this times the memory: the allocator's own ups and downs."""

BATCHED = ("GetLogEvents", "BatchWriteItem", "SendMessageBatch")


@dataclass(frozen=True)
class Verdict:
    """One target: what is measured, the figure, what it is to be, and whether it is."""

    what: str
    figure: str
    target: str
    met: bool


def verdicts(figures: Figures) -> Iterator[Verdict]:
    for name, form in figures.forms.items():
        rate = form.lines_per_cpu_s
        yield Verdict(
            f"{name} parsing, lines per CPU second",
            f"{rate:,.0f}",
            f"at least {LINES_PER_CPU_S:,}",
            rate >= LINES_PER_CPU_S,
        )
        share = form.pipeline.cpu_s / figures.baseline.cpu_s
        yield Verdict(
            f"{name} follow and publish, CPU against the baseline's",
            f"{share:.3f}",
            f"at most {SHARE_OF_BASELINE}",
            share <= SHARE_OF_BASELINE,
        )
        ratio = max(form.calls[operation].ratio or 0.0 for operation in BATCHED)
        yield Verdict(
            f"{name} batched calls against the fewest possible",
            f"{ratio:.3f}",
            f"at most {CALLS_RATIO}",
            ratio <= CALLS_RATIO,
        )
        fewer, more = sorted(form.peak_bytes)
        peak, growth = form.peak_bytes[more], form.peak_bytes[more] / form.peak_bytes[fewer]
        yield Verdict(
            f"{name} peak memory with {more:,} files",
            f"{peak / 1e6:.0f} MB",
            f"under {PEAK_BYTES / 1e6:.0f} MB",
            peak < PEAK_BYTES,
        )
        yield Verdict(
            f"{name} peak memory against {fewer:,} files",
            f"{growth:.3f}",
            f"at most {GROWTH}",
            growth <= GROWTH,
        )
