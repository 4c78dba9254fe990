import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from docs.draw_flow import PICTURE, drawing

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part == "inbox" for part in path.relative_to(ROOT).parts)
)

LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#{1,6} +(.+?)[ #]*$", re.MULTILINE)
EXTERNAL = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def links(page):
    """Return the targets of a page's links, without those that stand in code."""
    return LINK.findall(CODE.sub("", page))


def anchors(page):
    """Return the anchors that GitHub gives to a page's headings."""
    headings = HEADING.findall(re.sub(r"^(```|~~~).*?^\1", "", page, flags=re.DOTALL | re.MULTILINE))
    found = set()
    for heading in headings:
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        number = 1
        while (anchor := slug if number == 1 else f"{slug}-{number - 1}") in found:
            number += 1
        found.add(anchor)
    return found


def problem(path, link):
    """Return what is wrong with a relative link on a page, or None."""
    name, _, anchor = unquote(link).partition("#")
    target = (path.parent / name).resolve() if name else path
    if not target.is_relative_to(ROOT):
        return f"{link} leads out of the repository"
    if not target.exists():
        return f"{link} does not exist"
    if anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
        return f"{link} names a heading that does not exist"
    return None


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_to_an_existing_file_and_heading(path):
    relative = [link for link in links(path.read_text(encoding="utf-8")) if not EXTERNAL.match(link)]
    assert [found for link in relative if (found := problem(path, link))] == []


def test_pages_with_links_are_found():
    names = {str(path.relative_to(ROOT)) for path in PAGES}
    assert {"README.md", "CONTRIBUTING.md", "docs/README.md", "deploy/ecs/README.md"} <= names
    assert len(links((ROOT / "docs/README.md").read_text(encoding="utf-8"))) > 20


def test_broken_link_is_noticed(tmp_path):
    page = ROOT / "docs" / "README.md"
    assert problem(page, "nowhere.md") == "nowhere.md does not exist"
    assert problem(page, "states.md#nowhere") == "states.md#nowhere names a heading that does not exist"
    assert problem(page, f"{'../' * 9}etc/hosts") is not None
    assert problem(page, "states.md#phases") is None
    assert links("`[a](b.md)` [c](d.md)\n```\n[e](f.md)\n```\n") == ["d.md"]


def test_anchors_are_those_that_github_makes():
    page = "# A `code` & more\n\n## Twice\n\n## Twice\n\n```\n# no heading\n```\n## Why not …\n"
    assert anchors(page) == {"a-code--more", "twice", "twice-1", "why-not-"}


def test_every_page_of_the_docs_is_in_an_index():
    listed = {
        (index.parent / link.partition("#")[0]).resolve()
        for index in (ROOT / "docs/README.md", ROOT / "docs/adr/README.md")
        for link in links(index.read_text(encoding="utf-8"))
    }
    assert [
        path for path in (ROOT / "docs").rglob("*.md") if path not in listed and path != ROOT / "docs/README.md"
    ] == []


def test_picture_of_the_flow_is_up_to_date():
    assert PICTURE.read_text(encoding="utf-8") == drawing(), "stale: run `.venv/bin/python docs/draw_flow.py`"
