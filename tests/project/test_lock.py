"""The lock in requirements/: in step with pyproject.toml, with a hash for everything and of no particular machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hatchling.metadata.core import load_toml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[2]
PYPROJECT: dict[str, Any] = load_toml(str(CHECKOUT / "pyproject.toml"))
# The files, each with the dependency group that it has beside the package's own dependencies.
FILES = pytest.mark.parametrize(("file", "group"), [("dev.txt", "dev"), ("run.txt", "build")])


class Locked(NamedTuple):
    """One line of a lock, with the lines that belong to it."""

    requirement: Requirement
    hashes: int
    direct: bool
    """Whether pyproject.toml itself asks for it."""


def read(file: str) -> list[Locked]:
    """Return what the file locks; one package is there several times where versions differ by Python or system."""
    text = (CHECKOUT / "requirements" / file).read_text("utf-8")
    entries = re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE)[1:]
    return [
        Locked(
            Requirement(entry.splitlines()[0].rstrip("\\ ")),
            entry.count("--hash=sha256:"),
            "ecr-tasks (pyproject.toml" in entry,
        )
        for entry in entries
    ]


def members(group: str) -> Iterator[str]:
    """Yield the requirements of a dependency group, with those of the groups that it includes (PEP 735)."""
    for item in PYPROJECT["dependency-groups"][group]:
        if isinstance(item, str):
            yield item
        else:
            yield from members(item["include-group"])


@FILES
def test_what_pyproject_asks_for_is_locked_and_nothing_else_is_direct(file: str, group: str) -> None:
    wanted = {
        canonicalize_name(requirement.name): requirement
        for requirement in map(Requirement, [*PYPROJECT["project"]["dependencies"], *members(group)])
    }
    locked = read(file)
    direct = {canonicalize_name(item.requirement.name) for item in locked if item.direct}
    assert direct == set(wanted), "script/lock brings the lock up to date"
    for item in locked:
        requirement = wanted.get(canonicalize_name(item.requirement.name))
        version = next(iter(item.requirement.specifier)).version
        assert requirement is None or version in requirement.specifier, "script/lock brings the lock up to date"


@FILES
def test_every_version_is_exact_and_has_hashes(file: str, group: str) -> None:
    for item in read(file):
        assert [specifier.operator for specifier in item.requirement.specifier] == ["=="], item
        assert item.hashes, item


@FILES
def test_the_lock_names_no_index(file: str, group: str) -> None:
    text = (CHECKOUT / "requirements" / file).read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^-", text, flags=re.MULTILINE), "options such as --index-url belong to a machine"


def test_the_demo_runs_with_what_the_tests_run_with() -> None:
    tests = {str(item.requirement) for item in read("dev.txt")}
    assert {str(item.requirement) for item in read("run.txt")} <= tests


def test_the_lock_is_for_every_python_that_the_package_is_for() -> None:
    script = (CHECKOUT / "script/lock").read_text("utf-8")
    assert f"--universal --python-version {PYPROJECT['project']['requires-python'].removeprefix('>=')} " in script
