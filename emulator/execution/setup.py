"""Setup of an execution: the objects that it needs, built from its task, its request and the locations."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from emulator.api.location_kinds import subdirectory_prefix
from emulator.arns import bucket_name, last_id, log_group_name
from emulator.execution.execution_run import PreparedExecution
from emulator.faults import Faults
from emulator.logs.basic import BasicFormatter
from emulator.logs.enhanced import EnhancedFormatter
from emulator.logs.formatter import LogFormatter
from emulator.logs.store import LogStore
from emulator.logs.stream_writer import LogSink, LogStreamWriter
from emulator.logs.templates import Templates
from emulator.reports.writer import ReportWriter
from emulator.state import Execution, Location, State, Task
from emulator.synthetic.generated_log import generate_log
from emulator.synthetic.shares import SyntheticShare, SyntheticShares
from emulator.synthetic.steps import GeneratedLogPublisher, SyntheticSteps
from emulator.transfer.bucket import Bucket, BucketSource
from emulator.transfer.filters import PathSelector, manifest_paths, select_by_filters, select_by_manifest
from emulator.transfer.folder import FolderSource, share_folder
from emulator.transfer.locations import Destination, LocationUnavailableError, Source
from emulator.transfer.recorder import EventRecorder
from emulator.transfer.source_faults import SourceFaults
from emulator.transfer.steps import TransferSteps

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

ENHANCED_LOG_GROUP = "/aws/datasync"
_ENDS = ("SourceLocationArn", "DestinationLocationArn")


@dataclass(frozen=True)
class LogTarget:
    """Destination, format and level of an execution's log."""

    formatter: LogFormatter
    group: str
    stream: str
    level: str


@dataclass(frozen=True)
class ExecutionSetup:
    """Setup shared by all executions: resources, shares, S3, logs, faults, templates."""

    state: State
    account_id: str
    shares: Path
    s3: "S3Client"
    logs: LogSink
    faults: Faults
    templates: Templates
    synthetic: SyntheticShares

    async def prepare(self, execution: Execution, task: Task) -> PreparedExecution:
        """Return an execution that is ready to start.

        Raises LocationUnavailableError if a location or the manifest does not exist.
        """
        source, destination = (self.state.locations[task.request[end]] for end in _ENDS)
        log = self._log_target(execution, task)
        report = ReportWriter(self.s3, self.faults, self.account_id, (source, destination))
        share = self.synthetic.find(source.uri)
        if share is not None:
            return self._synthetic(execution, share, log, report)
        recorder = EventRecorder(
            execution.counters, log.formatter, LogStreamWriter(self.logs, log.group, log.stream), log.level
        )
        locations = (self._source(source), self._destination(destination))
        source_faults = SourceFaults(self.faults, execution.arn, locations[0])
        steps = TransferSteps(execution, locations, await self._path_selector(execution), recorder, source_faults)
        return PreparedExecution(steps, recorder, functools.partial(report.write, execution, recorder.events))

    def _synthetic(
        self, execution: Execution, share: SyntheticShare, log: LogTarget, report: ReportWriter
    ) -> PreparedExecution:
        if not isinstance(self.logs, LogStore):
            raise LocationUnavailableError("A synthetic share needs the emulator's own logs")
        started_ms, verify_mode = self.logs.now_ms(), execution.options["VerifyMode"]
        generated_log = generate_log(share, log.formatter, started_ms, log.level, verify_mode)
        publisher = GeneratedLogPublisher(self.logs, log.group, log.stream, generated_log)
        steps = SyntheticSteps(execution, share, publisher)
        return PreparedExecution(steps, publisher, functools.partial(report.write, execution, []))

    def _log_target(self, execution: Execution, task: Task) -> LogTarget:
        name = self.templates.stream.replace("{task_id}", last_id(task.arn))
        stream = name.replace("{execution_id}", last_id(execution.arn))
        level = execution.options["LogLevel"]
        if execution.enhanced:
            source, destination = (task.request[end] for end in _ENDS)
            formatter = EnhancedFormatter(execution.arn, (source, destination), self.templates)
            return LogTarget(formatter, ENHANCED_LOG_GROUP, stream, level)
        group = log_group_name(task.request.get("CloudWatchLogGroupArn", ""))
        return LogTarget(BasicFormatter(execution.arn, self.templates), group, stream, level if group else "OFF")

    def _source(self, location: Location) -> Source:
        if location.kind == "S3":
            return BucketSource(self._bucket(location))
        try:
            return FolderSource(share_folder(self.shares, location.uri))
        except LocationUnavailableError as error:
            raise LocationUnavailableError(
                f"Task failed to access location {last_id(location.arn)}: {error}"
            ) from error

    def _destination(self, location: Location) -> Destination:
        if location.kind != "S3":
            raise LocationUnavailableError(
                f"Location {last_id(location.arn)} is not in S3; the emulator writes only to S3"
            )
        return self._bucket(location)

    def _bucket(self, location: Location) -> Bucket:
        name = bucket_name(location.request["S3BucketArn"])
        return Bucket(self.s3, name, subdirectory_prefix(location.request), location.request["S3StorageClass"])

    async def _path_selector(self, execution: Execution) -> PathSelector:
        manifest = execution.request.get("ManifestConfig", {}).get("Source", {}).get("S3")
        if manifest is not None:
            return select_by_manifest(manifest_paths(await self._manifest(manifest)))
        return select_by_filters(execution.request.get("Includes", []), execution.request.get("Excludes", []))

    async def _manifest(self, where: dict[str, Any]) -> str:
        bucket, key = bucket_name(where["S3BucketArn"]), where["ManifestObjectPath"].lstrip("/")
        try:
            response = await self.s3.get_object(Bucket=bucket, Key=key)
            content = await response["Body"].read()
            return content.decode()
        except (ClientError, BotoCoreError, UnicodeError) as error:
            raise LocationUnavailableError(f"Manifest s3://{bucket}/{key} cannot be read: {error}") from error
