"""Writes a project's pipeline, never over a file that is there; compares a committed one with today's template."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from ecr_tasks.ci.pipelines import committed, requirements
from ecr_tasks.ci.pipelines.template import FILL_IN, Values, fill, fingerprint, load
from ecr_tasks.ci.systems import DEFAULT_INSTALL, REQUIREMENTS, Credentials, System
from ecr_tasks.errors import Refused, SettingsError


def pipeline(system: System, credentials: Credentials, values: Values) -> str:
    """The whole file."""
    if "\n" in values.install or not values.install.strip():
        raise SettingsError("--install has to be one line of shell.", f"Its default is: {DEFAULT_INSTALL}.")
    template = load(system, credentials)
    return _fill(system, credentials, template, values.by_placeholder(system))


def write(project: Path, system: System, credentials: Credentials, values: Values, *, dry: bool) -> list[str]:
    """Writes the pipeline, and ``requirements-ci.txt`` where the pipeline installs from it and there is none.

    Returns lines for people: what was written and what is left to do. Raises Refused when the pipeline is there
    already, SettingsError when the folder can't be written.
    """
    text = pipeline(system, credentials, values)
    path = project / system.path
    if path.exists():
        raise Refused(
            f"{system.path} is there already, and nothing is overwritten.",
            f"`inv ci.init {system.name} --check` compares it with the template; or move it away and run this again.",
        )
    said = [_write(project, system.path, text, dry=dry)]
    if values.install == DEFAULT_INSTALL:
        said += _requirements(project, dry=dry)
    said += [f"  {line}" for line in _left_to_do(text)]
    if not (project / "tasks.py").exists():
        said.append("There is no tasks.py yet: `ecr-tasks init` writes it.")
    said.append(f"What to set up for {system.title} and in AWS: docs/ci/{system.name}.md of ecr-tasks.")
    return said


def check(project: Path, system: System, values: Values) -> str:
    """The difference between the committed pipeline and what today's template makes; empty when it is up to date.

    Up to date means: made from the template of today, whatever people have changed in the file since. The difference
    is a unified diff that `git apply` takes; it holds their changes, too. Raises Refused when there is no pipeline or
    it doesn't say what it was made from.
    """
    path = project / system.path
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise Refused(f"There is no {system.path}.", f"`inv ci.init {system.name}` writes it.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{system.path} can't be read: {error}.", "It has to be a readable text file.") from error
    made_from = committed.origin(text)
    if made_from is None or made_from.name != system.name or made_from.credentials not in system.credentials:
        best = fingerprint(load(system, system.credentials[0]))
        line = committed.header(system, system.credentials[0], best).splitlines()[0]
        raise Refused(
            f"{system.path} doesn't say which template it was made from.",
            f"Compare it by hand with what `inv ci.init {system.name}` writes elsewhere, then begin it with: {line}",
        )
    template = load(system, made_from.credentials)
    if fingerprint(template) == made_from.template:
        return ""
    texts = values.by_placeholder(system) | committed.own_values(template, text)
    today = _fill(system, made_from.credentials, template, texts)
    return "".join(
        difflib.unified_diff(
            text.splitlines(keepends=True),
            today.splitlines(keepends=True),
            f"a/{system.path}",
            f"b/{system.path}",
        )
    )


def _fill(system: System, credentials: Credentials, template: str, texts: dict[str, str]) -> str:
    header = committed.header(system, credentials, fingerprint(template))
    return fill(template, texts | {"HEADER": header})


def _requirements(project: Path, *, dry: bool) -> Iterator[str]:
    if (project / REQUIREMENTS).exists():
        yield f"{REQUIREMENTS}: there already, left alone"
        return
    text = requirements.text()
    yield _write(project, REQUIREMENTS, text, dry=dry)
    if requirements.wheel() in text and not (project / requirements.wheel()).exists():
        yield f"  {requirements.wheel()} has to be made and committed; {REQUIREMENTS} says how"


def _left_to_do(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        if FILL_IN in line:
            yield f"line {number} has to be filled in: {line.strip()}"


def _write(project: Path, name: str, text: str, *, dry: bool) -> str:
    if dry:
        return f"{name}: would be written"
    path = project / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise SettingsError(
            f"{path} can't be written: {error.strerror}.", "Give write access to the project's folder."
        ) from error
    return f"{name}: written"
