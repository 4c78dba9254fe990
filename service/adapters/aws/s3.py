"""ports.Objects on S3."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from service.adapters.aws.errors import translated
from service.domain.errors import Absent
from service.domain.messages import StoredObject
from service.domain.records import ObjectPage

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client


class S3Objects:
    """Buckets that are named by their name or by an access point's ARN."""

    def __init__(self, client: "S3Client") -> None:
        self._client = client

    async def page(self, bucket: str, *, prefix: str, after: str) -> ObjectPage:
        """See ports.Objects."""
        # The SDK asks for percent-encoded keys and decodes them: XML cannot hold all that a key may.
        start: Any = {"StartAfter": after} if after else {}
        with translated("s3.ListObjectsV2", _about(bucket)):
            answer = await self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, **start)
            return ObjectPage(
                [
                    _stored(item["Key"], item["Size"], item["ETag"], item["LastModified"])
                    for item in answer.get("Contents", ())
                ],
                complete=not answer["IsTruncated"],
            )

    async def head(self, bucket: str, key: str) -> StoredObject | None:
        """See ports.Objects."""
        try:
            with translated("s3.HeadObject", f"the object {key} in {_about(bucket)}"):
                answer = await self._client.head_object(Bucket=bucket, Key=key)
                return _stored(key, answer["ContentLength"], answer["ETag"], answer["LastModified"])
        except Absent:
            # The answer to a HEAD has no body, so that it does not say which of the two is missing.
            with translated("s3.HeadBucket", _about(bucket)):
                await self._client.head_bucket(Bucket=bucket)
            return None


def _about(bucket: str) -> str:
    return f"the bucket {bucket}"


def _stored(key: str, size_bytes: int, etag: str, last_modified: datetime) -> StoredObject:
    return StoredObject(key, size_bytes, etag.strip('"'), round(last_modified.timestamp() * 1000))
