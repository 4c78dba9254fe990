"""A synthetic execution: counters that move, a log that is generated, nothing that is read or written."""

import asyncio

from emulator.counters import Tally
from emulator.logs.store import LogStore
from emulator.logs.tape import GeneratedTape
from emulator.state import Execution
from emulator.synthetic.script import Script
from emulator.synthetic.shares import SyntheticShare

_TURNS = 20


class SyntheticWork:
    """The three steps; each but the first takes as long as the share says."""

    def __init__(self, execution: Execution, share: SyntheticShare, journal: "SyntheticJournal") -> None:
        self._execution = execution
        self._share = share
        self._journal = journal

    async def prepare(self) -> None:
        """Everything is new."""
        counters, share = self._execution.counters, self._share
        counters.listed_at_source = Tally(share.files, share.all_folders)
        counters.to_transfer = Tally(share.files, share.all_folders)
        counters.prepared = Tally(share.files, share.all_folders)
        counters.bytes_to_transfer = share.all_bytes

    async def transfer(self) -> None:
        """The counters of the transfer rise to the end."""
        counters, share = self._execution.counters, self._share
        for turn in range(1, _TURNS + 1):
            await asyncio.sleep(share.seconds / _TURNS)
            counters.transferred = _part(share, turn)
            done = share.all_bytes * turn // _TURNS
            counters.bytes_written = counters.bytes_transferred = counters.bytes_compressed = done
            self._journal.reach(turn / _TURNS / 2)

    async def verify(self) -> None:
        """The counters of the verification rise to the end."""
        for turn in range(1, _TURNS + 1):
            await asyncio.sleep(self._share.seconds / _TURNS)
            self._execution.counters.verified = _part(self._share, turn)
            self._journal.reach(0.5 + turn / _TURNS / 2)


class SyntheticJournal:
    """Publishes a script, bit by bit, as a generated stream of the emulator's own logs."""

    def __init__(self, store: LogStore, group: str, stream: str, written: Script) -> None:
        self._store = store
        self._group = group
        self._stream = stream
        self._script = written
        self._published = 0

    async def open(self, *, make_group: bool) -> None:
        """Makes the stream, if there will be anything in it."""
        if not self._script.length or (not make_group and self._group not in self._store.groups):
            return
        if self._group not in self._store.groups:
            self._store.make_group(self._group)
        tape = GeneratedTape(lambda _: self._published, self._script.event)
        self._store.make_stream(self._group, self._stream, tape)

    def reach(self, share: float) -> None:
        """So much of the log, from 0 to 1, can be read now; the end of the log only after `close`."""
        self._published = int((self._script.length - len(self._script.closing)) * share)

    async def flush(self) -> None:
        """Nothing waits."""

    async def close(self, status: str) -> None:
        """All of the log can be read, unless the execution was broken off."""
        if status == "SUCCESS":
            self._published = self._script.length


def _part(share: SyntheticShare, turn: int) -> Tally:
    return Tally(share.files * turn // _TURNS, share.all_folders * turn // _TURNS)
