"""The targets of the figures."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.figures import Figures

MIN_LINES_PER_CPU_S = 400_000
MAX_CALLS_RATIO = 1.05
MAX_SHARE_OF_BASELINE = 0.2
MAX_PEAK_BYTES = 250_000_000
MAX_GROWTH = 1.1
"""Greatest memory with ten times the files, as a multiple: only the variation of the allocator."""

BATCHED = ("GetLogEvents", "BatchWriteItem", "SendMessageBatch")


@dataclass(frozen=True)
class Verdict:
    """One target: the name of the figure, its value, its target, and whether that is met."""

    name: str
    figure: str
    target: str
    met: bool


def verdicts(figures: Figures) -> Iterator[Verdict]:
    for name, form in figures.forms.items():
        rate = form.lines_per_cpu_s
        yield Verdict(
            f"{name} parsing, lines per CPU second",
            f"{rate:,.0f}",
            f"at least {MIN_LINES_PER_CPU_S:,}",
            rate >= MIN_LINES_PER_CPU_S,
        )
        share = form.pipeline.cpu_s / figures.baseline.cpu_s
        yield Verdict(
            f"{name} follow and publish, CPU / baseline's",
            f"{share:.3f}",
            f"at most {MAX_SHARE_OF_BASELINE}",
            share <= MAX_SHARE_OF_BASELINE,
        )
        ratio = max(form.calls[operation].ratio or 0.0 for operation in BATCHED)
        yield Verdict(
            f"{name} batched calls / fewest possible",
            f"{ratio:.3f}",
            f"at most {MAX_CALLS_RATIO}",
            ratio <= MAX_CALLS_RATIO,
        )
        fewer, more = sorted(form.peak_bytes)
        peak, growth = form.peak_bytes[more], form.peak_bytes[more] / form.peak_bytes[fewer]
        yield Verdict(
            f"{name} peak memory with {more:,} files",
            f"{peak / 1e6:.0f} MB",
            f"under {MAX_PEAK_BYTES / 1e6:.0f} MB",
            peak < MAX_PEAK_BYTES,
        )
        yield Verdict(
            f"{name} peak memory / that with {fewer:,} files",
            f"{growth:.3f}",
            f"at most {MAX_GROWTH}",
            growth <= MAX_GROWTH,
        )
