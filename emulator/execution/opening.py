"""Makes the parts of a transfer from what a task and an execution say."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from emulator.api.location_kinds import prefix
from emulator.arns import bucket_name, last_id, log_group_name
from emulator.execution.walk import Opened
from emulator.faults import Faults
from emulator.logs.basic import BasicLines
from emulator.logs.enhanced import EnhancedRecords
from emulator.logs.entries import Writing
from emulator.logs.forms import Forms
from emulator.logs.publishing import LogSink, Stream
from emulator.logs.store import LogStore
from emulator.reports.writer import ReportWriter
from emulator.state import Execution, Location, State, Task
from emulator.synthetic.script import script
from emulator.synthetic.shares import SyntheticShare, SyntheticShares
from emulator.synthetic.work import SyntheticJournal, SyntheticWork
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
_ENDS = ("SourceLocationArn", "DestinationLocationArn")


@dataclass(frozen=True)
class Log:
    """Where an execution's log goes, and in which words."""

    writing: Writing
    group: str
    stream: str
    level: str


@dataclass(frozen=True)
class Workshop:
    """What every transfer works with: resources, shares, S3, logs, faults, forms."""

    state: State
    account_id: str
    shares: Path
    s3: "S3Client"
    logs: LogSink
    faults: Faults
    forms: Forms
    synthetic: SyntheticShares

    async def open(self, execution: Execution, task: Task) -> Opened:
        """One execution, ready to begin; raises Unreachable if a location or the manifest is not there."""
        source, destination = (self.state.locations[task.request[end]] for end in _ENDS)
        log = self._log(execution, task)
        report = ReportWriter(self.s3, self.faults, self.account_id, (source, destination))
        share = self.synthetic.find(source.uri)
        if share is not None:
            return self._synthetic(execution, share, log, report)
        journal = Journal(execution.counters, log.writing, Stream(self.logs, log.group, log.stream), log.level)
        places = (self._source(source), self._destination(destination))
        disturbance = Disturbance(self.faults, execution.arn, places[0])
        steps = Steps(execution, places, await self._selects(execution), journal, disturbance)
        return Opened(steps, journal, functools.partial(report.write, execution, journal.entries))

    def _synthetic(self, execution: Execution, share: SyntheticShare, log: Log, report: ReportWriter) -> Opened:
        if not isinstance(self.logs, LogStore):
            raise Unreachable("A synthetic share needs the emulator's own logs")
        began_ms, verify_mode = self.logs.now_ms(), execution.options["VerifyMode"]
        written = script(share, log.writing, began_ms, log.level, verify_mode)
        journal = SyntheticJournal(self.logs, log.group, log.stream, written)
        work = SyntheticWork(execution, share, journal)
        return Opened(work, journal, functools.partial(report.write, execution, []))

    def _log(self, execution: Execution, task: Task) -> Log:
        name = self.forms.stream.replace("{task_id}", last_id(task.arn))
        stream = name.replace("{execution_id}", last_id(execution.arn))
        level = execution.options["LogLevel"]
        if execution.enhanced:
            source, destination = (task.request[end] for end in _ENDS)
            writing = EnhancedRecords(execution.arn, (source, destination), self.forms)
            return Log(writing, ENHANCED_LOG_GROUP, stream, level)
        group = log_group_name(task.request.get("CloudWatchLogGroupArn", ""))
        return Log(BasicLines(execution.arn, self.forms), group, stream, level if group else "OFF")

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
