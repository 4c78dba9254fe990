import pytest

from service.domain.facts import Fact, FactKind, RecognizedLine, UnparsedReason
from service.parsing.basic import parse

AT_MS = 1_700_000_000_123
META = "type=R mode=0755 uid=0 gid=0 size=1 atime=1/0 mtime=1/0 extAttrsHash=0"


def fact(kind, path, size_bytes=None, detail=None):
    return Fact(kind, path, size_bytes, AT_MS, detail)


@pytest.mark.parametrize(
    ("line", "path", "size_bytes"),
    [
        ("[NOTICE] Verified file /a, 3 bytes\n", "a", 3),
        ("[NOTICE] Verified file /a, 3 bytes\r\n", "a", 3),
        ("[INFO] Verified file /a, 0 bytes", "a", 0),
        ("[TRACE] Verified file /a, 5497558138880 bytes", "a", 5 * 2**40),
        ("[NOTICE] Verified file a, 3 bytes", "a", 3),
        ("[NOTICE] Verified file //a, 3 bytes", "/a", 3),
        ("[NOTICE] Verified file / , 3 bytes", " ", 3),
        ("[NOTICE] Verified file /a,b/c,d.txt, 20 bytes", "a,b/c,d.txt", 20),
        ("[NOTICE] Verified file /x,, 3 bytes", "x,", 3),
        ("[NOTICE] Verified file /x, 9 bytes, 3 bytes", "x, 9 bytes", 3),
        ("[NOTICE] Verified file /x, 9 bytes/y, 3 bytes", "x, 9 bytes/y", 3),
        ("[NOTICE] Verified file /a, 3 bytes\n[NOTICE] Verified file /b, 4 bytes", None, 4),
    ],
)
def test_path_of_a_verified_file_is_the_whole_text_between_start_and_size(line, path, size_bytes):
    path = path or "a, 3 bytes\n[NOTICE] Verified file /b"
    assert parse(line, AT_MS) == fact(FactKind.VERIFIED, path, size_bytes)


@pytest.mark.parametrize(
    "line",
    [
        "[NOTICE] Verified file /a",
        "[NOTICE] Verified file /a, bytes",
        "[NOTICE] Verified file /a, -3 bytes",
        "[NOTICE] Verified file /a, 3 bytes ",
        "[NOTICE] Verified file /a, 3 bytes\n\n",
        "[NOTICE] Verified file /a, \u0663 bytes",
        "[NOTICE] Verified file /a, " + "9" * 5000 + " bytes",
        "[NOTICE] Verified",
        "[NOTICE] Verification failed",
        "[NOTICE] Verification failed /a",
        "[NOTICE] Verification failed >< /a",
        "[NOTICE] ",
    ],
)
def test_line_that_differs_slightly_from_a_known_format_is_unparsed(line):
    assert parse(line, AT_MS) is UnparsedReason.LEVEL_NOTICE


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("", UnparsedReason.UNKNOWN_FORMAT),
        ("\n", UnparsedReason.UNKNOWN_FORMAT),
        ("Verified file /a, 3 bytes", UnparsedReason.UNKNOWN_FORMAT),
        (" [NOTICE] Verified file /a, 3 bytes", UnparsedReason.UNKNOWN_FORMAT),
        ("[notice] Verified file /a, 3 bytes", UnparsedReason.UNKNOWN_FORMAT),
        ("[] Verified file /a, 3 bytes", UnparsedReason.UNKNOWN_FORMAT),
        ("[NOTICE]Verified file /a, 3 bytes", UnparsedReason.UNKNOWN_FORMAT),
        ('{"Action": "VERIFY"}', UnparsedReason.UNKNOWN_FORMAT),
        ("[DEBUG] something", UnparsedReason.UNKNOWN_FORMAT),
        ("[INFO] something", UnparsedReason.LEVEL_INFO),
        ("[NOTICE] something", UnparsedReason.LEVEL_NOTICE),
        ("[WARN] something", RecognizedLine.WARNING),
        ("[ERROR] something", RecognizedLine.ERROR),
    ],
)
def test_line_without_a_rule_is_classified_by_its_level(line, outcome):
    assert parse(line, AT_MS) is outcome


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("[WARN] Skipped file /a", RecognizedLine.SKIPPED),
        ("[ERROR] Verification failed <> /a", fact(FactKind.FAILED, "a", None, "<>")),
        ("[WARN] /a   srcMeta: type=R", RecognizedLine.VERIFICATION_DETAIL),
    ],
)
def test_rule_for_the_text_takes_precedence_over_the_level(line, outcome):
    assert parse(line, AT_MS) == outcome


