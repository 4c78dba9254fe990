import pytest

from service.domain.facts import Fact, FactKind, Known, Unknown
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
def test_a_verified_file_has_the_whole_text_between_opening_and_size_as_its_path(line, path, size_bytes):
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
def test_what_is_almost_a_known_line_is_unknown(line):
    assert parse(line, AT_MS) is Unknown.LEVEL_NOTICE


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("", Unknown.FORM),
        ("\n", Unknown.FORM),
        ("Verified file /a, 3 bytes", Unknown.FORM),
        (" [NOTICE] Verified file /a, 3 bytes", Unknown.FORM),
        ("[notice] Verified file /a, 3 bytes", Unknown.FORM),
        ("[] Verified file /a, 3 bytes", Unknown.FORM),
        ("[NOTICE]Verified file /a, 3 bytes", Unknown.FORM),
        ('{"Action": "VERIFY"}', Unknown.FORM),
        ("[DEBUG] something", Unknown.FORM),
        ("[INFO] something", Unknown.LEVEL_INFO),
        ("[NOTICE] something", Unknown.LEVEL_NOTICE),
        ("[WARN] something", Known.WARNING),
        ("[ERROR] something", Known.ERROR),
    ],
)
def test_what_no_rule_reads_is_told_apart_by_its_level(line, outcome):
    assert parse(line, AT_MS) is outcome


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("[WARN] Skipped file /a", Known.SKIPPED),
        ("[ERROR] Verification failed <> /a", fact(FactKind.FAILED, "a", None, "<>")),
        ("[WARN] /a   srcMeta: type=R", Known.VERIFICATION_DETAIL),
    ],
)
def test_a_rule_for_the_text_goes_before_the_level(line, outcome):
    assert parse(line, AT_MS) == outcome


@pytest.mark.parametrize("form", ["Verified file {}, 3 bytes", "Transferred file {}, 3 bytes", "Deleted file {}"])
@pytest.mark.parametrize("path", ["", "/"])
def test_a_file_without_a_name_is_no_file(form, path):
    assert parse("[NOTICE] " + form.format(path), AT_MS) is Unknown.PATH


def test_a_failure_without_a_name_is_no_fact():
    assert parse("[NOTICE] Verification failed <> /", AT_MS) is Unknown.PATH


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("Verified file /d/, 0 bytes", fact(FactKind.DIRECTORY, "d/", 0)),
        ("Verified directory /d/e", fact(FactKind.DIRECTORY, "d/e")),
        ("Verified directory /d/", fact(FactKind.DIRECTORY, "d/")),
        ("Transferred file /d/", Known.DIRECTORY),
        ("Deleted file /d/, 0 bytes", Known.DIRECTORY),
        ("Verification failed <> /d/", Known.VERIFICATION_DETAIL),
    ],
)
def test_a_last_slash_makes_a_directory_which_is_a_fact_only_where_it_is_verified(line, outcome):
    assert parse(f"[NOTICE] {line}", AT_MS) == outcome


@pytest.mark.parametrize(
    "line",
    [
        "[INFO] Execution exec-0a finished with status Success.\n",
        "[NOTICE] Execution exec-0a finished with status Cancelled.",
    ],
)
def test_the_finish_line_is_one_whatever_the_level_and_the_status(line):
    assert parse(line, AT_MS) is Known.FINISHED


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
def test_what_only_contains_the_finish_line_does_not_finish_an_execution(line):
    assert parse(line, AT_MS) is Unknown.LEVEL_INFO


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_failure_ends_its_path_where_the_same_event_repeats_it_with_metadata(newline):
    lines = ["[NOTICE] Verification failed <> /d/a", f"[NOTICE] /d/a   srcMeta: {META}", "[NOTICE]   srcHash: 0c"]
    detail = f"<> srcMeta: {META}{newline}[NOTICE]   srcHash: 0c"
    assert parse(newline.join(lines), AT_MS) == fact(FactKind.FAILED, "d/a", None, detail)


def test_a_failure_with_another_files_metadata_keeps_its_whole_path():
    path = f"a\n[NOTICE] /b   srcMeta: {META}"
    assert parse(f"[NOTICE] Verification failed <> /{path}", AT_MS) == fact(FactKind.FAILED, path, None, "<>")


def test_metadata_is_looked_for_behind_every_path_that_datasync_can_have_and_no_further():
    def event(path):
        return f"[NOTICE] Verification failed > {path}\n[NOTICE] {path}   dstMeta: {META}"

    longest, too_long = "/" + "a" * 4095, "/" + "a" * 4096
    assert parse(event(longest), AT_MS) == fact(FactKind.FAILED, longest[1:], None, f"> dstMeta: {META}")
    assert parse(event(too_long), AT_MS).path == event(too_long).partition("> /")[2]


def test_a_failures_detail_is_bounded_and_can_be_encoded():
    parsed = parse("[NOTICE] Verification failed <> /a\n[NOTICE] /a   srcMeta: " + "x\ud800" * 5000, AT_MS)
    assert parsed.path == "a"
    assert len(parsed.detail.encode()) == 1000
