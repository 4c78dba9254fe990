"""A script that draws the diagram of docs/states.md from the table in the code.

Run it in the root of the checkout: `.venv/bin/python docs/draw_states.py`.
"""  # noqa: INP001  (a script is not in a package)

from pathlib import Path

from service.domain.phases import ACTIVE_PHASES, TRANSITIONS, Phase

PAGE = Path(__file__).with_name("states.md")
BEGIN, END = "```mermaid\n", "```\n"


def drawing() -> str:
    """Return the transitions as a Mermaid state diagram, in the order of the table."""
    lines = ["stateDiagram-v2", f"    [*] --> {Phase.FOLLOWING}: registered"]
    lines += [f"    {before} --> {after}: {event}" for (before, event), after in TRANSITIONS.items()]
    # An execution may stay in these phases until its retention is over.
    lines += [f"    {phase} --> [*]" for phase in (Phase.PUBLISHED, Phase.DISCARDED)]
    active = ",".join(phase for phase in Phase if phase in ACTIVE_PHASES)
    lines += ["    classDef active font-weight:bold", f"    class {active} active"]
    return "\n".join(lines) + "\n"


def with_drawing(page: str) -> str:
    """Return the page with the current diagram. Everything around it stays."""
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END, maxsplit=1)
    return f"{head}{BEGIN}{drawing()}{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(with_drawing(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
