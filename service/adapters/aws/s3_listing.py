"""Reader for the answers to S3's ListObjectsV2: it parses the XML once, the SDK parses it twice.

The reader takes flat listings of status 200 whose elements are all in the tables below. Any other answer goes to the
SDK unchanged: errors, broken XML, common prefixes, owners, restore statuses, and elements that are new, repeated, or
in another namespace. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_Table = Mapping[str, tuple[str, Callable[[str], Any]]]
"""The member's name and the function that reads its text, by the element's tag."""

_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_ROOT = f"{_NAMESPACE}ListBucketResult"
_CONTENTS = f"{_NAMESPACE}Contents"


def register(client: "S3Client") -> None:
    """Read the listings that `client` receives."""
    # The wildcard makes the handler run before the SDK's handlers for `s3.*`, one of which parses the whole body to
    # find errors with status 200. In the other order the answer is the same and takes longer.
    client.meta.events.register("before-parse.*.ListObjectsV2", _read)


def _read(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """Add a listing's members to the SDK's answer and empty the body; or leave both as they are."""
    if response_dict["status_code"] != 200:
        return
    # A KeyError is an element that is in no table; a ValueError is a repeated element or a malformed text.
    with suppress(ET.ParseError, KeyError, ValueError):
        customized_response_dict.update(_listing(response_dict["body"]))
        response_dict["body"] = b""


def _listing(body: bytes) -> dict[str, Any]:
    # S3 declares UTF-8, and the SDK reads UTF-8 whatever is declared.
    parser = ET.XMLParser(encoding="utf-8")  # noqa: S314  (the SDK parses S3's answers with this parser too)
    root = ET.fromstring(body, parser)  # noqa: S314  (as above)
    if root.tag != _ROOT:
        raise KeyError(root.tag)
    contents = [_members(child, _OBJECT) for child in root if child.tag == _CONTENTS]
    listing = _members([child for child in root if child.tag != _CONTENTS], _LISTING)
    return listing | {"Contents": contents} if contents else listing


def _members(elements: Iterable[ET.Element], table: _Table) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for element in elements:
        name, read = table[element.tag]
        if name in members:
            raise ValueError(name)
        members[name] = read(element.text or "")
    return members


def _boolean(text: str) -> bool:
    return text == "true"


def _time(text: str) -> datetime:
    if not text.endswith("Z"):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def _list_of_one(text: str) -> list[str]:
    return [text]


def _table(members: Mapping[Callable[[str], Any], str]) -> _Table:
    return {_NAMESPACE + name: (name, read) for read, names in members.items() for name in names.split()}


_LISTING = _table(
    {
        str: "Name Prefix Delimiter EncodingType ContinuationToken NextContinuationToken StartAfter",
        int: "MaxKeys KeyCount",
        _boolean: "IsTruncated",
    },
)
_OBJECT = _table(
    {
        str: "Key ETag ChecksumType StorageClass",
        int: "Size",
        _time: "LastModified",
        _list_of_one: "ChecksumAlgorithm",
    },
)
