"""The documentation's links, as GitHub shows it; that the site has them too is what `script/docs` checks."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.shell_blocks import CHECKOUT, pages

FILES = [*pages(), *(CHECKOUT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"))]
EVERY = pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CHECKOUT).as_posix())


def prose(path: Path) -> str:
    """Return the file's text without its code."""
    text = re.sub(r"^ *(```+).*?^ *\1 *$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "code", text)


def links(path: Path) -> list[str]:
    # A line may end within a link's text.
    return re.findall(r"\]\(\s*([^)\s]+)(?:\s+\"[^\"]*\")?\s*\)", prose(path))


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives the file's headings: a second one of a name has -1."""
    text = re.sub(r"^ *(```+).*?^ *\1 *$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


@EVERY
def test_a_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    for link in links(path):
        if urlsplit(link).scheme:
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert target.is_relative_to(CHECKOUT), link
        if anchor:
            assert anchor in anchors(target), link


@EVERY
def test_an_address_elsewhere_is_a_whole_one(path: Path) -> None:
    """Whether it answers, nobody can say without a network."""
    for link in links(path):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme in {"https", "mailto"}, link
            assert "." in (parts.hostname or parts.path), link


@EVERY
def test_a_list_begins_after_an_empty_line(path: Path) -> None:
    """GitHub sees a list right after a line of text, mkdocs does not."""
    lines = prose(path).splitlines()
    for before, line in itertools.pairwise(lines):
        if re.match(r"[-*] |\d+\. ", line) and before.strip() and not before.startswith((" ", "#", "<!--")):
            assert re.match(r"[-*] |\d+\. ", before), line
