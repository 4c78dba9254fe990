from urllib.parse import quote

import pytest

from service.adapters.aws.s3 import S3Objects
from service.domain.errors import Absent, Denied, Transient
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


async def test_keys_come_decoded_as_s3_encodes_them(objects, stub):
    stub.answer(a_listing("a+b", "a%2Bb", "line%0Abreak%0D", "%00%EF%BF%BF", "%25"))
    page = await objects.page("b", prefix="", after="")
    assert [stored.key for stored in page.objects] == ["a b", "a+b", "line\nbreak\r", "\x00\uffff", "%"]
    assert page.objects[0] == StoredObject("a b", 7, "e-1", 1_767_323_045_678)
    assert "encoding-type=url" in stub.asked[0].path


async def test_a_listing_begins_after_any_key_and_says_whether_it_is_complete(objects, stub):
    stub.answer(a_listing("b", truncated="true"))
    page = await objects.page("bucket", prefix="p/+", after="p/+\n&\uffff")
    assert not page.complete
    assert f"prefix={quote('p/+', safe='')}" in stub.asked[0].path
    assert f"start-after={quote(chr(10).join(['p/+', '&' + chr(0xFFFF)]), safe='')}" in stub.asked[0].path


async def test_a_key_with_a_newline_can_be_headed(objects, stub):
    stub.answer("", ETag='"e"', **{"Content-Length": "0", "Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT"})
    assert await objects.head("b", "line\nbreak/é") == StoredObject("line\nbreak/é", 0, "e", 1_767_323_045_000)
    assert stub.asked[0].path == "/b/line%0Abreak/%C3%A9"


async def test_a_missing_object_is_none_only_in_a_bucket_that_is_there(objects, stub):
    stub.answer("", status=404)
    stub.answer("")
    assert await objects.head("b", "k") is None
    stub.answer("", "", status=404)
    with pytest.raises(Absent, match="the bucket b"):
        await objects.head("b", "k")


async def test_no_leave_to_look_is_denied_and_not_missing(objects, stub):
    stub.answer("", status=403)
    with pytest.raises(Denied, match="the object k in the bucket b"):
        await objects.head("b", "k")
    stub.refuse_as_s3("AccessDenied", 403)
    with pytest.raises(Denied, match="the bucket b"):
        await objects.page("b", prefix="", after="")


async def test_a_listing_that_does_not_say_whether_it_is_complete_is_none(objects, stub):
    stub.answer("<ListBucketResult></ListBucketResult>")
    with pytest.raises(Transient, match="IsTruncated"):
        await objects.page("b", prefix="", after="")
