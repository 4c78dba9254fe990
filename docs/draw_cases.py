"""A script that writes the tables of docs/deciding-a-file.md from the cases that are tested.

Run it in the root of the checkout: `.venv/bin/python -m docs.draw_cases`.
"""  # noqa: INP001  (a script is not in a package)

from collections.abc import Iterable
from pathlib import Path
from textwrap import fill

from tests.domain.six_cases import CASES, Case, CaseExecution, CaseFile

PAGE = Path(__file__).with_name("deciding-a-file.md")
BEGIN, END = "<!-- cases: begin -->\n", "<!-- cases: end -->\n"


def drawing() -> str:
    """Return a section for each case: its executions, and its files."""
    return "\n" + "\n".join(_section(number, case) for number, case in enumerate(CASES, 1)) + "\n"


def with_drawing(page: str) -> str:
    """Return the page with the current tables. Everything around them stays."""
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}{drawing()}{END}{tail}"


def _section(number: int, case: Case) -> str:
    names = [execution.name for execution in case.executions]
    executions = _table(
        ("execution", "ran", "DataSync's status", "verify mode", "phase", "log", "role in the plan"),
        (_execution_cells(execution) for execution in case.executions),
    )
    files = _table(
        ("file", *(f"facts of {name}" for name in names), "S3 LastModified", "decision", "because"),
        (_file_cells(file, case) for file in case.files),
    )
    return f"## {number}. {case.title}\n\n{fill(case.story, 120)}\n\n{executions}\n{files}"


def _execution_cells(execution: CaseExecution) -> Iterable[str]:
    return (
        execution.name,
        " to ".join(execution.ran),
        execution.status,
        execution.verify_mode,
        execution.phase,
        execution.log,
        execution.role,
    )


def _file_cells(file: CaseFile, case: Case) -> Iterable[str]:
    facts = [_facts(file, execution.name) for execution in case.executions]
    return (f"`{file.path}`", *facts, _last_modified(file, case), f"**{file.decision}**", file.because)


def _facts(file: CaseFile, name: str) -> str:
    facts = ", ".join(file.facts.get(name, "none").split())
    return f"{facts} ({file.published_before[name]})" if name in file.published_before else facts


def _last_modified(file: CaseFile, case: Case) -> str:
    writers = (e.name for e in case.executions if e.ran[0] <= file.last_modified <= e.ran[1])
    writer = next(writers, None)
    return f"{file.last_modified}, during {writer}" if writer else "not in S3"


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(header)
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    PAGE.write_text(with_drawing(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
