"""Makes the parts of a transfer from what a task and an execution say."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from emulator.api.location_kinds import prefix
from emulator.arns import bucket_name, last_id, log_group_name, task_of
from emulator.faults import Faults
from emulator.logs.basic import BasicLines
from emulator.logs.enhanced import EnhancedRecords
from emulator.logs.forms import Forms
from emulator.logs.publishing import LogSink, Stream
from emulator.state import Execution, Location, State, Task
from emulator.transfer.bucket import Bucket, BucketSource
from emulator.transfer.disturbance import Disturbance
from emulator.transfer.filters import Selects, in_manifest, manifest_paths, selected
from emulator.transfer.folder import FolderSource, share_folder
from emulator.transfer.journal import Journal
from emulator.transfer.places import Destination, Source, Unreachable
from emulator.transfer.steps import Steps

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

ENHANCED_LOG_GROUP = "/aws/datasync"


@dataclass(frozen=True)
class Workshop:
    """What every transfer works with: the resources, the folder of shares, S3, the logs, the faults, the forms."""

    state: State
    shares: Path
    s3: "S3Client"
    logs: LogSink
    faults: Faults
    forms: Forms

    async def open(self, execution: Execution, task: Task) -> tuple[Steps, Journal]:
        """The steps and the journal of one execution; raises Unreachable if a location or the manifest is not there."""
        ends = [self.state.locations[task.request[f"{end}LocationArn"]] for end in ("Source", "Destination")]
        source, destination = self._source(ends[0]), self._destination(ends[1])
        journal = self._journal(execution, task)
        disturbance = Disturbance(self.faults, execution.arn, source)
        return Steps(execution, (source, destination), await self._selects(execution), journal, disturbance), journal

    def _journal(self, execution: Execution, task: Task) -> Journal:
        locations = (task.request["SourceLocationArn"], task.request["DestinationLocationArn"])
        enhanced = EnhancedRecords(execution.arn, locations, self.forms)
        writing = enhanced if execution.enhanced else BasicLines(execution.arn, self.forms)
        group = log_group_name(task.request.get("CloudWatchLogGroupArn", ""))
        if execution.enhanced:
            group = ENHANCED_LOG_GROUP
        name = self.forms.stream.replace("{task_id}", last_id(task_of(execution.arn)))
        stream = Stream(self.logs, group, name.replace("{execution_id}", last_id(execution.arn)))
        log_level = execution.options["LogLevel"] if group else "OFF"
        return Journal(execution.counters, writing, stream, log_level)

    def _source(self, location: Location) -> Source:
        if location.kind == "S3":
            return BucketSource(self._bucket(location))
        try:
            return FolderSource(share_folder(self.shares, location.uri))
        except Unreachable as error:
            raise Unreachable(f"Task failed to access location {last_id(location.arn)}: {error}") from error

    def _destination(self, location: Location) -> Destination:
        if location.kind != "S3":
            raise Unreachable(f"Location {last_id(location.arn)} is not in S3; this emulator writes to S3 only")
        return self._bucket(location)

    def _bucket(self, location: Location) -> Bucket:
        name = bucket_name(location.request["S3BucketArn"])
        return Bucket(self.s3, name, prefix(location.request), location.request["S3StorageClass"])

    async def _selects(self, execution: Execution) -> Selects:
        manifest = execution.request.get("ManifestConfig", {}).get("Source", {}).get("S3")
        if manifest is not None:
            return in_manifest(manifest_paths(await self._manifest(manifest)))
        return selected(execution.request.get("Includes", []), execution.request.get("Excludes", []))

    async def _manifest(self, where: dict[str, Any]) -> str:
        bucket, key = bucket_name(where["S3BucketArn"]), where["ManifestObjectPath"].lstrip("/")
        try:
            answer = await self.s3.get_object(Bucket=bucket, Key=key)
            content = await answer["Body"].read()
            return content.decode()
        except (ClientError, BotoCoreError, UnicodeError) as error:
            raise Unreachable(f"Manifest s3://{bucket}/{key} cannot be read: {error}") from error
