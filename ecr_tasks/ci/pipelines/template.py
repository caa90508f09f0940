"""The language of the pipeline templates: ``@if oidc@ … @else@ … @end@`` on lines of their own, and ``@NAME@``."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

from ecr_tasks.ci.systems import DEFAULT_INSTALL, Credentials, System

_IF = re.compile(r"\s*@if (\w+)@\s*")
PLACEHOLDER = re.compile(r"@([A-Z_]+)@")
FILL_IN = "FILL_IN_"
"""What a value that nobody has told us begins with; no setting takes such a value, so that none is forgotten."""


@dataclass(frozen=True)
class Values:
    """What a project puts into a template; what is None has to be filled in by hand."""

    region: str | None = None
    role: str | None = None
    repository: str | None = None
    repository_setting: str = "ECR_REPOSITORY"
    branch: str = "main"
    install: str = DEFAULT_INSTALL

    def by_placeholder(self, system: System) -> dict[str, str]:
        """The text for each placeholder of this system's template."""
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
    """The system's template with the lines for these credentials, its placeholders as they are."""
    file = resources.files("ecr_tasks.ci") / system.name / system.template
    kept: list[str] = []
    taken = [True]
    for line in file.read_text(encoding="utf-8").splitlines():
        if condition := _IF.fullmatch(line):
            taken.append(condition[1] == credentials)
        elif line.strip() == "@else@":
            taken[-1] = not taken[-1]
        elif line.strip() == "@end@":
            taken.pop()
        elif all(taken):
            kept.append(line)
    return "\n".join(kept) + "\n"


def fingerprint(template: str) -> str:
    """What a file remembers of the template that it was made from: twelve digits that change when the template does.

    It is the template's alone: neither the project's values nor what people change in their file have a part in it.
    """
    return hashlib.sha256(template.encode()).hexdigest()[:12]


def fill(template: str, texts: dict[str, str]) -> str:
    """The template with each placeholder replaced."""
    return PLACEHOLDER.sub(lambda found: texts[found[1]], template)
