"""Look files up in S3: by listing where they lie close together, one by one where they do not."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from service.domain.facts import MAX_PATH_BYTES
from service.domain.messages import StoredObject
from service.domain.records import ObjectPage
from service.ports import Objects
from service.worker.together import together

WORTH = 12
"""How many files a page of a listing must answer for: a LIST request costs about as much as twelve HEADs."""

MOST_HEADS = 4096
HEADS_AT_ONCE = 16


def before(key: str) -> str:
    """A string that sorts before the key, and behind nearly everything else that does.

    Listings begin behind a string, and there is no greatest string that is less than the key. Whatever stands between
    the two is merely listed too. No control character is made up: not every S3 answers to one.
    """
    head, previous = key[:-1], chr(ord(key[-1]) - 1 if key[-1] > "\0" else 0)
    if not previous.isprintable() or len(key.encode()) > MAX_PATH_BYTES - 4:
        return head
    return f"{head}{previous}\U0010ffff"


class Join:
    """A merge join of sorted keys with a bucket's listing. One walk's worth: keys only ever grow."""

    def __init__(self, objects: Objects, bucket: str, prefix: str) -> None:
        self._objects = objects
        self._bucket = bucket
        self._prefix = prefix
        self._page = ObjectPage((), complete=False)
        self._misses = 0
        self._heads_left = 0

    async def look_up(self, keys: Sequence[str]) -> dict[str, StoredObject]:
        """The objects of those keys that exist. Keys are sorted and none is less than one asked for before."""
        found: dict[str, StoredObject] = {}
        rest = list(keys)
        for _ in range(2 * len(keys)):  # A listing that answers for no key is followed by one that is looked up.
            covered = self._covered(rest)
            listed = dict(_pick(self._page.objects, rest[:covered]))
            # Not every S3 lists all keys where they belong, so what a listing lacks is asked for by its name.
            found |= listed | await self._heads([key for key in rest[:covered] if key not in listed])
            rest = rest[covered:]
            if not rest:
                break
            if self._heads_left:
                heads, rest = rest[: self._heads_left], rest[self._heads_left :]
                self._heads_left -= len(heads)
                found.update(await self._heads(heads))
            else:
                await self._list(rest)
        return found

    def _covered(self, keys: Sequence[str]) -> int:
        """How many of the first keys the page at hand can answer for."""
        if self._page.complete:
            return len(keys)
        return bisect_right(keys, self._page.objects[-1].key) if self._page.objects else 0

    async def _list(self, keys: Sequence[str]) -> None:
        """Read the next page; one that answers for few files is followed by single look-ups, ever more of them."""
        self._page = await self._objects.page(self._bucket, prefix=self._prefix, after=before(keys[0]))
        sparse = self._covered(keys) < min(WORTH, len(keys))
        self._misses = self._misses + 1 if sparse else 0
        self._heads_left = min(WORTH * 2 ** (self._misses - 1), MOST_HEADS) if sparse else 0

    async def _heads(self, keys: Sequence[str]) -> dict[str, StoredObject]:
        found: dict[str, StoredObject] = {}
        for start in range(0, len(keys), HEADS_AT_ONCE):
            some = keys[start : start + HEADS_AT_ONCE]
            objects = await together(self._objects.head(self._bucket, key) for key in some)
            found.update((key, stored) for key, stored in zip(some, objects, strict=True) if stored is not None)
        return found


def _pick(objects: Sequence[StoredObject], keys: Sequence[str]) -> Iterator[tuple[str, StoredObject]]:
    wanted = set(keys)
    return ((stored.key, stored) for stored in objects if stored.key in wanted)
