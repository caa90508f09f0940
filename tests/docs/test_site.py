"""The documentation as a site: complete, without a warning, and without anything from somebody else's server."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.shell_blocks import CHECKOUT, pages

rewrite_links = runpy.run_path(str(CHECKOUT / "script/lib/docs_hook.py"))["rewrite_links"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site, as script/docs does."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    for path in pages():
        uri = path.relative_to(CHECKOUT / "docs" if path.parent != CHECKOUT else CHECKOUT).with_suffix("")
        folder = uri.parent if uri.name == "README" else uri
        assert (site / folder / "index.html").exists()


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        text = path.read_text("utf-8")
        loaded = re.findall(r'<(?:script|img|iframe|link rel="(?!canonical)[^"]*")[^>]*(?:src|href)="([^"]*)"', text)
        assert loaded
        assert [address for address in loaded if "//" in address] == [], path
    for path in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", path.read_text("utf-8")), path


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("index.md", "docs/tags.md#latest", "tags.md#latest"),
        ("index.md", "docs/ci/README.md", "ci/README.md"),
        ("index.md", ".env.example", "env-example.md"),
        ("ci/github.md", "../../README.md", "../index.md"),
        ("ci/github.md", "oidc.md", "oidc.md"),
        ("examples.md", "../examples/service", "examples.md"),
        ("tags.md", "https://example.com/docs/a.md", "https://example.com/docs/a.md"),
        ("tags.md", "#here", "#here"),
    ],
)
def test_a_link_between_files_is_a_link_between_pages(page: str, link: str, expected: str) -> None:
    assert rewrite_links(f"a [b]({link}) `[c](d.md)`", page) == f"a [b]({expected}) `[c](d.md)`"
