"""The lookup of objects in S3: by listing where files are dense, one by one where they are sparse."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from service.concurrency import run_all
from service.domain.facts import MAX_PATH_BYTES
from service.domain.messages import StoredObject
from service.domain.port_types import ObjectPage
from service.ports import Objects

HEADS_PER_LIST = 12
"""The files that a page of a listing must answer for: a LIST request costs about as much as twelve HEAD requests."""

MAX_HEADS_IN_A_ROW = 4096
_CONCURRENT_HEADS = 16


def largest_before(key: str) -> str:
    """Return a string just below a non-empty key, for `StartAfter`.

    Keys between the two are listed needlessly, which is harmless. No control character is added, because some S3
    implementations reject them.
    """
    head, previous = key[:-1], chr(ord(key[-1]) - 1 if key[-1] > "\0" else 0)
    if not previous.isprintable() or len(key.encode()) > MAX_PATH_BYTES - 4:
        return head
    return f"{head}{previous}\U0010ffff"


class ObjectLookup:
    """A merge join of sorted keys with a bucket's listing. Ask for keys in ascending order."""

    def __init__(self, objects: Objects, bucket: str, prefix: str) -> None:
        self._objects = objects
        self._bucket = bucket
        self._prefix = prefix
        self._page = ObjectPage((), is_last=False)
        self._sparse_pages = 0
        self._heads_left = 0

    async def look_up(self, keys: Sequence[str]) -> dict[str, StoredObject]:
        """Return the objects of those keys that exist. Keys are sorted, and none is less than an earlier one."""
        found: dict[str, StoredObject] = {}
        rest = list(keys)
        for _ in range(2 * len(keys)):  # Each page answers for a key, or is followed by a HEAD request.
            answered = self._answered_by_page(rest)
            listed = dict(_select(self._page.objects, rest[:answered]))
            # Some S3 implementations omit keys from a listing, so a missing key is asked for by its name.
            found |= listed | await self._heads([key for key in rest[:answered] if key not in listed])
            rest = rest[answered:]
            if not rest:
                break
            if self._heads_left:
                heads, rest = rest[: self._heads_left], rest[self._heads_left :]
                self._heads_left -= len(heads)
                found.update(await self._heads(heads))
            else:
                await self._list(rest)
        return found

    def _answered_by_page(self, keys: Sequence[str]) -> int:
        """Return how many of the first keys the current page answers for."""
        if self._page.is_last:
            return len(keys)
        return bisect_right(keys, self._page.objects[-1].key) if self._page.objects else 0

    async def _list(self, keys: Sequence[str]) -> None:
        """Read the next page. After each sparse page in a row, ask for twice as many keys one by one."""
        self._page = await self._objects.list_page(self._bucket, prefix=self._prefix, after=largest_before(keys[0]))
        is_sparse = self._answered_by_page(keys) < min(HEADS_PER_LIST, len(keys))
        self._sparse_pages = self._sparse_pages + 1 if is_sparse else 0
        heads = HEADS_PER_LIST * 2 ** (self._sparse_pages - 1) if is_sparse else 0
        self._heads_left = min(heads, MAX_HEADS_IN_A_ROW)

    async def _heads(self, keys: Sequence[str]) -> dict[str, StoredObject]:
        found: dict[str, StoredObject] = {}
        for start in range(0, len(keys), _CONCURRENT_HEADS):
            some = keys[start : start + _CONCURRENT_HEADS]
            objects = await run_all(self._objects.head(self._bucket, key) for key in some)
            found.update((key, stored) for key, stored in zip(some, objects, strict=True) if stored is not None)
        return found


def _select(objects: Sequence[StoredObject], keys: Sequence[str]) -> Iterator[tuple[str, StoredObject]]:
    wanted = set(keys)
    return ((stored.key, stored) for stored in objects if stored.key in wanted)
