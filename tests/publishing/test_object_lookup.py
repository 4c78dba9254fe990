from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.domain.errors import AccessDeniedError, NotFoundError
from service.domain.messages import StoredObject
from service.publishing.object_lookup import HEADS_PER_LIST, ObjectLookup, largest_before
from tests.domain.examples import START_MS
from tests.fakes.services import MemoryObjects
from tests.virtual_time import run

PREFIX = "in/"


@dataclass
class CountedObjects(MemoryObjects):
    """Objects that count the calls."""

    lists: int = 0
    heads: list[str] = field(default_factory=list)

    async def list_page(self, bucket, *, prefix, after):
        self.lists += 1
        return await super().list_page(bucket, prefix=prefix, after=after)

    async def head(self, bucket, key):
        self.heads.append(key)
        return await super().head(bucket, key)


def bucket_of(keys, page_size=1000):
    return CountedObjects({"bucket": {key: StoredObject(key, 3, "etag", START_MS) for key in keys}}, page_size)


async def looked_up(objects, keys, chunk=1000):
    """Look up all keys in chunks, as a publisher does."""
    lookup = ObjectLookup(objects, "bucket", PREFIX)
    found = {}
    for start in range(0, len(keys), chunk):
        found |= await lookup.look_up(keys[start : start + chunk])
    return found


def numbered(count, step=1):
    return [f"{PREFIX}{n:07}" for n in range(0, count * step, step)]


KEYS = st.text(st.sampled_from("\0\x01 a/~é\ud7ff\ue000￾\uffff\U0001f600\U0010ffff"), max_size=3).map(PREFIX.__add__)


@given(
    st.sets(KEYS.filter(lambda key: key != PREFIX), max_size=40),
    st.sets(KEYS.filter(lambda key: key != PREFIX), max_size=40),
    st.integers(min_value=1, max_value=5),
    st.integers(min_value=1, max_value=9),
)
@settings(max_examples=150)
@example({"in/a"}, {"in/a"}, 1, 1)
def test_lookup_finds_the_same_objects_as_single_heads(stored, wanted, page_size, chunk):
    found = run(looked_up(bucket_of(stored, page_size), sorted(wanted), chunk))
    assert set(found) == stored & wanted
    assert all(key == stored_object.key for key, stored_object in found.items())


@given(
    st.sets(st.integers(min_value=0, max_value=3000)),
    st.sets(st.integers(min_value=0, max_value=3000)),
    st.integers(min_value=1, max_value=60),
)
@settings(max_examples=40)
def test_lookup_finds_the_same_objects_in_buckets_of_any_density(stored, wanted, page_size):
    objects = bucket_of({f"{PREFIX}{n:04}" for n in stored}, page_size)
    keys = [f"{PREFIX}{n:04}" for n in sorted(wanted)]
    assert set(run(looked_up(objects, keys, 100))) == {f"{PREFIX}{n:04}" for n in stored & wanted}


@pytest.mark.parametrize("key", ["a", "dir/b", "\0", "a\0", "\ue000", "é" * 512, "x" * 1024])
def test_string_before_a_key_is_valid_for_s3(key):
    start = largest_before(key)
    assert start < key
    assert len(start.encode()) <= 1024


# Number of requests.


async def test_dense_files_are_listed_without_single_heads():
    keys = numbered(10_000)
    objects = bucket_of(keys)
    assert len(await looked_up(objects, keys)) == 10_000
    assert objects.lists <= 11
    assert objects.heads == []


async def test_every_tenth_object_is_dense_enough_for_listing():
    objects = bucket_of(numbered(10_000))
    await looked_up(objects, numbered(1000, 10))
    assert objects.lists <= 11
    assert objects.heads == []


async def test_sparse_files_are_looked_up_by_single_heads():
    objects = bucket_of(numbered(100_000))
    await looked_up(objects, numbered(100, 1000))
    assert objects.lists <= 5
    assert len(objects.heads) <= 100


async def test_dense_files_after_sparse_ones_are_listed_again():
    dense = [f"{PREFIX}z{n:05}" for n in range(5000)]
    objects = bucket_of([*numbered(100_000), *dense])
    await looked_up(objects, [*numbered(100, 1000), *dense])
    assert objects.lists + len(objects.heads) / HEADS_PER_LIST < 400


async def test_single_file_costs_one_call():
    objects = bucket_of(numbered(100_000))
    await looked_up(objects, [f"{PREFIX}{5:07}"])
    assert (objects.lists, objects.heads) == (1, [])


async def test_missing_files_are_asked_for_once_each():
    objects, keys = bucket_of([]), numbered(2000)
    assert await looked_up(objects, keys) == {}
    assert (objects.lists, objects.heads) == (1, keys)


async def test_no_keys_make_no_call():
    objects = bucket_of(numbered(10))
    assert await looked_up(objects, []) == {}
    assert await ObjectLookup(objects, "bucket", PREFIX).look_up([]) == {}
    assert (objects.lists, objects.heads) == (0, [])


@given(
    st.sets(st.integers(min_value=0, max_value=5000), min_size=1, max_size=200),
    st.integers(min_value=1, max_value=100),
)
@settings(max_examples=30)
def test_lookup_costs_no_more_than_all_pages_and_twice_the_single_heads(wanted, page_size):
    stored = numbered(5000)
    objects = bucket_of(stored, page_size * 10)
    run(looked_up(objects, [f"{PREFIX}{n:07}" for n in sorted(wanted)]))
    pages = 1 + len(stored) // (page_size * 10)
    cost = objects.lists + len(objects.heads) / HEADS_PER_LIST
    assert cost <= 4 + pages + 2 * len(wanted) / HEADS_PER_LIST


@pytest.mark.parametrize("dense", [True, False])
async def test_missing_bucket_is_an_error_and_not_an_empty_bucket(dense):
    lookup = ObjectLookup(CountedObjects({}), "bucket", PREFIX)
    lookup._heads_left = 0 if dense else 1
    with pytest.raises(NotFoundError):
        await lookup.look_up([f"{PREFIX}a"])


async def test_denied_access_is_an_error_and_not_a_missing_object():
    class Forbidden(MemoryObjects):
        async def list_page(self, *_args, **_kwargs):
            raise AccessDeniedError("s3.ListObjectsV2", "no")

    with pytest.raises(AccessDeniedError):
        await ObjectLookup(Forbidden(), "bucket", PREFIX).look_up([f"{PREFIX}a"])


async def test_key_that_a_listing_omits_is_asked_for_by_its_name():
    class Forgetful(CountedObjects):
        """A store whose listings omit some keys, because it sorts them in another order than S3."""

        async def list_page(self, bucket, *, prefix, after):
            page = await super().list_page(bucket, prefix=prefix, after=after)
            return page._replace(objects=[stored for stored in page.objects if "ü" not in stored.key])

    objects = Forgetful({"bucket": bucket_of(["in/a", "in/ü"]).buckets["bucket"]})
    assert await looked_up(objects, ["in/a", "in/b", "in/ü"]) == objects.buckets["bucket"]
    assert objects.heads == ["in/b", "in/ü"]
