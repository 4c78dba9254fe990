"""The six typical cases of deciding about a file, as data.

`test_six_cases.py` runs them through the service's code, and `docs/deciding-a-file.md` shows them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

POINT_IN_TIME = "POINT_IN_TIME_CONSISTENT"
ONLY_TRANSFERRED = "ONLY_FILES_TRANSFERRED"

PUBLISHES = "publishes its files"
EVIDENCE = "gives evidence only"
NOT_IN_PLAN = "not in the plan"

COMPLETE, INCOMPLETE = "complete", "incomplete"


@dataclass(frozen=True)
class CaseExecution:
    """An execution of the case's task. `ran` are the times of day of its start and end, UTC.

    `log` is complete if it matched DataSync's counters. `role` is the expected role in the plan.
    """

    name: str
    ran: tuple[str, str]
    status: str
    verify_mode: str
    phase: str
    log: str
    role: str


@dataclass(frozen=True)
class CaseFile:
    """A file, the facts of each execution about it, and the expected decision with its reason.

    `last_modified` is the time of day in S3. `published_before` is the stored outcome by execution. `decision` is
    `published as X` (a message with the id of X's file), `unchanged in X` (X verified it, and it is not new),
    `superseded in X` (X verified it, and newer evidence decides), `failed`, or `skipped` (nothing is stored).
    """

    path: str
    facts: Mapping[str, str]
    last_modified: str
    decision: str
    because: str
    published_before: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A task's executions in start order, the one that is being published, and files about which it decides."""

    title: str
    story: str
    publishing: str
    executions: tuple[CaseExecution, ...]
    files: tuple[CaseFile, ...]


BOTH = "transferred verified"
A, B, C = ("10:00", "10:30"), ("11:00", "11:30"), ("12:00", "12:30")

CASES = (
    Case(
        "Carried",
        "A ended in ERROR because one file failed. DataSync does not transfer A's good files again, so they are "
        "published together with B, the next SUCCESS.",
        "B",
        (
            CaseExecution("A", A, "ERROR", ONLY_TRANSFERRED, "CARRIED", COMPLETE, PUBLISHES),
            CaseExecution("B", B, "SUCCESS", ONLY_TRANSFERRED, "PUBLISHING", COMPLETE, PUBLISHES),
        ),
        (
            CaseFile("good.csv", {"A": BOTH}, "10:05", "published as A", "only A has facts about it"),
            CaseFile(
                "repaired.csv",
                {"A": "transferred failed", "B": BOTH},
                "11:05",
                "published as B",
                "B is newer and verified it",
            ),
            CaseFile(
                "broken.csv",
                {"A": "transferred failed"},
                "10:06",
                "failed",
                "it failed verification in A and has left the source since",
            ),
        ),
    ),
    Case(
        "Superseded",
        "A and B ended in ERROR and are carried. B and C have newer facts about some of A's files. The newest facts "
        "decide.",
        "C",
        (
            CaseExecution("A", A, "ERROR", ONLY_TRANSFERRED, "CARRIED", COMPLETE, PUBLISHES),
            CaseExecution("B", B, "ERROR", ONLY_TRANSFERRED, "CARRIED", COMPLETE, PUBLISHES),
            CaseExecution("C", C, "SUCCESS", ONLY_TRANSFERRED, "PUBLISHING", COMPLETE, PUBLISHES),
        ),
        (
            CaseFile(
                "changed.csv",
                {"A": BOTH, "B": BOTH},
                "11:05",
                "superseded in A, published as B",
                "B transferred a newer version",
            ),
            CaseFile(
                "corrupt.csv",
                {"A": BOTH, "B": "transferred failed"},
                "11:06",
                "superseded in A, failed",
                "B replaced it by a version that failed verification",
            ),
            CaseFile("deleted.csv", {"A": BOTH, "C": "deleted"}, "-", "superseded in A", "C deleted it"),
        ),
    ),
    Case(
        "Held",
        "A waits for a person, so nothing of it is published. Its facts still count as evidence: what A transferred "
        "and did not publish is new to B.",
        "B",
        (
            CaseExecution("A", A, "SUCCESS", POINT_IN_TIME, "HELD", INCOMPLETE, EVIDENCE),
            CaseExecution("B", B, "SUCCESS", POINT_IN_TIME, "PUBLISHING", COMPLETE, PUBLISHES),
        ),
        (
            CaseFile(
                "again.csv",
                {"A": BOTH, "B": "verified"},
                "10:05",
                "published as B",
                "A transferred it and did not publish it",
            ),
            CaseFile(
                "waiting.csv",
                {"A": BOTH},
                "10:06",
                "skipped",
                "only A verified it, and A is held; it has left the source since",
            ),
            CaseFile("new.csv", {"B": BOTH}, "11:05", "published as B", "B transferred it"),
        ),
    ),
    Case(
        "Released late",
        "A was held, and B was published before a person released A. B is newer, so B's facts decide where it has any. "
        "A publishes only the rest.",
        "A",
        (
            CaseExecution("A", A, "SUCCESS", ONLY_TRANSFERRED, "PUBLISHING", COMPLETE, PUBLISHES),
            CaseExecution("B", B, "SUCCESS", ONLY_TRANSFERRED, "PUBLISHED", COMPLETE, EVIDENCE),
        ),
        (
            CaseFile(
                "changed.csv",
                {"A": BOTH, "B": BOTH},
                "11:05",
                "superseded in A",
                "B transferred a newer version and has published it",
                {"B": "published"},
            ),
            CaseFile("waiting.csv", {"A": BOTH}, "10:06", "published as A", "only A has facts about it"),
            CaseFile("deleted.csv", {"A": BOTH, "B": "deleted"}, "-", "superseded in A", "B deleted it"),
        ),
    ),
    Case(
        "POINT_IN_TIME_CONSISTENT",
        "A is published completely. B verified the whole dataset again, so a verified file need not be new. It is new "
        "if B transferred it, or if S3 wrote it after B started.",
        "B",
        (
            CaseExecution("A", A, "SUCCESS", POINT_IN_TIME, "PUBLISHED", COMPLETE, NOT_IN_PLAN),
            CaseExecution("B", B, "SUCCESS", POINT_IN_TIME, "PUBLISHING", COMPLETE, PUBLISHES),
        ),
        (
            CaseFile(
                "old.csv",
                {"A": BOTH, "B": "verified"},
                "10:05",
                "unchanged in B",
                "S3 wrote it before B started",
                {"A": "published"},
            ),
            CaseFile("written.csv", {"B": "verified"}, "11:05", "published as B", "S3 wrote it after B started"),
            CaseFile("logged.csv", {"B": BOTH}, "11:06", "published as B", "B's log states that B transferred it"),
        ),
    ),
    Case(
        "Incomplete log",
        "A is published, but its log lacked lines, so some of A's files were not published. Each file that A did "
        "publish is known. All others count as new if S3 wrote them since A started.",
        "B",
        (
            CaseExecution("A", A, "SUCCESS", POINT_IN_TIME, "PUBLISHED", INCOMPLETE, EVIDENCE),
            CaseExecution("B", B, "SUCCESS", POINT_IN_TIME, "PUBLISHING", COMPLETE, PUBLISHES),
        ),
        (
            CaseFile(
                "known.csv",
                {"A": BOTH, "B": "verified"},
                "10:05",
                "unchanged in B",
                "A has published it, and S3 has not written it since",
                {"A": "published"},
            ),
            CaseFile("lost.csv", {"B": "verified"}, "10:06", "published as B", "S3 wrote it after A started"),
            CaseFile(
                "half.csv",
                {"A": "transferred", "B": "verified"},
                "10:07",
                "published as B",
                "A transferred it and did not publish it",
            ),
        ),
    ),
)
