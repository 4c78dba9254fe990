"""ports.Objects on S3."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from service.adapters.aws.errors import translate_errors
from service.domain.errors import NotFoundError
from service.domain.messages import StoredObject
from service.domain.port_types import ObjectPage

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client


class S3Objects:
    """Buckets, each given by its name or by an access point's ARN."""

    def __init__(self, client: "S3Client") -> None:
        self._client = client

    async def list_page(self, bucket: str, *, prefix: str, after: str) -> ObjectPage:
        # The SDK asks for percent-encoded keys and decodes them, because XML cannot hold every key.
        start: Any = {"StartAfter": after} if after else {}
        with translate_errors("s3.ListObjectsV2", _resource(bucket)):
            answer = await self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, **start)
            return ObjectPage(
                [
                    _stored_object(item["Key"], item["Size"], item["ETag"], item["LastModified"])
                    for item in answer.get("Contents", ())
                ],
                is_last=not answer["IsTruncated"],
            )

    async def head(self, bucket: str, key: str) -> StoredObject | None:
        try:
            with translate_errors("s3.HeadObject", f"the object {key} in {_resource(bucket)}"):
                answer = await self._client.head_object(Bucket=bucket, Key=key)
                return _stored_object(key, answer["ContentLength"], answer["ETag"], answer["LastModified"])
        except NotFoundError:
            # The answer to a HEAD request has no body, so it does not show whether the key or the bucket is missing.
            with translate_errors("s3.HeadBucket", _resource(bucket)):
                await self._client.head_bucket(Bucket=bucket)
            return None


def _resource(bucket: str) -> str:
    return f"the bucket {bucket}"


def _stored_object(key: str, size_bytes: int, etag: str, last_modified: datetime) -> StoredObject:
    return StoredObject(key, size_bytes, etag.strip('"'), round(last_modified.timestamp() * 1000))
