"""Edits of one function or constant in a module's source, by syntax and not by position.

A statement is named by how its normalised text (that of `ast.unparse`) begins, an expression by its whole text. An
edit raises EditError unless exactly one node of the target has that name, so formatting and comments may change
freely and an edit never applies to the wrong place.
"""

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

NodeT = TypeVar("NodeT", bound=ast.AST)


class EditError(Exception):
    """The edit does not apply exactly once to its target."""


class Edit(Protocol):
    """A change of the source, inside the target."""

    def apply(self, source: str, target: str) -> str:
        """Return the changed source. Raise EditError unless the edit applies exactly once."""


@dataclass(frozen=True)
class Replace:
    """Replaces an expression, or the class of an `except`, with another one."""

    old: str
    new: str

    def apply(self, source: str, target: str) -> str:
        wanted = ast.unparse(ast.parse(self.old, mode="eval"))
        found = [
            node
            for node in ast.walk(find(source, target))
            if isinstance(node, ast.expr) and ast.unparse(node) == wanted and not _is_store(node)
        ]
        return _replaced(source, _only(found, self.old), self.new)


@dataclass(frozen=True)
class Value:
    """Replaces the value of a key in a dict display."""

    key: str
    new: str

    def apply(self, source: str, target: str) -> str:
        wanted = ast.unparse(ast.parse(self.key, mode="eval"))
        found = [
            value
            for node in ast.walk(find(source, target))
            if isinstance(node, ast.Dict)
            for key, value in zip(node.keys, node.values, strict=True)
            if key is not None and ast.unparse(key) == wanted
        ]
        return _replaced(source, _only(found, self.key), self.new)


@dataclass(frozen=True)
class Condition:
    """Replaces the condition of an `if` or `while` statement."""

    statement: str
    new: str

    def apply(self, source: str, target: str) -> str:
        node = _statement(source, target, self.statement)
        if not isinstance(node, ast.If | ast.While):
            raise EditError(f"not an if or while statement: {self.statement}")
        return _replaced(source, node.test, self.new)


@dataclass(frozen=True)
class Instead:
    """Replaces a statement with others: one or more lines, not indented."""

    statement: str
    new: str

    def apply(self, source: str, target: str) -> str:
        node = _statement(source, target, self.statement)
        new = textwrap.indent(self.new, " " * node.col_offset).lstrip()
        return _replaced(source, node, new)


@dataclass(frozen=True)
class Before:
    """Inserts statements before a statement: one or more lines, not indented."""

    statement: str
    new: str

    def apply(self, source: str, target: str) -> str:
        node = _statement(source, target, self.statement)
        start, end = _span(source, node)
        indent = " " * node.col_offset
        new = textwrap.indent(f"{self.new}\n", indent).lstrip() + indent
        return _replaced(source, node, new + source.encode()[start:end].decode())


@dataclass(frozen=True)
class Drop:
    """Removes a statement."""

    statement: str

    def apply(self, source: str, target: str) -> str:
        return _replaced(source, _statement(source, target, self.statement), "pass")


@dataclass(frozen=True)
class Swap:
    """Swaps two statements of the same block."""

    first: str
    second: str

    def apply(self, source: str, target: str) -> str:
        first, second = (_statement(source, target, name) for name in (self.first, self.second))
        if first.col_offset != second.col_offset or first.lineno > second.lineno:
            raise EditError(f"not in this order in one block: {self.first}, {self.second}")
        texts = [source.encode()[slice(*_span(source, node))].decode() for node in (first, second)]
        return _replaced(_replaced(source, second, texts[0]), first, texts[1])


def find(source: str, target: str) -> ast.AST:
    """Return the class, function or assignment with this qualified name (`Class.method`, `NAME`)."""
    node: ast.AST = ast.parse(source)
    for name in target.split("."):
        node = _only([child for child in ast.iter_child_nodes(node) if name in _names(child)], target)
    return node


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _statement(source: str, target: str, beginning: str) -> ast.stmt:
    within = find(source, target)
    statements = [node for node in ast.walk(within) if isinstance(node, ast.stmt) and node is not within]
    return _only([node for node in statements if ast.unparse(node).startswith(beginning)], beginning)


def _is_store(node: ast.expr) -> bool:
    return isinstance(getattr(node, "ctx", None), ast.Store)


def _only(found: list[NodeT], name: str) -> NodeT:
    if len(found) != 1:
        raise EditError(f"found {len(found)} times: {name}")
    return found[0]


def _span(source: str, node: ast.expr | ast.stmt) -> tuple[int, int]:
    """Return where the node begins and ends, in bytes of UTF-8."""
    lines = [0]
    for line in source.encode().splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    end_lineno, end_col = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    return lines[node.lineno - 1] + node.col_offset, lines[end_lineno - 1] + end_col


def _replaced(source: str, node: ast.expr | ast.stmt, new: str) -> str:
    start, end = _span(source, node)
    encoded = source.encode()
    return (encoded[:start] + new.encode() + encoded[end:]).decode()
