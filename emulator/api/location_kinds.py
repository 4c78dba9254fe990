"""Kinds of locations: the format of their URIs, and DataSync's defaults."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

Request = dict[str, Any]


@dataclass(frozen=True)
class LocationKind:
    """A kind of location; `root` returns its URI without the subdirectory, for a request and a Region."""

    name: str
    root: Callable[[Request, str], str]
    defaults: Request = field(default_factory=dict)

    def uri(self, request: Request, region: str) -> str:
        """Return TYPE://GLOBAL_ID/SUBDIR/. AWS's own code relies on the trailing slash."""
        return f"{self.root(request, region)}/{subdirectory_prefix(request)}"


def subdirectory_prefix(request: Request) -> str:
    """Return the subdirectory without a leading and with a trailing slash; an empty string for the root."""
    return "".join(f"{part}/" for part in request.get("Subdirectory", "").split("/") if part)


def _s3(request: Request, _region: str) -> str:
    arn: str = request["S3BucketArn"]
    return f"s3://{arn.partition(':::')[2] or arn}"


def _efs(request: Request, region: str) -> str:
    return f"efs://{region}.{_last(request['EfsFilesystemArn'])}"


def _ontap(request: Request, region: str) -> str:
    _, file_system, machine = request["StorageVirtualMachineArn"].rsplit("/", 2)
    scheme = "fsxn-smb" if "SMB" in request["Protocol"] else "fsxn-nfs"
    return f"{scheme}://{region}.{file_system}.{machine}"


def _fsx(scheme: str) -> Callable[[Request, str], str]:
    return lambda request, region: f"{scheme}://{region}.{_last(request['FsxFilesystemArn'])}"


def _server(scheme: str) -> Callable[[Request, str], str]:
    return lambda request, _region: f"{scheme}://{request['ServerHostname']}"


def _hdfs(request: Request, _region: str) -> str:
    node = request["NameNodes"][0]
    return f"hdfs://{node['Hostname']}:{node['Port']}"


def _object_storage(request: Request, _region: str) -> str:
    return f"object-storage://{request['ServerHostname']}/{request['BucketName']}"


def _azure(request: Request, _region: str) -> str:
    container = urlsplit(request["ContainerUrl"])
    return f"azure-blob://{container.netloc}{container.path.rstrip('/')}"


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]


KINDS = {
    kind.name: kind
    for kind in (
        LocationKind("S3", _s3, {"S3StorageClass": "STANDARD"}),
        LocationKind("Nfs", _server("nfs"), {"MountOptions": {"Version": "AUTOMATIC"}}),
        LocationKind("Smb", _server("smb"), {"MountOptions": {"Version": "AUTOMATIC"}, "AuthenticationType": "NTLM"}),
        LocationKind("Efs", _efs, {"InTransitEncryption": "NONE"}),
        LocationKind("FsxLustre", _fsx("fsxl")),
        LocationKind("FsxOpenZfs", _fsx("fsxz")),
        LocationKind("FsxWindows", _fsx("fsxw")),
        LocationKind("FsxOntap", _ontap),
        LocationKind("Hdfs", _hdfs, {"BlockSize": 134217728, "ReplicationFactor": 3}),
        LocationKind("ObjectStorage", _object_storage, {"ServerPort": 443, "ServerProtocol": "HTTPS"}),
        LocationKind("AzureBlob", _azure, {"BlobType": "BLOCK", "AccessTier": "HOT"}),
    )
}
