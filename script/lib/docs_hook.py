"""Lets mkdocs show files that lie outside of docs/, and makes the repository's links lead to pages of the site.

mkdocs calls the functions ``on_…`` (mkdocs.yml, ``hooks``). A link that leads to no page stays as it is, so that
mkdocs names it; with ``--strict`` that fails the build.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

CHECKOUT = Path(__file__).parents[2]
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "SECURITY.md": "SECURITY.md",
    ".env.example": "env-example.md",
    "LICENSE": "LICENSE",
}
"""Which file of the repository is which page of the site, beside those in docs/."""

EXAMPLES = "docs/examples.md"
"""The page for links into examples/, whose files are no pages."""

_LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def slug(heading: str, separator: str) -> str:
    """Return a heading's anchor as GitHub makes it: lower case, spaces as hyphens, no punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", separator)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the repository's own folder."""
    for source, target in PAGES.items():
        text = (CHECKOUT / source).read_text("utf-8")
        if source == ".env.example":
            text = f"# Every setting\n\nThe file `.env.example`:\n\n```sh\n{text}```\n"
        files.append(File.generated(config, target, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between the repository's files into links between the site's pages."""
    return rewrite_links(markdown, page.file.src_uri)


def rewrite_links(markdown: str, uri: str) -> str:
    """Return a page's Markdown with links to pages of the site; code and links to elsewhere stay."""
    folder = posixpath.dirname(_repository_path(uri))

    def rewrite(match: re.Match[str]) -> str:
        path, _, anchor = match[2].partition("#")
        if not path or "://" in path or path.startswith("mailto:"):
            return match[0]
        target = _site_uri(posixpath.normpath(posixpath.join(folder, path)))
        relative = posixpath.relpath(target, posixpath.dirname(uri) or ".")
        return f"{match[1]}{relative}{'#' if anchor else ''}{anchor}{match[3]}"

    parts, end = [], 0
    for code in _CODE.finditer(markdown):
        parts += [_LINK.sub(rewrite, markdown[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, _LINK.sub(rewrite, markdown[end:])])


def _repository_path(uri: str) -> str:
    return next((source for source, target in PAGES.items() if target == uri), f"docs/{uri}")


def _site_uri(path: str) -> str:
    """Return the page of a file of the repository; of a folder, its README."""
    if path in PAGES:
        return PAGES[path]
    if path.split("/")[0] == "examples":
        path = EXAMPLES
    elif (CHECKOUT / path / "README.md").exists():
        path += "/README.md"
    return path.removeprefix("docs/") if path.startswith("docs/") else f"../{path}"
