"""The figures as tables."""

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.figures import NO_CALLS, PER_FILES, Calls, Cost, Figures
from benchmarks.targets import verdicts

WIDTH = 120


def show(figures: Figures) -> None:
    console = Console(width=WIDTH, highlight=False)
    console.print(
        f"Python {figures.python}, {figures.machine}, {figures.cpus} CPUs. {figures.files:,} files, each logged as "
        f"transferred and as verified. Costs are medians. Runs: {figures.runs}.",
        "CPU is that of the measured process, without opening its SDK clients.",
        "Fewest calls: 25 full runs of facts for each page of the log, messages / 10, objects / 1,000; the log's "
        "pages and the empty answer at its end.",
        sep="\n",
    )
    for table in (_costs(figures), _calls(figures), _memory(figures), _targets(figures)):
        console.print(table)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


def _costs(figures: Figures) -> Table:
    table = _table(f"Seconds per {PER_FILES:,} files", "", "CPU", "wall", "CPU / baseline")
    for name, form in figures.forms.items():
        for phase, cost in (
            ("parsing alone", form.parsing),
            ("following: log to facts", form.following),
            ("publishing: facts to messages", form.publishing),
            ("following and publishing", form.pipeline),
        ):
            table.add_row(f"{name} {phase}", *_seconds(cost), f"{cost.cpu_s / figures.baseline.cpu_s:.3f}")
        table.add_section()
    table.add_row("baseline: one UpdateItem and one SendMessage per file", *_seconds(figures.baseline), "1.000")
    return table


def _seconds(cost: Cost) -> tuple[str, str]:
    return f"{cost.cpu_s:.2f}", f"{cost.wall_s:.2f}"


def _calls(figures: Figures) -> Table:
    columns = [column for name in figures.forms for column in (name, "fewest", "ratio")]
    table = _table(f"Calls for {figures.files:,} files", "", *columns)
    for operation in dict.fromkeys(operation for form in figures.forms.values() for operation in form.calls):
        counts = [form.calls.get(operation, NO_CALLS) for form in figures.forms.values()]
        table.add_row(operation, *(text for calls in counts for text in _count(calls)))
    units = [text for form in figures.forms.values() for text in (f"{form.write_units_per_file:.3f}", "", "")]
    table.add_row("DynamoDB write units per file", *units)
    return table


def _count(calls: Calls) -> tuple[str, str, str]:
    if calls.ratio is None:
        return f"{calls.made:,}", "", ""
    return f"{calls.made:,}", f"{calls.fewest:,}", f"{calls.ratio:.3f}"


def _memory(figures: Figures) -> Table:
    table = _table("Peak memory of the process, MB", "", *(f"{files:,} files" for files in _files(figures)))
    for name, form in figures.forms.items():
        table.add_row(name, *(f"{form.peak_bytes[files] / 1e6:.0f}" for files in _files(figures)))
    return table


def _files(figures: Figures) -> list[int]:
    return sorted({files for form in figures.forms.values() for files in form.peak_bytes})


def _targets(figures: Figures) -> Table:
    table = _table("Targets", "", "figure", "target", "")
    for verdict in verdicts(figures):
        met = "[green]met[/]" if verdict.met else "[bold red]missed[/]"
        table.add_row(verdict.name, verdict.figure, verdict.target, met)
    return table
