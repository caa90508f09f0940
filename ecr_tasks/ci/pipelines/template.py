"""The templates of pipelines. They have ``@if oidc@ … @else@ … @end@``, on lines of their own, and ``@NAME@``."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

from ecr_tasks.ci.pipelines.requirements import DEFAULT_INSTALL
from ecr_tasks.ci.systems import Credentials, System

_IF = re.compile(r"\s*@if (\w+)@\s*")
PLACEHOLDER = re.compile(r"@([A-Z_]+)@")
FILL_IN = "FILL_IN_"
"""The beginning of a value that a person has to fill in; no setting accepts such a value."""


@dataclass(frozen=True)
class Values:
    """The project's values for a template; a person has to fill in those that are None."""

    region: str | None = None
    role: str | None = None
    repository: str | None = None
    repository_setting: str = "ECR_REPOSITORY"
    branch: str = "main"
    install: str = DEFAULT_INSTALL

    def by_placeholder(self, system: System) -> dict[str, str]:
        """Return the text for each placeholder of this system's template."""
        install = self.install
        for text, replacement in system.escapes:
            install = install.replace(text, replacement)
        return {
            "REGION": self.region or f"{FILL_IN}THE_REGION",
            "ROLE": self.role or f"{FILL_IN}THE_ROLE_ARN",
            "REPOSITORY": self.repository or f"{FILL_IN}THE_REPOSITORY",
            "REPOSITORY_SETTING": self.repository_setting,
            "BRANCH": self.branch,
            "INSTALL": install,
        }


def load(system: System, credentials: Credentials) -> str:
    """Return the system's template with the lines for these credentials, and with its placeholders."""
    file = resources.files("ecr_tasks.ci") / system.name / system.template
    lines: list[str] = []
    conditions = [True]
    for line in file.read_text(encoding="utf-8").splitlines():
        if condition := _IF.fullmatch(line):
            conditions.append(condition[1] == credentials)
        elif line.strip() == "@else@":
            conditions[-1] = not conditions[-1]
        elif line.strip() == "@end@":
            conditions.pop()
        elif all(conditions):
            lines.append(line)
    return "\n".join(lines) + "\n"


def fingerprint(template: str) -> str:
    """Return twelve hexadecimal digits of the template's SHA-256, which a pipeline's header contains.

    They depend on the template only, not on the project's values or on what people change in their file.
    """
    return hashlib.sha256(template.encode()).hexdigest()[:12]


def fill(template: str, texts: dict[str, str]) -> str:
    """Return the template with each placeholder replaced."""
    return PLACEHOLDER.sub(lambda match: texts[match[1]], template)
