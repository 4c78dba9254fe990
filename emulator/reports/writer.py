"""Writes an execution's report after its end."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from emulator.api.location_kinds import prefix
from emulator.arns import bucket_name
from emulator.faults import Faults
from emulator.reports.files import detailed_files, document, report_keys
from emulator.reports.records import KINDS, records
from emulator.reports.summary import summary
from emulator.state import Execution, Location
from emulator.transfer.outcomes import Dated

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

_NOT_UPLOADED = "Failed to upload Task Report(s) to S3 due to an invalid bucket or IAM role"


@dataclass(frozen=True)
class ReportWriter:
    """Writes the report of one execution, if its configuration asks for one; ReportResult tells how it went."""

    s3: "S3Client"
    faults: Faults
    account_id: str
    locations: tuple[Location, Location]

    async def write(self, execution: Execution, entries: list[Dated]) -> None:
        """Summary and, for STANDARD, detailed files; for the fault `report_missing` it stays PENDING for ever."""
        configuration = execution.request.get("TaskReportConfig", {})
        where = configuration.get("Destination", {}).get("S3")
        if where is None:
            return
        if self.faults.of("report_missing", execution.arn):
            return
        try:
            for key, body in self._files(execution, configuration, prefix(where), entries).items():
                await self.s3.put_object(Bucket=bucket_name(where["S3BucketArn"]), Key=key, Body=body)
        except (ClientError, BotoCoreError) as error:
            print(f"no report on {execution.arn}: {error}", flush=True)
            execution.report_status, execution.report_error = "ERROR", ("ReportUploadFailed", _NOT_UPLOADED)
        else:
            execution.report_status = "SUCCESS"

    def _files(
        self, execution: Execution, configuration: dict[str, Any], below: str, entries: list[Dated]
    ) -> dict[str, bytes]:
        for_summary, for_details = report_keys(below, execution.arn)
        overview = document(summary(execution, self.account_id, self.locations))
        files = {f"{for_summary}{execution.arn.rpartition('/')[2]}.summary-v1.json": overview}
        if configuration.get("OutputType", "SUMMARY_ONLY") == "STANDARD":
            found = records(entries, enhanced=execution.enhanced, levels=report_levels(configuration))
            details = detailed_files(execution.arn, found)
            files |= {f"{for_details}{name}": body for name, body in details.items()}
        return files


def report_levels(configuration: dict[str, Any]) -> dict[str, str]:
    """The ReportLevel of each kind: its override, or the report's own, or ERRORS_ONLY (inferred)."""
    overall = configuration.get("ReportLevel", "ERRORS_ONLY")
    overrides = configuration.get("Overrides", {})
    return {kind: overrides.get(kind, {}).get("ReportLevel", overall) for kind in KINDS}
