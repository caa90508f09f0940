"""Access keys in dotenv files, for the check that none leaks into git or an image."""

from __future__ import annotations

import re
from pathlib import Path

from ecr_tasks.settings.errors import Problems

_NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
# IAM, "Understanding unique ID prefixes": AKIA is an access key, ASIA a temporary one.
_KEY_ID = re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])")
_ONLY_REFERENCES = re.compile(r"(\$\{[^}:]*\}\s*)+")


def holds_keys(path: Path) -> list[tuple[str, int]]:
    """The names and lines in a dotenv file that hold AWS access keys; empty if there is no such file.

    A value under one of the SDK's names counts unless it is taken from another variable (``${NAME}``); so
    does any value, and any comment (under the name ``#``), with an access key's id in it. Raises
    :class:`SettingsProblems` for a file that can't be read.
    """
    from ecr_tasks.settings.dotenv import line_of, parse_bindings

    if not path.exists():
        return []
    problems = Problems()
    bindings = parse_bindings(path, problems)
    problems.raise_if_any()
    found = []
    for binding in bindings:
        value = binding.value or ""
        if binding.key in _NAMES and value and not _ONLY_REFERENCES.fullmatch(value):
            found.append((binding.key, line_of(binding)))
            continue
        match = _KEY_ID.search(binding.original.string)
        if match:
            line = binding.original.line + binding.original.string[: match.start()].count("\n")
            found.append((binding.key or "#", line))
    return found
