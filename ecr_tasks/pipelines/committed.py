"""What a pipeline that was written earlier tells of itself: the template it was made from, and its own values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

from ecr_tasks.pipelines.systems import Credentials, System
from ecr_tasks.pipelines.template import PLACEHOLDER

_HEADER = re.compile(r"ecr-tasks: ci\.init (\w+) with (oidc|keys|role), template ([0-9a-f]{12})\b")


@dataclass(frozen=True)
class Origin:
    """The template that a file was made from."""

    name: str
    credentials: Credentials
    template: str


def header(system: System, credentials: Credentials, template: str) -> str:
    """The line that a file begins with."""
    return (
        f"{system.comment} Made by ecr-tasks: ci.init {system.name} with {credentials}, template {template}. "
        f"The file is yours to change;\n"
        f"{system.comment} `inv ci.init {system.name} --check` goes by the line above and tells when the template "
        f"has changed."
    )


def origin(text: str) -> Origin | None:
    """The template that the file says it was made from; None where it says nothing."""
    found = _HEADER.search(text)
    return Origin(found[1], cast(Credentials, found[2]), found[3]) if found else None


def own_values(template: str, text: str) -> dict[str, str]:
    """What the file has where the template has a placeholder, found by the rest of the line.

    So a value that was filled in by hand is no difference. A line that was rewritten altogether gives none.
    """
    lines = text.splitlines()
    values: dict[str, str] = {}
    for line in template.splitlines():
        names = PLACEHOLDER.findall(line)
        if not names or any(name in values for name in names) or not PLACEHOLDER.sub("", line).strip():
            continue
        pattern = re.compile("(.+?)".join(re.escape(part) for part in PLACEHOLDER.split(line)[::2]))
        match = next(filter(None, map(pattern.fullmatch, lines)), None)
        if match:
            values.update(zip(names, match.groups(), strict=True))
    return values
