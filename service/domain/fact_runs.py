"""Runs of facts: the immutable form in which facts are stored, keyed by their content.

A run holds some facts of one page of the log, sorted by path. Storing the same facts again writes the same run, or runs
that overlap it, which a reader folds by path and kind. Nothing is ever overwritten with something else, so reading a
line twice, late or from two workers at once is harmless. A key by stream, token or event would be wrong: a page grows,
and a stale worker would overwrite it with less.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from operator import attrgetter
from typing import NamedTuple

import orjson

from service.domain.facts import Fact, FactKind

MAX_FACTS = 128
MIN_RUNS = 16
"""Facts of one page make at least so many runs, if there are enough. A run then spans a small part of all paths, even
in a log without order, so a reader buffers little and can start in the middle.
"""

MIN_FACTS = 8
"""Fewer facts a run save nothing: DynamoDB bills an item of less than 1 KB as a whole one."""

MAX_BYTES = 64 * 1024
"""The limit of a run's text. A DynamoDB item may have 400 KB, but a fact's detail may be long."""

_LOWER_BOUND_BYTES = 1000
_DIGEST_BYTES = 8
"""Bound and digest together fit into a sort key of 1,024 bytes."""

_path = attrgetter("path")


class FactRun(NamedTuple):
    """Some facts of an execution, sorted by path.

    Keys sort like the first paths of their runs. `text` is the facts as JSON: a list of path, size in bytes, kind,
    time in milliseconds since the epoch and, for a failure, detail.
    """

    key: str
    last_path: str
    text: str


def pack(facts: Sequence[Fact]) -> Iterator[FactRun]:
    """Pack facts into runs. Of facts with the same path and kind, only the last one is kept."""
    distinct = {(fact.path, fact.kind): fact for fact in facts}
    in_order = sorted(distinct.values(), key=_path)
    most = min(MAX_FACTS, max(MIN_FACTS, -(-len(in_order) // MIN_RUNS)))
    start = 0
    while start < len(in_order):
        count, size_bytes = 0, 0
        for fact in in_order[start : start + most]:
            # Each character of a path or a detail takes at most six bytes in JSON.
            size_bytes += 6 * (len(fact.path) + len(fact.detail or "")) + 80
            if count and size_bytes > MAX_BYTES:
                break
            count += 1
        yield _run(in_order[start : start + count])
        start += count


def unpack(key: str, text: str) -> list[Fact]:
    """Return the facts of a run. Raise ValueError for a text that `pack` did not make with this key."""
    if key.rpartition("\0")[2] != _digest(text.encode()):
        raise ValueError("not the text of this key")
    try:
        return [
            Fact(FactKind(kind), path, size_bytes, at_ms, detail[0] if detail else None)
            for path, size_bytes, kind, at_ms, *detail in orjson.loads(text)
        ]
    except TypeError as error:
        raise ValueError(f"not a run of facts: {error}") from error


def lower_bound(key: str) -> str:
    """Return a string that no path of the run with this key, or of a later one, is below."""
    return key.partition("\0")[0]


def _run(facts: Sequence[Fact]) -> FactRun:
    text = orjson.dumps([_row(fact) for fact in facts])
    first = facts[0].path.partition("\0")[0].encode()[:_LOWER_BOUND_BYTES].decode(errors="ignore")
    return FactRun(f"{first}\0{_digest(text)}", facts[-1].path, text.decode())


def _digest(text: bytes) -> str:
    return blake2b(text, digest_size=_DIGEST_BYTES).hexdigest()


def _row(fact: Fact) -> tuple[object, ...]:
    row = (fact.path, fact.size_bytes, fact.kind.value, fact.at_ms)
    return row if fact.detail is None else (*row, fact.detail)
