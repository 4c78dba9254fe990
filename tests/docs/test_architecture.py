import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
FOR_ALL = {"ports", "parsing", "domain"}
"""The rooms that the page says every room above them may import, so that it does not list them."""


def room_imports():
    """Return the rooms that each room of `service/` imports, without those for all."""
    imports = defaultdict(set)
    for path in (ROOT / "service").rglob("*.py"):
        room = path.relative_to(ROOT / "service").with_suffix("").parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "service":
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module.startswith("service."):
                modules = [node.module.split(".")[1]]
            else:
                modules = []
            imports[room].update(set(modules) - FOR_ALL - {room, "__version__"})
    del imports["__init__"]
    return imports


def documented_imports():
    """Return the rooms of the table in the page, with the content of its column of imports."""
    table = PAGE.read_text(encoding="utf-8").partition("| room of `service/` |")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.split(" | ")] for line in table.splitlines()[2:]]
    rooms = {name: imported for first, _, imported in cells for name in re.findall(r"`([a-z_]+)[./`]", first)}
    return {room: set(re.findall(r"`([a-z_]+)`", imported)) - {"wiring"} for room, imported in rooms.items()}


def test_table_of_rooms_lists_what_each_room_imports():
    actual = room_imports()
    # One row is for the two that form the command line.
    actual["cli"] |= actual["__main__"] - {"cli"}
    actual["__main__"] = actual["cli"]
    assert documented_imports() == actual
