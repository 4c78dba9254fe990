"""The diagram of docs/states.md, drawn from the table in the code: run `python docs/draw_states.py`."""  # noqa: INP001  (a script, not a package)

from pathlib import Path

from service.domain.phases import OPEN, TRANSITIONS, Phase

PAGE = Path(__file__).with_name("states.md")
BEGIN, END = "```mermaid\n", "```\n"


def drawing() -> str:
    """Return the transitions as a Mermaid state diagram, in the order of the table."""
    lines = ["stateDiagram-v2", f"    [*] --> {Phase.FOLLOWING}: registered"]
    lines += [f"    {before} --> {after}: {event}" for (before, event), after in TRANSITIONS.items()]
    # Only these phases expire: an execution in any other one is kept until it has left it.
    lines += [f"    {phase} --> [*]" for phase in (Phase.PUBLISHED, Phase.DISCARDED)]
    lines += ["    classDef open font-weight:bold", f"    class {','.join(p for p in Phase if p in OPEN)} open"]
    return "\n".join(lines) + "\n"


def with_drawing(page: str) -> str:
    """Return the page with the diagram redrawn and everything around it unchanged."""
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END, maxsplit=1)
    return f"{head}{BEGIN}{drawing()}{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(with_drawing(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
