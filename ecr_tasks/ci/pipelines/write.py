"""Write a project's pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ecr_tasks.ci.pipelines import requirements
from ecr_tasks.ci.pipelines.nightly import NIGHTLY, what_to_schedule
from ecr_tasks.ci.pipelines.requirements import DEFAULT_INSTALL
from ecr_tasks.ci.pipelines.template import FILL_IN, Values, fill, load
from ecr_tasks.ci.systems import Credentials, Feature, System
from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.files import write_remedy

NATIVE_PLATFORMS = ("linux/amd64", "linux/arm64")
"""The platforms that CI systems have runners for."""


def pipeline(system: System, credentials: Credentials, values: Values) -> str:
    """Return the text of the pipeline. Raises SettingsError when ``values.install`` is not one line."""
    if "\n" in values.install or not values.install.strip():
        raise SettingsError("--install has to be one line of shell.", f"Its default is: {DEFAULT_INSTALL}.")
    template = load(system, credentials, values.features)
    return fill(system, credentials, template, values.by_placeholder(system), values.features)


def write(project: Path, system: System, credentials: Credentials, values: Values, *, dry: bool) -> list[str]:
    """Write the pipeline, and ``requirements-ci.txt`` if the pipeline installs from it and it is missing.

    Returns lines for people: what was written and what is left to do. Raises Refused when the pipeline exists,
    SettingsError when the folder can't be written.
    """
    text = pipeline(system, credentials, values)
    path = project / system.path
    if path.exists() or path.is_symlink():
        raise Refused(
            f"{system.path} is there already, and nothing is overwritten.",
            f"`inv ci.init {system.name} --check` compares it with the template; or move it away and run this again.",
        )
    lines = [_write(project, system.path, text, dry=dry)]
    if values.install == DEFAULT_INSTALL:
        lines += _requirements(project, lines, dry=dry)
    for number, line in enumerate(text.splitlines(), 1):
        if FILL_IN in line:
            lines.append(f"  line {number} has to be filled in: {line.strip()}")
    if NIGHTLY in values.features and (schedule := what_to_schedule(system)):
        lines.append(schedule)
    if not (project / "tasks.py").exists():
        lines.append("There is no tasks.py yet: `ecr-tasks init` writes it.")
    lines.append(f"What to set up for {system.title} and in AWS: docs/ci/{system.name}.md of ecr-tasks.")
    return lines


def choose_credentials(system: System, *, keys: bool, oidc: bool) -> Credentials:
    """Return the kind of credentials of the option, or the system's default.

    Raises SettingsError when there are two options or the system has no such variant.
    """
    if keys and oidc:
        raise SettingsError("--keys and --oidc are two ways to the same thing.", "Give one of them.")
    kind: Credentials = "keys" if keys else "oidc" if oidc else system.credentials[0]
    if kind in system.credentials:
        return kind
    if system.credentials == ("role",):
        cause = f"{system.title} has the role of its own machine, which needs neither keys nor a token."
    else:
        cause = f"{system.title} hands out no token that AWS could take."
    raise SettingsError(cause, f"Leave --{kind} out.")


def choose_features(platforms: Sequence[str], *, native: bool, nightly: bool = False) -> tuple[Feature, ...]:
    """Return the features of the options. ``platforms`` are those of ECR_PLATFORMS, if any.

    Raises SettingsError for two that don't go together, and for other platforms than the runners have.
    """
    if native and nightly:
        raise SettingsError(
            "--native-platforms and --nightly don't go together: each runner pushes its own platform alone.",
            "Leave one of them out.",
        )
    if not native:
        return (NIGHTLY,) if nightly else ()
    if platforms and set(platforms) != {*NATIVE_PLATFORMS}:
        raise SettingsError(
            f"ECR_PLATFORMS is {', '.join(platforms)}, and the runners of such a pipeline are for "
            f"{' and '.join(NATIVE_PLATFORMS)}.",
            "Leave --native-platforms out, and write a job for each platform (docs/native-runners.md).",
        )
    return ("native",)


def _requirements(project: Path, done: Sequence[str], *, dry: bool) -> Iterator[str]:
    if (project / requirements.FILE).exists():
        yield f"{requirements.FILE}: there already, left alone"
        return
    text = requirements.text()
    yield _write(project, requirements.FILE, text, done, dry=dry)
    if requirements.WHEEL in text and not (project / requirements.WHEEL).exists():
        yield f"  {requirements.WHEEL} has to be made and committed; {requirements.FILE} says how"


def _write(project: Path, name: str, text: str, done: Sequence[str] = (), *, dry: bool) -> str:
    """Write a new file and say so. Raises SettingsError, which says what was ``done`` before."""
    if dry:
        return f"{name}: would be written"
    path = project / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise SettingsError(f"{path} can't be written: {error.strerror}.", write_remedy(error), done) from error
    return f"{name}: written"
