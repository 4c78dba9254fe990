"""Filters and manifests."""

import pytest

from emulator.transfer.filters import manifest_paths, select_by_filters, select_by_manifest


def rule(value):
    return [{"FilterType": "SIMPLE_PATTERN", "Value": value}] if value else []


@pytest.mark.parametrize(
    ("includes", "excludes", "path", "chosen"),
    [
        ("", "", "/a", True),
        ("/a", "", "/a", True),
        ("/a", "", "/a/b/c", True),
        ("/a", "", "/ab", False),
        ("/a*", "", "/ab", True),
        ("/a/b", "", "/a", True),
        ("/a/b", "", "/", True),
        ("/a/b", "", "/a/c", False),
        ("/a|/b", "", "/b", True),
        ("/a/", "", "/a/x", True),
        (r"/a\|b", "", "/a|b", True),
        (r"/a\*", "", "/ab", False),
        (r"/a\*", "", "/a*", True),
        ("", "*.tmp", "/d/x.tmp", False),
        ("", "*.tmp", "/d/x.tmp.csv", True),
        ("", "/d", "/d/x", False),
        ("", "*/.snapshot", "/d/.snapshot/x", False),
        ("/d", "*.tmp", "/d/x.tmp", False),
        ("/d[1]", "", "/d1", False),
        ("", "*", "/a\nb", False),
    ],
)
def test_filters_select_paths(includes, excludes, path, chosen):
    assert select_by_filters(rule(includes), rule(excludes))(path) is chosen


def test_manifest_selects_paths_and_their_parent_folders():
    chosen = select_by_manifest(manifest_paths('d/a.csv\n"with ""quotes"", and\nline"\nversioned.txt,v1\n\n'))

    assert all(chosen(path) for path in ("/", "/d", "/d/a.csv", '/with "quotes", and\nline', "/versioned.txt"))
    assert not chosen("/d/b.csv")
