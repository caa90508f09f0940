"""The check of Python, the packages that run here, and which of several installations a shell would start."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from ecr_tasks.errors import ExitCode
from ecr_tasks.model.finding import Finding, Section
from ecr_tasks.model.machine import Package, PythonFacts

PYTHON = Section("Python", ExitCode.UNEXPECTED)
OLDEST = (3, 10)
"""pyproject.toml's requires-python."""

_SHOWN = ("ecr-tasks", "invoke", "boto3", "python-on-whales")


def check_python(facts: PythonFacts) -> Iterator[Finding]:
    """Yield what is to say of Python and its packages."""
    version = tuple(int(part) for part in facts.version.split(".")[:2])
    if version < OLDEST:
        yield PYTHON.wrong(
            "Python",
            f"Python {facts.version} is too old ({facts.executable}).",
            f"Install Python {'.'.join(map(str, OLDEST))} or newer, and ecr-tasks in it.",
        )
    else:
        yield PYTHON.fine("Python", f"{facts.version}, {facts.executable}")
    bad = [item for item in facts.packages if item.wanted and not fits(item)]
    for item in bad:
        state = f"{item.version} is installed" if item.version else "it is missing"
        state_of = PYTHON.wrong if item.wanted_by == "ecr-tasks" else PYTHON.warning
        yield state_of(
            item.name,
            f"{item.wanted_by} needs {item.name} {item.wanted}, and {state}.",
            f"Run `{facts.install_command}`." if facts.install_command else f"Install {item.name}{item.wanted}.",
        )
    bad_names = {item.name for item in bad}
    versions = {item.name: item.version for item in facts.packages}
    good = [f"{name} {versions[name]}" for name in _SHOWN if name not in bad_names and versions.get(name)]
    if good:
        yield PYTHON.fine("packages", ", ".join(good))
    yield from _check_installs(facts)


def _check_installs(facts: PythonFacts) -> Iterator[Finding]:
    if len(facts.installs) > 1:
        first, *others = map(str, facts.installs)
        yield PYTHON.warning(
            "installs",
            f"This Python has ecr-tasks more than once: {first} is used, not {', '.join(others)}.",
            f"Run `{shlex.quote(facts.executable)} -m pip uninstall ecr-tasks` until only one is left.",
        )
    for name, path in facts.other_programs.items():
        yield PYTHON.warning(
            "installs",
            f"A shell that is asked for {name} starts {path}, of another environment than this Python's.",
            f"Activate this one's environment, or run `{shlex.quote(facts.executable)} -m "
            f"{'invoke' if name in ('inv', 'invoke') else 'ecr_tasks'}`.",
        )


def fits(package: Package) -> bool:
    """Return whether a package is there in a version that is wanted; one whose version can't be read is."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion

    if package.version is None:
        return False
    try:
        return SpecifierSet(package.wanted).contains(package.version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return True
