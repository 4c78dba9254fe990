"""DataSync's include and exclude filters, and manifests."""

import csv
import io
import re
from collections.abc import Callable
from typing import Any

PathSelector = Callable[[str], bool]
_DELIMITER = re.compile(r"(?<!\\)\|")


def select_by_filters(includes: list[dict[str, Any]], excludes: list[dict[str, Any]]) -> PathSelector:
    r"""Return a function that decides whether a path is transferred.

    Patterns are separated by `|`. `*` matches any text; `\` makes the next character literal. A pattern that matches a
    folder applies to everything in it. The parent folders of an included item are included.
    """
    included, excluded = _patterns(includes), _patterns(excludes)
    heads = [_literal_head(pattern) for pattern in _texts(includes)]

    def decide(path: str) -> bool:
        if any(pattern.fullmatch(each) for each in _with_parents(path) for pattern in excluded):
            return False
        if not included:
            return True
        if any(pattern.fullmatch(each) for each in _with_parents(path) for pattern in included):
            return True
        return any(head.startswith(path if path == "/" else f"{path}/") for head in heads)

    return decide


def manifest_paths(text: str) -> frozenset[str]:
    """Return the paths of a manifest: the first column of the CSV. The second, a version, is ignored."""
    return frozenset(f"/{row[0].strip('/')}" for row in csv.reader(io.StringIO(text)) if row and row[0])


def select_by_manifest(paths: frozenset[str]) -> PathSelector:
    """Return a function that decides whether a manifest lists a path or something in it."""
    parents = {parent for path in paths for parent in _with_parents(path)}
    return parents.__contains__


def _texts(filters: list[dict[str, Any]]) -> list[str]:
    return [text for each in filters for text in _DELIMITER.split(each["Value"]) if text]


def _patterns(filters: list[dict[str, Any]]) -> list[re.Pattern[str]]:
    return [re.compile(_expression(text.rstrip("/") or "/"), re.DOTALL) for text in _texts(filters)]


def _expression(text: str) -> str:
    pieces = re.findall(r"\\.|.", text, re.DOTALL)
    return "".join(".*" if piece == "*" else re.escape(piece[-1]) for piece in pieces)


def _literal_head(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text.partition("*")[0])


def _with_parents(path: str) -> list[str]:
    parts = path.strip("/").split("/")
    return ["/", *("/" + "/".join(parts[: number + 1]) for number in range(len(parts)) if parts[0])]
