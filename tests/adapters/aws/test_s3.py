from urllib.parse import quote

import pytest

from service.adapters.aws.s3 import S3Objects
from service.domain.errors import AccessDeniedError, NotFoundError, TransientError
from service.domain.messages import StoredObject


@pytest.fixture
def objects(clients):
    return S3Objects(clients.s3)


def a_listing(*keys, truncated="false"):
    contents = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified>"
        "<ETag>&quot;e-1&quot;</ETag><Size>7</Size></Contents>"
        for key in keys
    )
    return (
        '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<EncodingType>url</EncodingType><IsTruncated>{truncated}</IsTruncated>{contents}</ListBucketResult>"
    )


async def test_keys_are_decoded(objects, stub):
    stub.answer(a_listing("a+b", "a%2Bb", "line%0Abreak%0D", "%00%EF%BF%BF", "%25"))
    page = await objects.list_page("b", prefix="", after="")
    assert [stored.key for stored in page.objects] == ["a b", "a+b", "line\nbreak\r", "\x00\uffff", "%"]
    assert page.objects[0] == StoredObject("a b", 7, "e-1", 1_767_323_045_678)
    assert "encoding-type=url" in stub.asked[0].path


async def test_listing_starts_after_any_key_and_shows_whether_more_follow(objects, stub):
    stub.answer(a_listing("b", truncated="true"))
    page = await objects.list_page("bucket", prefix="p/+", after="p/+\n&\uffff")
    assert not page.is_last
    assert f"prefix={quote('p/+', safe='')}" in stub.asked[0].path
    assert f"start-after={quote(chr(10).join(['p/+', '&' + chr(0xFFFF)]), safe='')}" in stub.asked[0].path


async def test_head_accepts_a_key_with_a_newline(objects, stub):
    stub.answer("", ETag='"e"', **{"Content-Length": "0", "Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT"})
    assert await objects.head("b", "line\nbreak/é") == StoredObject("line\nbreak/é", 0, "e", 1_767_323_045_000)
    assert stub.asked[0].path == "/b/line%0Abreak/%C3%A9"


async def test_missing_object_is_none_only_in_an_existing_bucket(objects, stub):
    stub.answer("", status=404)
    stub.answer("")
    assert await objects.head("b", "k") is None
    stub.answer("", "", status=404)
    with pytest.raises(NotFoundError, match="the bucket b"):
        await objects.head("b", "k")


async def test_forbidden_object_is_denied_and_not_missing(objects, stub):
    stub.answer("", status=403)
    with pytest.raises(AccessDeniedError, match="the object k in the bucket b"):
        await objects.head("b", "k")
    stub.refuse_as_s3("AccessDenied", 403)
    with pytest.raises(AccessDeniedError, match="the bucket b"):
        await objects.list_page("b", prefix="", after="")


async def test_listing_without_is_truncated_is_an_error(objects, stub):
    stub.answer("<ListBucketResult></ListBucketResult>")
    with pytest.raises(TransientError, match="IsTruncated"):
        await objects.list_page("b", prefix="", after="")