@pytest.mark.parametrize("form", ["Verified file {}, 3 bytes", "Transferred file {}, 3 bytes", "Deleted file {}"])
@pytest.mark.parametrize("path", ["", "/"])
def test_file_without_a_name_is_unparsed(form, path):
    assert parse("[NOTICE] " + form.format(path), AT_MS) is UnparsedReason.NO_PATH


def test_failure_without_a_name_is_unparsed():
    assert parse("[NOTICE] Verification failed <> /", AT_MS) is UnparsedReason.NO_PATH


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("Verified file /d/, 0 bytes", fact(FactKind.DIRECTORY, "d/", 0)),
        ("Verified directory /d/e", fact(FactKind.DIRECTORY, "d/e")),
        ("Verified directory /d/", fact(FactKind.DIRECTORY, "d/")),
        ("Transferred file /d/", RecognizedLine.DIRECTORY),
        ("Deleted file /d/, 0 bytes", RecognizedLine.DIRECTORY),
        ("Verification failed <> /d/", RecognizedLine.VERIFICATION_DETAIL),
    ],
)
def test_path_with_a_trailing_slash_is_a_directory_and_a_fact_only_if_verified(line, outcome):
    assert parse(f"[NOTICE] {line}", AT_MS) == outcome


@pytest.mark.parametrize(
    "line",
    [
        "[INFO] Execution exec-0a finished with status Success.\n",
        "[NOTICE] Execution exec-0a finished with status Cancelled.",
    ],
)
def test_finish_line_is_recognized_at_any_level_and_status(line):
    assert parse(line, AT_MS) is RecognizedLine.FINISHED


@pytest.mark.parametrize(
    "line",
    [
        "[INFO] Execution exec-0a finished with status Success",
        "[INFO] Execution exec-0a finished with status Success.\n\n",
        "[INFO] Execution exec-0a finished with status Success. ",
        "[INFO] Execution exec-0a/x\nExecution exec-0a finished with status Success.",
        "[INFO]  Execution exec-0a finished with status Success.",
        "[INFO] x [INFO] Execution exec-0a finished with status Success.",
    ],
)
def test_text_that_only_contains_a_finish_line_is_not_one(line):
    assert parse(line, AT_MS) is UnparsedReason.LEVEL_INFO


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_path_of_a_failure_ends_before_the_line_that_repeats_it_with_metadata(newline):
    lines = ["[NOTICE] Verification failed <> /d/a", f"[NOTICE] /d/a   srcMeta: {META}", "[NOTICE]   srcHash: 0c"]
    detail = f"<> srcMeta: {META}{newline}[NOTICE]   srcHash: 0c"
    assert parse(newline.join(lines), AT_MS) == fact(FactKind.FAILED, "d/a", None, detail)


def test_failure_with_the_metadata_of_another_file_keeps_its_whole_path():
    path = f"a\n[NOTICE] /b   srcMeta: {META}"
    assert parse(f"[NOTICE] Verification failed <> /{path}", AT_MS) == fact(FactKind.FAILED, path, None, "<>")


def test_metadata_is_found_after_paths_of_up_to_4096_bytes():
    def event(path):
        return f"[NOTICE] Verification failed > {path}\n[NOTICE] {path}   dstMeta: {META}"

    longest, too_long = "/" + "a" * 4095, "/" + "a" * 4096
    assert parse(event(longest), AT_MS) == fact(FactKind.FAILED, longest[1:], None, f"> dstMeta: {META}")
    assert parse(event(too_long), AT_MS).path == event(too_long).partition("> /")[2]


def test_detail_of_a_failure_is_bounded_and_can_be_encoded():
    parsed = parse("[NOTICE] Verification failed <> /a\n[NOTICE] /a   srcMeta: " + "x\ud800" * 5000, AT_MS)
    assert parsed.path == "a"
    assert len(parsed.detail.encode()) == 1000
