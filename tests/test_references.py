"""References: pages, sections and files that are named in comments and documents exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SECTION = re.compile(
    r"([a-z][a-z-]*)\.md`?,?\s+(?:#\s*|//[/!]?\s*)?(?:section\s+)?(\d+(?:\.\d+)?)\b"
)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def texts() -> list[Path]:
    folders = ("python", "rust", "tests", "benches", "docs", "chips", "examples")
    suffixes = ("*.py", "*.rs", "*.md", "*.toml", "*.pyi")
    found = [path for name in folders for each in suffixes for path in (ROOT / name).rglob(each)]
    return [*found, *ROOT.glob("*.md")]


def sections_of(page: Path) -> set[str]:
    """Numbers of headings, and of the points of a numbered list below one: `8.2`."""
    found, section = set(), ""
    for line in page.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"#+ (\d+(?:\.\d+)?)\.? ", line):
            section = heading[1]
            found.add(section)
        elif point := re.match(r"(\d+)\. ", line):
            found.add(f"{section}.{point[1]}")
    return found


def test_every_section_that_is_cited_is_a_heading_of_its_page():
    known = {page.stem: sections_of(page) for page in DOCS.glob("*.md")}
    cited = [
        (path.relative_to(ROOT), page, section)
        for path in texts()
        for page, section in SECTION.findall(path.read_text(encoding="utf-8"))
        if page in known
    ]
    assert len(cited) > 40
    assert [each for each in cited if each[2] not in known[each[1]]] == []


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file(page):
    links = LINK.findall(page.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


def test_every_page_that_is_cited_is_there():
    pages = {page.name for page in DOCS.glob("*.md")} | {"README.md", "ARCHITECTURE.md"}
    pages |= {"CHANGELOG.md", "digits.LICENSE.md", "LICENSE.md", "report.md"}
    named = {
        (path.relative_to(ROOT), name)
        for path in texts()
        for name in re.findall(r"\b([A-Za-z][\w.-]*\.md)\b", path.read_text(encoding="utf-8"))
    }
    assert sorted(f"{path}: {name}" for path, name in named if name not in pages) == []
