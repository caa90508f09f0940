"""Read which Python runs, which packages it has and needs, and what a shell would start instead."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from ecr_tasks.clients.ecr.install_command import install_command, install_source
from ecr_tasks.model.machine import Package, PythonFacts

_OURS = "ecr-tasks"
_FOLLOWED = (_OURS, "boto3", "python-on-whales")
"""The packages whose own requirements are looked at: an old botocore under a new boto3 is a frequent mishap."""


def python_facts() -> PythonFacts:
    """Return the facts about this Python."""
    from ecr_tasks import __version__

    packages = [Package(_OURS, __version__)]
    packages += [item for name in _FOLLOWED for item in _requirements(name)]
    return PythonFacts(
        version=".".join(map(str, sys.version_info[:3])),
        executable=sys.executable,
        packages=tuple(packages),
        installs=tuple(_installs()),
        other_programs={name: path for name in ("inv", "ecr-tasks") if (path := _other_program(name))},
        install_command=install_command(_OURS, upgrades=True),
    )


def typed(name: str, environ: Mapping[str, str] = os.environ, prefix: str = sys.prefix) -> str | None:
    """Return what a person types to start a program of this Python, ``inv`` or ``ecr-tasks``; None if it can't be.

    The environment of uvx, `pipx run` or `uv run` is on PATH only while that runs.
    """
    folders = Path(prefix).parts
    if "archive-v0" in folders:
        return f"uvx --from {install_source()} {name}" if name == _OURS else None
    if "pipx" in folders and "venvs" not in folders:
        return f"pipx run --spec {install_source()} {name}" if name == _OURS else None
    if "UV_RUN_RECURSION_DEPTH" in environ:
        return f"uv run {name}"
    return name if shutil.which(name, path=environ.get("PATH")) and not _other_program(name) else None


def _requirements(name: str) -> Iterator[Package]:
    """Yield what a package needs everywhere; what only an extra or another system needs is left out."""
    from packaging.requirements import InvalidRequirement, Requirement

    requirements: list[str] = []
    with suppress(metadata.PackageNotFoundError):
        requirements = metadata.requires(name) or []
    for text in requirements:
        with suppress(InvalidRequirement):
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                wanted = str(requirement.specifier)
                yield Package(requirement.name, _version(requirement.name), wanted, name)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _installs() -> Iterator[Path]:
    """Yield the folders of Python's path with an ecr-tasks, the one that is used first."""
    seen = set()
    for distribution in metadata.distributions(name=_OURS):
        folder = Path(str(distribution.locate_file(""))).resolve()
        if folder not in seen:
            seen.add(folder)
            yield folder


def _other_program(name: str) -> Path | None:
    """Return the program that a shell starts by a name, if another Python than this one would run it."""
    found = shutil.which(name)
    if found is None:
        return None
    path = Path(found)
    if path.resolve().parent == Path(sys.executable).resolve().parent or path.parent == Path(sys.executable).parent:
        return None
    with suppress(OSError):
        with path.open("rb") as file:
            head = file.read(2048)
        lines = head.decode("utf-8", "replace").splitlines()[:2]
        # pip writes the interpreter into the first line, or, where that would be too long, into a shell's second one.
        words = [word.removeprefix("#!") for line in lines for word in re.split(r"[\s'\"]", line)]
        interpreters = [word for word in words if word.startswith("/") and "python" in word]
        own = {os.path.realpath(sys.prefix), sys.prefix}
        if interpreters and not any(_prefix(item) in own for item in interpreters):
            return path
    return None


def _prefix(interpreter: str) -> str:
    """Return the environment's folder of an interpreter: that above ``bin``."""
    return str(Path(interpreter).parent.parent)
