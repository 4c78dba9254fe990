"""An S3 location, read and written as DataSync does."""

import errno
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from emulator.transfer.items import Item, Kind
from emulator.transfer.locations import PART_BYTES, Listing, LocationUnavailableError, regroup
from emulator.transfer.object_metadata import item_from_object, user_metadata

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import CompletedPartTypeDef

_S3_ERRORS = (ClientError, BotoCoreError, UnicodeError)  # UnicodeError: a key must be UTF-8
_METADATA_FOLDER = ".aws-datasync/"  # DataSync's metadata in a destination; not part of the transfer


class Bucket:
    """A bucket and a prefix: the destination, and the source of transfers from S3 to S3.

    `prefix` is empty or ends with a slash. A folder is an empty object whose key ends with `/`; the location's root is
    the object with the key `prefix`, if the prefix is not empty.
    """

    def __init__(self, s3: "S3Client", bucket: str, prefix: str, storage_class: str = "STANDARD") -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix
        self._storage_class: Any = storage_class

    def key(self, item: Item) -> str:
        """Return the key of an item; empty for the root of a location without a prefix."""
        inside = item.path.removeprefix("/")
        return f"{self._prefix}{inside}{'/' if item.folder and inside else ''}"

    async def listing(self) -> Listing:
        """List every object under the prefix, by key."""
        items = []
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            async for page in pages:
                for each in page.get("Contents", []):
                    inside = each["Key"].removeprefix(self._prefix)
                    if not inside.startswith(_METADATA_FOLDER):
                        kind = Kind.FOLDER if inside.endswith("/") or not inside else Kind.FILE
                        mtime_ns = int(each["LastModified"].timestamp()) * 10**9
                        items.append(Item(f"/{inside.rstrip('/')}", kind, each["Size"], mtime_ns))
        except (ClientError, BotoCoreError) as error:
            raise LocationUnavailableError(f"FsS3UnableToConnectToEndpoint: {error}") from error
        return Listing(items)

    async def stat(self, item: Item) -> Item | None:
        """Return the object of an item, with the metadata that DataSync stored as user metadata; None if missing."""
        key = self.key(item)
        if not key:
            return item
        try:
            head = await self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise OSError("S3 Head Object Failed") from error
        except _S3_ERRORS as error:
            raise OSError("S3 Head Object Failed") from error
        return item_from_object(item, head["ContentLength"], head["LastModified"], head["Metadata"])

    async def object_item(self, path: str) -> Item:
        """Return an object as an item of a source; its time is S3's LastModified.

        Raises FileNotFoundError if it does not exist.
        """
        item = Item(path, Kind.FILE, 0, 0)
        try:
            head = await self._s3.head_object(Bucket=self._bucket, Key=self.key(item))
        except ClientError as error:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from error
        return replace(item, size_bytes=head["ContentLength"], mtime_ns=int(head["LastModified"].timestamp()) * 10**9)

    async def put(self, item: Item, parts: AsyncIterator[bytes]) -> int:
        """Store an item, by multipart upload from PART_BYTES on; return the number of bytes written."""
        key = self.key(item)
        if not key:
            return 0
        try:
            first = await anext(parts, b"")
            if len(first) == PART_BYTES:
                return await self._put_parts(key, item, first, parts)
            await self._s3.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=first,
                Metadata=user_metadata(item),
                StorageClass=self._storage_class,
            )
        except _S3_ERRORS as error:
            raise OSError(f"S3 Put Object Failed: {error}") from error
        return len(first)

    async def parts(self, item: Item) -> AsyncIterator[bytes]:
        """Yield the object's content."""
        key = self.key(item)
        if not key or item.folder:
            return
        try:
            response = await self._s3.get_object(Bucket=self._bucket, Key=key)
            async for part in regroup(response["Body"].iter_chunks(PART_BYTES)):
                yield part
        except _S3_ERRORS as error:
            raise OSError("S3 Get Object Failed") from error

    async def delete(self, item: Item) -> None:
        """Delete the object."""
        try:
            await self._s3.delete_object(Bucket=self._bucket, Key=self.key(item))
        except _S3_ERRORS as error:
            raise OSError("S3 Delete Object Failed") from error

    async def _put_parts(self, key: str, item: Item, first: bytes, rest: AsyncIterator[bytes]) -> int:
        upload = await self._s3.create_multipart_upload(
            Bucket=self._bucket, Key=key, Metadata=user_metadata(item), StorageClass=self._storage_class
        )
        where: Any = {"Bucket": self._bucket, "Key": key, "UploadId": upload["UploadId"]}
        try:
            done, written = await self._upload(where, first, rest)
            await self._s3.complete_multipart_upload(**where, MultipartUpload={"Parts": done})
        except BaseException:
            with suppress(*_S3_ERRORS):
                await self._s3.abort_multipart_upload(**where)
            raise
        return written

    async def _upload(
        self, where: dict[str, Any], first: bytes, rest: AsyncIterator[bytes]
    ) -> tuple[list["CompletedPartTypeDef"], int]:
        done: list[CompletedPartTypeDef] = []
        written = 0
        part = first
        while part:
            number = len(done) + 1
            response = await self._s3.upload_part(**where, PartNumber=number, Body=part)
            done.append({"PartNumber": number, "ETag": response["ETag"]})
            written += len(part)
            part = await anext(rest, b"")
        return done, written


class BucketSource:
    """A bucket as the source; an object's time is S3's LastModified."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._folders: dict[str, Item] = {}

    async def listing(self) -> Listing:
        """List the objects. The root is listed as a folder even if it has no object."""
        items = (await self._bucket.listing()).items
        root = Item("/", Kind.FOLDER, 0, 0)
        found = [root, *(item for item in items if item.path != "/")]
        self._folders = {item.path: item for item in found if item.folder}
        return Listing(found)

    async def stat(self, path: str) -> Item:
        """Return the current state of one object."""
        return self._folders.get(path) or await self._bucket.object_item(path)

    def parts(self, item: Item) -> AsyncIterator[bytes]:
        """Yield the object's content."""
        return self._bucket.parts(item)
