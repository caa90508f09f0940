"""Read a pipeline that was written earlier: the template that it was made from, and the project's values in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

from ecr_tasks.ci.pipelines.template import PLACEHOLDER
from ecr_tasks.ci.systems import Credentials, System

_HEADER = re.compile(r"ecr-tasks: ci\.init (\w+) with (oidc|keys|role), template ([0-9a-f]{12})\b")

_ANY = r"(\S.*?)"
_FORMS = {"REPOSITORY_SETTING": "(ECR_REPOSITORY(?:_PREFIX)?)"}
"""The form of a placeholder's value that can't be any text."""


@dataclass(frozen=True)
class Origin:
    """The template that a file was made from: system, credentials and fingerprint."""

    name: str
    credentials: Credentials
    template: str


def header(system: System, credentials: Credentials, template: str) -> str:
    """Return the comment that a pipeline begins with."""
    return (
        f"{system.comment} Made by ecr-tasks: ci.init {system.name} with {credentials}, template {template}. "
        f"The file is yours to change;\n"
        f"{system.comment} `inv ci.init {system.name} --check` goes by the line above and tells when the template "
        f"has changed."
    )


def origin(text: str) -> Origin | None:
    """Return the template that the file's header names; None without a header."""
    match = _HEADER.search(text)
    return Origin(match[1], cast(Credentials, match[2]), match[3]) if match else None


def own_values(template: str, text: str) -> dict[str, str]:
    """Return the texts that the file has in place of the template's placeholders.

    A placeholder's line is recognized by the line before it and the rest of its line, or by the rest of its line
    alone if there is any. So a value that was filled in by hand is no difference. A rewritten line gives no value.
    """
    lines = text.splitlines()
    values: dict[str, str] = {}
    before = ""
    for line in template.splitlines():
        names = PLACEHOLDER.findall(line)
        if names and not any(name in values for name in names):
            values.update(_values(line, names, lines, before))
        before = PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), line)
    return values


def _values(line: str, names: list[str], lines: list[str], before: str) -> dict[str, str]:
    """Return the values of one line's placeholders from a line of the same form, if possible after the same line."""
    parts = [re.escape(part) for part in PLACEHOLDER.split(line)[::2]]
    forms = [_FORMS.get(name, _ANY) for name in names]
    pattern = re.compile(parts[0] + "".join(form + part for form, part in zip(forms, parts[1:], strict=True)))
    only_placeholders = not PLACEHOLDER.sub("", line).strip()
    candidates = [
        (previous, pattern.fullmatch(candidate)) for previous, candidate in zip(["", *lines], lines, strict=False)
    ]
    after_same_line = [match for previous, match in candidates if match and previous == before]
    anywhere = [] if only_placeholders else [match for _, match in candidates if match]
    return next((dict(zip(names, match.groups(), strict=True)) for match in after_same_line + anywhere), {})
