"""Checks CHANGELOG.md by the rules of Keep a Changelog 1.1.0, or prints what one release brought.

    changelog.py check VERSION       VERSION may still be under "Unreleased"
    changelog.py release VERSION     VERSION is the newest release, and nothing is under "Unreleased"
    changelog.py notes VERSION       prints that release's part

Exit codes: 0 no problem, 1 problems, each a line on stderr.
"""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path

from packaging.version import InvalidVersion, Version

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
UNRELEASED = "[Unreleased]"
_RELEASE = re.compile(r"\[([^\]]+)\] - (\d{4}-\d{2}-\d{2})")


def sections(text: str) -> dict[str, str]:
    """Return the text under each heading of the second level, in the file's order."""
    parts = re.split(r"^## +(.+?) *$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


def releases(text: str) -> dict[str, str]:
    """Return the text of each release, by its version, in the file's order."""
    return {match[1]: body for heading, body in sections(text).items() if (match := _RELEASE.fullmatch(heading))}


def heading_problems(text: str) -> list[str]:
    """Return what is wrong with the headings, whatever the version."""
    headings = re.findall(r"^## +(.+?) *$", text, flags=re.MULTILINE)
    problems = [] if headings[:1] == [UNRELEASED] else [f"The first heading has to be ## {UNRELEASED}."]
    problems += [f"## {heading} is there twice." for heading in set(headings) if headings.count(heading) > 1]
    versions = []
    for heading in headings:
        match = _RELEASE.fullmatch(heading)
        try:
            if match:
                date.fromisoformat(match[2])
                versions.append(Version(match[1]))
            elif heading != UNRELEASED:
                problems.append(f"## {heading} has to read ## [VERSION] - YYYY-MM-DD.")
        except (InvalidVersion, ValueError) as error:
            problems.append(f"## {heading}: {error}.")
    if versions != sorted(versions, reverse=True):
        problems.append("The newest release has to be the first one.")
    for kind in re.findall(r"^### +(.+?) *$", text, flags=re.MULTILINE):
        if kind not in KINDS:
            problems.append(f"### {kind} is none of {', '.join(KINDS)}.")
    first, *later = [section for section in sections(text).values() if section] or [""]
    if not later and re.search(r"^### (?!Added)", first, flags=re.MULTILINE):
        problems.append("Before the second release there is nothing to change, remove or fix: all is Added.")
    return problems


def version_problems(text: str, version: str, *, released: bool) -> list[str]:
    """Return what keeps the file from telling of ``version``: as the newest release, or else under Unreleased."""
    unreleased = sections(text).get(UNRELEASED, "")
    newest = next(iter(releases(text)), None)
    if newest == version:
        return [f"{UNRELEASED} isn't empty, but {version} is to be released."] if released and unreleased else []
    if released:
        return [f"The newest release has to read ## [{version}] - {date.today().isoformat()}."]
    return [] if unreleased else [f"Neither {UNRELEASED} nor a release tells of {version}."]


def main(command: str, version: str) -> int:
    """Carry out one command of the module's docstring; return the exit code."""
    text = CHANGELOG.read_text(encoding="utf-8")
    if command == "notes":
        sys.stdout.write(releases(text)[version] + "\n")
        return 0
    problems = heading_problems(text) + version_problems(text, version, released=command == "release")
    for problem in problems:
        sys.stderr.write(f"CHANGELOG.md: {problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
