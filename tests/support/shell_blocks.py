"""The shell blocks of the documentation, and what the comments before them say about running them.

    python -m tests.support.shell_blocks    lists how many blocks of each page a test runs, and why not the others

A block is a fence with the language ``sh`` or ``console``; of the second, the lines that begin with ``$`` are
commands and the others are what they print. Comments right before it, which no reader sees:

    <!-- not run: REASON -->      nobody can run it here, or another test does
    <!-- run in: NAME -->         it runs in a copy of examples/NAME; without it, of examples/service; or in
                                  "clone", this checkout, or "newcomer", a project that has nothing of ours
    <!-- exit code: 6 -->         how its last command ends

A page whose blocks are for another place has a comment for all of them but those with a comment of their own:

    <!-- not run on this page: REASON -->
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
LANGUAGES = {"sh", "console"}
SHELL_LANGUAGES = LANGUAGES | {"bash", "shell", "zsh", "shell-session"}

_FENCE = re.compile(r"^(?P<indent> *)(?P<marks>```+|~~~+)(?P<language>[\w-]*)\s*$")
_COMMENT = re.compile(r"<!-- (?P<name>not run|run in|exit code): (?P<value>.+?) -->")
_PAGE_COMMENT = re.compile(r"<!-- not run on this page: (.+?) -->")


class UnknownComment(ValueError):
    """A comment that looks like one of these and is none."""


@dataclass(frozen=True)
class Block:
    """A shell block: where it is, its commands, and what its comments say."""

    page: str
    line: int
    commands: str
    not_run: str | None = None
    example: str = "service"
    exit_code: int = 0

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Return the README and every page of docs/."""
    return [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]


def blocks(path: Path) -> list[Block]:
    """Return a page's shell blocks in their order."""
    return parse(path.read_text("utf-8"), path.relative_to(CHECKOUT).as_posix())


def parse(text: str, page: str) -> list[Block]:
    """Return the shell blocks of a Markdown text. Raises UnknownComment for a comment that is nearly one of ours."""
    found: list[Block] = []
    comments: dict[str, str] = {}
    whole_page: str | None = None
    fence: tuple[str, str, int] | None = None
    content: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _FENCE.match(line)
        if fence is not None:
            if match and match["marks"] == fence[0] and not match["language"]:
                if fence[1] in LANGUAGES:
                    found.append(_block(page, fence[2], _commands(fence[1], content), comments, whole_page))
                fence, content, comments = None, [], {}
            else:
                content.append(line)
        elif match:
            fence = (match["marks"], match["language"], number)
        elif comment := _COMMENT.fullmatch(line.strip()):
            comments[comment["name"]] = comment["value"]
        elif comment := _PAGE_COMMENT.fullmatch(line.strip()):
            whole_page = comment[1]
        elif re.match(r"\s*<!--\s*(not run|run|exit)", line):
            raise UnknownComment(f"{page}:{number}: {line.strip()}")
        elif line.strip():
            comments = {}
    return found


def _commands(language: str, lines: list[str]) -> str:
    if language == "console":
        lines = [line.strip()[2:] for line in lines if line.strip().startswith("$ ")]
    return "\n".join(lines)


def _block(page: str, line: int, commands: str, comments: dict[str, str], whole_page: str | None) -> Block:
    return Block(
        page,
        line,
        commands,
        comments.get("not run") if comments else whole_page,
        comments.get("run in", "service"),
        int(comments.get("exit code", 0)),
    )


def overview() -> str:
    """Return how many blocks of each page are run, and the reasons why others are not, with their number."""
    lines = []
    every = [block for path in pages() for block in blocks(path)]
    for page in dict.fromkeys(block.page for block in every):
        here = [block for block in every if block.page == page]
        lines.append(f"{page}: {sum(block.not_run is None for block in here)} of {len(here)} are run")
        reasons = Counter(block.not_run for block in here if block.not_run)
        lines += [f"    {count} not run: {reason}" for reason, count in reasons.items()]
    lines.append(f"together: {sum(block.not_run is None for block in every)} of {len(every)} are run")
    return "\n".join(lines)


if __name__ == "__main__":
    print(overview())  # noqa: T201
