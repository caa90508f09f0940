"""What a pipeline that was written earlier tells of itself: the template it was made from, and its own values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

from ecr_tasks.ci.pipelines.template import PLACEHOLDER
from ecr_tasks.ci.systems import Credentials, System

_HEADER = re.compile(r"ecr-tasks: ci\.init (\w+) with (oidc|keys|role), template ([0-9a-f]{12})\b")

_ANY = r"(\S.*?)"
_FORMS = {"REPOSITORY_SETTING": "(ECR_REPOSITORY(?:_PREFIX)?)"}
"""What a value looks like that can't be just any text."""


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
    """What the file has where the template has a placeholder.

    It is found by the line before and the rest of the line, or by the rest of the line alone if there is any.
    So a value that was filled in by hand is no difference. A line that was rewritten altogether gives none.
    """
    lines = text.splitlines()
    values: dict[str, str] = {}
    before = ""
    for line in template.splitlines():
        names = PLACEHOLDER.findall(line)
        if names and not any(name in values for name in names):
            values.update(_values(line, names, lines, before))
        before = PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), line)
    return values


def _values(line: str, names: list[str], lines: list[str], before: str) -> dict[str, str]:
    """The values of one line's placeholders, in a line of the same form: best after the same line, else anywhere."""
    parts = [re.escape(part) for part in PLACEHOLDER.split(line)[::2]]
    forms = [_FORMS.get(name, _ANY) for name in names]
    pattern = re.compile(parts[0] + "".join(form + part for form, part in zip(forms, parts[1:], strict=True)))
    alone = not PLACEHOLDER.sub("", line).strip()
    found = [
        (previous, pattern.fullmatch(candidate)) for previous, candidate in zip(["", *lines], lines, strict=False)
    ]
    here = [match for previous, match in found if match and previous == before]
    anywhere = [] if alone else [match for _, match in found if match]
    return next((dict(zip(names, match.groups(), strict=True)) for match in here + anywhere), {})
