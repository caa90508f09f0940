"""The templates of pipelines, and the header and values by which a pipeline is compared with its template.

A template has ``@if oidc@ … @else@ … @end@``, with credentials or a feature (``native``), on lines of their own, and
the placeholders ``@NAME@``. What is left may have ``@each amd64 arm64@ … @done@``, lines that are written for each
word in place of ``@EACH@``, and ``@indent 12@ … @outdent@``, lines that stand that many columns further to the right.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Collection, Sequence
from importlib import resources

from ecr_tasks.ci.pipelines import quoting
from ecr_tasks.ci.pipelines.requirements import DEFAULT_INSTALL
from ecr_tasks.ci.systems import FEATURES, Credentials, Feature, System
from ecr_tasks.frozen import dataclass

_IF = re.compile(r"\s*@if (\w+)@\s*")
_EACH = re.compile(r"^@each ([^@\n]+)@\n((?:(?!@each |@done@)[^\n]*\n)*)@done@\n", re.MULTILINE)
_INDENT = re.compile(r"^@indent (\d+)@\n((?:(?!@indent |@outdent@)[^\n]*\n)*)@outdent@\n", re.MULTILINE)
_PLACEHOLDER = re.compile(r"@([A-Z_]+)@")
FILL_IN = "FILL_IN_"
"""The beginning of a value that a person has to fill in; no setting accepts such a value."""

_ANY = r"(\S.*?)"
_FORMS = {"REPOSITORY_SETTING": "(ECR_REPOSITORY(?:_PREFIX|_MAP)?)"}
"""The pattern of a placeholder's value, if not every text is allowed."""


@dataclass(frozen=True)
class Values:
    """The project's values for a template; a person has to fill in those that are None. ``features`` are what the
    pipeline has besides.
    """

    region: str | None = None
    role: str | None = None
    repository: str | None = None
    repository_setting: str = "ECR_REPOSITORY"
    branch: str = "main"
    install: str = DEFAULT_INSTALL
    features: tuple[Feature, ...] = ()

    def by_placeholder(self, system: System) -> dict[str, str]:
        """Return the text for each placeholder of this system's template.

        Raises SettingsError for a value that can't be written there.
        """
        region = self.region or f"{FILL_IN}THE_REGION"
        role = self.role or f"{FILL_IN}THE_ROLE_ARN"
        repository = self.repository or f"{FILL_IN}THE_REPOSITORY"
        quoting.check_writable((region, role, repository, self.branch, self.install))
        return {
            "REGION": quoting.value(system, region),
            "ROLE": quoting.value(system, role),
            "REPOSITORY": quoting.value(system, repository),
            "REPOSITORY_SETTING": self.repository_setting,
            "BRANCH": quoting.branch(system, self.branch),
            "INSTALL": quoting.install(system, self.install.strip()),
        }


def load(system: System, credentials: Credentials, features: Collection[Feature] = ()) -> str:
    """Return the system's template with the lines for these credentials and features, and with its placeholders."""
    file = resources.files("ecr_tasks.ci") / system.name / system.template
    lines: list[str] = []
    conditions = [True]
    for line in file.read_text(encoding="utf-8").splitlines():
        if condition := _IF.fullmatch(line):
            conditions.append(condition[1] in (credentials, *features))
        elif line.strip() == "@else@":
            conditions[-1] = not conditions[-1]
        elif line.strip() == "@end@":
            conditions.pop()
        elif all(conditions):
            lines.append(line)
    text = "\n".join(lines) + "\n"
    text = _EACH.sub(lambda match: "".join(match[2].replace("@EACH@", word) for word in match[1].split()), text)
    return _INDENT.sub(lambda match: textwrap.indent(match[2], " " * int(match[1])), text)


def fingerprint(template: str) -> str:
    """Return twelve hexadecimal digits of the template's SHA-256, which a pipeline's header contains.

    They depend on the template only, not on the project's values or on what people change in their file.
    """
    return hashlib.sha256(template.encode()).hexdigest()[:12]


def header(system: System, credentials: Credentials, template: str, features: Sequence[Feature] = ()) -> str:
    """Return the comment that a pipeline made from this template begins with."""
    kinds = " and ".join((credentials, *features))
    return (
        f"{system.comment} Made by ecr-tasks: ci.init {system.name} with {kinds}, template "
        f"{fingerprint(template)}. The file is yours to change;\n"
        f"{system.comment} `inv ci.init {system.name} --check` goes by the line above and tells when the template "
        f"has changed."
    )


def origin(system: System, text: str) -> tuple[Credentials, tuple[Feature, ...], str] | None:
    """Return the credentials, the features and the fingerprint in a pipeline's header; None without a header for this
    system.
    """
    pattern = rf"ecr-tasks: ci\.init {system.name} with (\w+)((?: and \w+)*), template ([0-9a-f]{{12}})\b"
    match = re.search(pattern, text)
    credentials = next((kind for kind in system.credentials if match and kind == match[1]), None)
    if match is None or credentials is None:
        return None
    words = match[2].split(" and ")
    return credentials, tuple(feature for feature in FEATURES if feature in words), match[3]


def fill(
    system: System,
    credentials: Credentials,
    template: str,
    texts: dict[str, str],
    features: Sequence[Feature] = (),
) -> str:
    """Return the template with its header and with each other placeholder replaced."""
    texts = texts | {"HEADER": header(system, credentials, template, features)}
    return _PLACEHOLDER.sub(lambda match: texts[match[1]], template)


def own_values(template: str, text: str) -> dict[str, str]:
    """Return the texts that the file has in place of the template's placeholders.

    A placeholder's line is recognized by the line before it and the rest of its own line; if that fails, by the rest
    alone. So a value that a person filled in doesn't count as a difference. A rewritten line gives no value.
    """
    lines = text.splitlines()
    values: dict[str, str] = {}
    line_before = ""
    for line in template.splitlines():
        names = _PLACEHOLDER.findall(line)
        if names and not any(name in values for name in names):
            values.update(_values(line, names, lines, line_before))
        line_before = _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), line)
    return values


def _values(line: str, names: list[str], lines: list[str], line_before: str) -> dict[str, str]:
    """Return the values of one line's placeholders from a matching line, preferably one after ``line_before``."""
    parts = [re.escape(part) for part in _PLACEHOLDER.split(line)[::2]]
    forms = [_FORMS.get(name, _ANY) for name in names]
    pattern = re.compile(parts[0] + "".join(form + part for form, part in zip(forms, parts[1:], strict=True)))
    only_placeholders = not _PLACEHOLDER.sub("", line).strip()
    matches = [pattern.fullmatch(line) for line in lines]
    after_same_line = [
        match for match, previous in zip(matches, ["", *lines], strict=False) if previous == line_before
    ]
    anywhere = [] if only_placeholders else matches
    return next((dict(zip(names, match.groups(), strict=True)) for match in after_same_line + anywhere if match), {})
