"""Writer of an execution's report."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from emulator.api.location_kinds import subdirectory_prefix
from emulator.arns import bucket_name
from emulator.faults import Faults
from emulator.reports.files import detailed_files, document, report_keys
from emulator.reports.records import KINDS, build_records
from emulator.reports.summary import build_summary
from emulator.state import Execution, Location
from emulator.transfer.item_events import TimedEvent

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_NOT_UPLOADED = "Failed to upload Task Report(s) to S3 due to an invalid bucket or IAM role"


@dataclass(frozen=True)
class ReportWriter:
    """Writer of one execution's report, if the configuration requests one; records the outcome in ReportResult."""

    s3: "S3Client"
    faults: Faults
    account_id: str
    locations: tuple[Location, Location]

    async def write(self, execution: Execution, events: list[TimedEvent]) -> None:
        """Write the summary and, for OutputType STANDARD, the detailed files.

        With the fault `report_missing` nothing is written, and ReportResult stays PENDING.
        """
        configuration = execution.request.get("TaskReportConfig", {})
        where = configuration.get("Destination", {}).get("S3")
        if where is None:
            return
        if self.faults.matching("report_missing", execution.arn):
            return
        try:
            for key, body in self._files(execution, configuration, subdirectory_prefix(where), events).items():
                await self.s3.put_object(Bucket=bucket_name(where["S3BucketArn"]), Key=key, Body=body)
        except (ClientError, BotoCoreError) as error:
            print(f"the report of {execution.arn} was not written: {error}", flush=True)
            execution.report_status, execution.report_error = "ERROR", ("ReportUploadFailed", _NOT_UPLOADED)
        else:
            execution.report_status = "SUCCESS"

    def _files(
        self, execution: Execution, configuration: dict[str, Any], prefix: str, events: list[TimedEvent]
    ) -> dict[str, bytes]:
        summary_prefix, detailed_prefix = report_keys(prefix, execution.arn)
        overview = document(build_summary(execution, self.account_id, self.locations))
        files = {f"{summary_prefix}{execution.arn.rpartition('/')[2]}.summary-v1.json": overview}
        if configuration.get("OutputType", "SUMMARY_ONLY") == "STANDARD":
            found = build_records(events, enhanced=execution.enhanced, levels=report_levels(configuration))
            details = detailed_files(execution.arn, found)
            files |= {f"{detailed_prefix}{name}": body for name, body in details.items()}
        return files


def report_levels(configuration: dict[str, Any]) -> dict[str, str]:
    """Return the ReportLevel of each kind: its override, else the report's own, else ERRORS_ONLY (inferred)."""
    overall = configuration.get("ReportLevel", "ERRORS_ONLY")
    overrides = configuration.get("Overrides", {})
    return {kind: overrides.get(kind, {}).get("ReportLevel", overall) for kind in KINDS}
