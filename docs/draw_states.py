"""Draws the diagram of docs/states.md from the table in the code: `python docs/draw_states.py`."""  # noqa: INP001 - because a script is no package

from pathlib import Path

from service.domain.phases import OPEN, TRANSITIONS, Phase

PAGE = Path(__file__).with_name("states.md")
BEGIN, END = "```mermaid\n", "```\n"


def drawing() -> str:
    """The transitions as a Mermaid state diagram, in the order of the table."""
    lines = ["stateDiagram-v2", f"    [*] --> {Phase.FOLLOWING}: registered"]
    lines += [f"    {before} --> {after}: {event}" for (before, event), after in TRANSITIONS.items()]
    # Where a worker has nothing to do it may end: each of these is kept until its retention is over.
    lines += [f"    {phase} --> [*]" for phase in (Phase.PUBLISHED, Phase.DISCARDED)]
    lines += ["    classDef open font-weight:bold", f"    class {','.join(p for p in Phase if p in OPEN)} open"]
    return "\n".join(lines) + "\n"


def with_drawing(page: str) -> str:
    """The page with the diagram as it should be. Everything around it stays."""
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END, maxsplit=1)
    return f"{head}{BEGIN}{drawing()}{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(with_drawing(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
