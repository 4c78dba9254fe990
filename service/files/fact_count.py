"""The count of an execution's distinct facts."""

from collections import Counter
from collections.abc import Mapping

from service.domain.execution import Execution
from service.domain.facts import FactKind
from service.domain.port_types import SeekPoint
from service.files.fact_scan import FactScan
from service.ports import FactStore

_MAX_SEEK_POINTS = 256
_MAX_INDEX_BYTES = 64 * 1024


async def count_facts(facts: FactStore, execution: Execution) -> Mapping[FactKind, int]:
    """Count the distinct facts of each kind, and store seek points of what was counted."""
    scan, counts = FactScan(facts, execution), Counter[FactKind]()
    seek_points: list[SeekPoint] = []
    while paths := await scan.next_paths():
        for _, kinds in paths:
            counts.update(kinds.keys())
        seek_points.append(scan.seek_point)
    await facts.write_seek_points(execution, _thinned(seek_points))
    return {kind: counts[kind] for kind in FactKind}


def _thinned(seek_points: list[SeekPoint]) -> list[SeekPoint]:
    """Keep every n-th seek point, so that they fit into one item."""
    size_bytes = sum(len(path.encode()) + len(key.encode()) for path, key in seek_points)
    step = max(1, -(-len(seek_points) // _MAX_SEEK_POINTS), -(-size_bytes // _MAX_INDEX_BYTES))
    return seek_points[::step]
