from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.adapters.memory.world import MemoryObjects
from service.domain.errors import Absent, Denied
from service.domain.messages import StoredObject
from service.worker.join import WORTH, Join, before
from tests.domain.examples import START_MS
from tests.virtual_time import run

PREFIX = "in/"


@dataclass
class CountedObjects(MemoryObjects):
    """Objects that count what they are asked."""

    lists: int = 0
    heads: list[str] = field(default_factory=list)

    async def page(self, bucket, *, prefix, after):
        self.lists += 1
        return await super().page(bucket, prefix=prefix, after=after)

    async def head(self, bucket, key):
        self.heads.append(key)
        return await super().head(bucket, key)


def bucket_of(keys, page_size=1000):
    return CountedObjects({"bucket": {key: StoredObject(key, 3, "etag", START_MS) for key in keys}}, page_size)


async def looked_up(objects, keys, chunk=1000):
    """All keys in chunks, as a publisher asks for them."""
    join = Join(objects, "bucket", PREFIX)
    found = {}
    for start in range(0, len(keys), chunk):
        found |= await join.look_up(keys[start : start + chunk])
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
def test_a_join_finds_what_single_look_ups_find(stored, wanted, page_size, chunk):
    found = run(looked_up(bucket_of(stored, page_size), sorted(wanted), chunk))
    assert set(found) == stored & wanted
    assert all(key == stored_object.key for key, stored_object in found.items())


@given(
    st.sets(st.integers(min_value=0, max_value=3000)),
    st.sets(st.integers(min_value=0, max_value=3000)),
    st.integers(min_value=1, max_value=60),
)
@settings(max_examples=40)
def test_a_join_finds_what_single_look_ups_find_in_buckets_of_any_density(stored, wanted, page_size):
    objects = bucket_of({f"{PREFIX}{n:04}" for n in stored}, page_size)
    keys = [f"{PREFIX}{n:04}" for n in sorted(wanted)]
    assert set(run(looked_up(objects, keys, 100))) == {f"{PREFIX}{n:04}" for n in stored & wanted}


@pytest.mark.parametrize("key", ["a", "dir/b", "\0", "a\0", "\ue000", "é" * 512, "x" * 1024])
def test_the_string_before_a_key_is_one_that_s3_takes(key):
    start = before(key)
    assert start < key
    assert len(start.encode()) <= 1024


# What it costs.


async def test_where_files_lie_close_together_pages_are_listed_and_nothing_is_looked_up_singly():
    keys = numbered(10_000)
    objects = bucket_of(keys)
    assert len(await looked_up(objects, keys)) == 10_000
    assert objects.lists <= 11
    assert objects.heads == []


async def test_where_every_tenth_object_is_wanted_listing_is_still_the_cheaper_way():
    objects = bucket_of(numbered(10_000))
    await looked_up(objects, numbered(1000, 10))
    assert objects.lists <= 11
    assert objects.heads == []


async def test_where_few_of_many_objects_are_wanted_they_are_looked_up_singly():
    objects = bucket_of(numbered(100_000))
    await looked_up(objects, numbered(100, 1000))
    assert objects.lists <= 5
    assert len(objects.heads) <= 100


async def test_after_a_sparse_stretch_a_dense_one_is_listed_again():
    dense = [f"{PREFIX}z{n:05}" for n in range(5000)]
    objects = bucket_of([*numbered(100_000), *dense])
    await looked_up(objects, [*numbered(100, 1000), *dense])
    assert objects.lists + len(objects.heads) / WORTH < 400


async def test_a_single_file_costs_one_call():
    objects = bucket_of(numbered(100_000))
    await looked_up(objects, [f"{PREFIX}{5:07}"])
    assert (objects.lists, objects.heads) == (1, [])


async def test_files_that_are_not_there_are_asked_for_once_each():
    objects, keys = bucket_of([]), numbered(2000)
    assert await looked_up(objects, keys) == {}
    assert (objects.lists, objects.heads) == (1, keys)


async def test_an_empty_stretch_asks_nothing():
    objects = bucket_of(numbered(10))
    assert await looked_up(objects, []) == {}
    assert await Join(objects, "bucket", PREFIX).look_up([]) == {}
    assert (objects.lists, objects.heads) == (0, [])


@given(
    st.sets(st.integers(min_value=0, max_value=5000), min_size=1, max_size=200),
    st.integers(min_value=1, max_value=100),
)
@settings(max_examples=30)
def test_a_join_costs_no_more_than_all_pages_and_twice_the_single_look_ups(wanted, page_size):
    stored = numbered(5000)
    objects = bucket_of(stored, page_size * 10)
    run(looked_up(objects, [f"{PREFIX}{n:07}" for n in sorted(wanted)]))
    pages = 1 + len(stored) // (page_size * 10)
    cost = objects.lists + len(objects.heads) / WORTH
    assert cost <= 4 + pages + 2 * len(wanted) / WORTH


@pytest.mark.parametrize("dense", [True, False])
async def test_a_bucket_that_is_gone_is_not_an_empty_one(dense):
    join = Join(CountedObjects({}), "bucket", PREFIX)
    join._heads_left = 0 if dense else 1
    with pytest.raises(Absent):
        await join.look_up([f"{PREFIX}a"])


async def test_objects_that_may_not_be_seen_are_not_missing():
    class Forbidden(MemoryObjects):
        async def page(self, *_args, **_kwargs):
            raise Denied("s3.ListObjectsV2", "no")

    with pytest.raises(Denied):
        await Join(Forbidden(), "bucket", PREFIX).look_up([f"{PREFIX}a"])


async def test_what_a_listing_leaves_out_is_asked_for_by_its_name():
    class Forgetful(CountedObjects):
        """A store that sorts keys otherwise than S3 does, so that a listing does not show all behind a key."""

        async def page(self, bucket, *, prefix, after):
            page = await super().page(bucket, prefix=prefix, after=after)
            return page._replace(objects=[stored for stored in page.objects if "ü" not in stored.key])

    objects = Forgetful({"bucket": bucket_of(["in/a", "in/ü"]).buckets["bucket"]})
    assert await looked_up(objects, ["in/a", "in/b", "in/ü"]) == objects.buckets["bucket"]
    assert objects.heads == ["in/b", "in/ü"]
