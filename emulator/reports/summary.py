"""The summary report, with the keys of a real one (Enhanced mode, December 2024)."""

from datetime import datetime
from typing import Any

from emulator.api.executions import result
from emulator.arns import last_id
from emulator.counters import described
from emulator.reports.records import instant
from emulator.state import Execution, Location

_TYPES = {
    "S3": "Amazon S3",
    "Nfs": "NFS",
    "Smb": "SMB",
    "Efs": "Amazon EFS",
    "Hdfs": "HDFS",
    "ObjectStorage": "Object storage",
    "AzureBlob": "Azure Blob Storage",
}


def summary(execution: Execution, account_id: str, locations: tuple[Location, Location]) -> dict[str, Any]:
    """The document on an execution that has ended."""
    source, destination = (_location(each) for each in locations)
    outcome = result(execution)
    return {
        "TaskExecutionId": last_id(execution.arn),
        "AccountId": account_id,
        "TaskMode": execution.mode,
        "SourceLocation": source,
        "DestinationLocation": destination,
        "StartTime": _instant(execution.started_at),
        "EndTime": _instant(execution.ended_at),
        "TotalTime": outcome.pop("TotalDuration"),
        "OverallStatus": execution.status,
        "Result": described(execution.counters, enhanced=execution.enhanced) | outcome,
        "Options": execution.options,
        "Filters": {name: execution.request.get(name, []) for name in ("Includes", "Excludes")},
        "TaskReportConfig": execution.request["TaskReportConfig"],
    }


def _location(location: Location) -> dict[str, Any]:
    return {
        "LocationType": _TYPES.get(location.kind, "Amazon FSx"),
        "LocationId": last_id(location.arn),
        "CreationTime": _instant(location.created_at),
    }


def _instant(at: datetime | None) -> str | None:
    return instant(at) if at else None
