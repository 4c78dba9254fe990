"""The summary report, with the keys of a real one (Enhanced mode, December 2024)."""

from datetime import datetime
from typing import Any

from emulator.api.executions import result_fields
from emulator.arns import last_id
from emulator.counters import describe_counters
from emulator.reports.records import format_time
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


def build_summary(execution: Execution, account_id: str, locations: tuple[Location, Location]) -> dict[str, Any]:
    """Return the document for an execution that has ended."""
    source, destination = (_location(each) for each in locations)
    result = result_fields(execution)
    return {
        "TaskExecutionId": last_id(execution.arn),
        "AccountId": account_id,
        "TaskMode": execution.mode,
        "SourceLocation": source,
        "DestinationLocation": destination,
        "StartTime": _optional_time(execution.started_at),
        "EndTime": _optional_time(execution.ended_at),
        "TotalTime": result.pop("TotalDuration"),
        "OverallStatus": execution.status,
        "Result": describe_counters(execution.counters, enhanced=execution.enhanced) | result,
        "Options": execution.options,
        "Filters": {name: execution.request.get(name, []) for name in ("Includes", "Excludes")},
        "TaskReportConfig": execution.request["TaskReportConfig"],
    }


def _location(location: Location) -> dict[str, Any]:
    return {
        "LocationType": _TYPES.get(location.kind, "Amazon FSx"),
        "LocationId": last_id(location.arn),
        "CreationTime": _optional_time(location.created_at),
    }


def _optional_time(at: datetime | None) -> str | None:
    return format_time(at) if at else None
