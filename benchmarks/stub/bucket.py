"""S3's ListObjectsV2, with one object for each file."""

from bisect import bisect_right
from urllib.parse import parse_qs, quote

from benchmarks import workload

_OBJECTS_PER_PAGE = 1000


def list_objects_v2(files: int, query: str) -> bytes:
    after = parse_qs(query, errors="surrogateescape").get("start-after", [""])[0]
    start = bisect_right(range(files), after, key=_key)
    stop = min(start + _OBJECTS_PER_PAGE, files)
    contents = "".join(map(_object, range(start, stop)))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{workload.BUCKET}</Name><Prefix>{workload.PREFIX}</Prefix><KeyCount>{stop - start}</KeyCount>"
        f"<MaxKeys>{_OBJECTS_PER_PAGE}</MaxKeys><EncodingType>url</EncodingType>"
        f"<IsTruncated>{'true' if stop < files else 'false'}</IsTruncated>{contents}</ListBucketResult>"
    ).encode()


def _key(file: int) -> str:
    return workload.PREFIX + workload.path(file)


def _object(file: int) -> str:
    etag = workload.etag(file).replace('"', "&quot;")
    return (
        f"<Contents><Key>{quote(_key(file))}</Key><LastModified>2026-01-02T03:04:06.000Z</LastModified>"
        f"<ETag>{etag}</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
        f"<Size>{workload.size_bytes(file)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
    )
