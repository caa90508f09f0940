"""The emulation that a build needs is installed into the engine once, and only where it is missing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ecr_tasks.errors import BuildError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.ports import Engine
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.runner.emulation import install_missing
from ecr_tasks.runner.run import Run


class Machine:
    """Stands for a run whose engine runs programs of amd64, and of what is installed, if ``works``."""

    def __init__(self, *, works: bool = True) -> None:
        self.settings = SimpleNamespace(emulation_image="mirror/binfmt@sha256:1")
        self.docker = self
        self.works = works
        self.installed: list[tuple[str, list[str]]] = []

    def engine(self) -> Engine:
        added = [f"linux/{name}" for _, names in self.installed for name in names] if self.works else []
        return Engine(True, "linux/amd64", "default", "docker", 1, ("linux/amd64", *added))

    def install_emulation(self, image: str, architectures: list[str]) -> None:
        self.installed.append((image, architectures))


def images(folder: Path, *dockerfiles: str) -> list[PlannedImage]:
    found = []
    for number, text in enumerate(dockerfiles):
        path = folder / f"Dockerfile.{number}"
        path.write_text(text, "utf-8")
        platforms = ("linux/amd64", "linux/arm64", "linux/s390x")
        definition = BuildDefinition(str(folder), dockerfile=str(path), platforms=platforms)
        image: Any = SimpleNamespace(name=f"app-{number}", definition=definition)
        found.append(PlannedImage(image, (), build_needed=True, because="", revision=None))
    return found


def test_what_is_missing_is_installed_once_for_all_images(tmp_path: Path) -> None:
    machine = Machine()
    for _ in range(2):
        install_missing(cast("Run", machine), images(tmp_path, "FROM base\nRUN x\n", "FROM other\nRUN y\n"))
    assert machine.installed == [("mirror/binfmt@sha256:1", ["arm64", "s390x"])]


def test_a_build_that_runs_nothing_needs_none(tmp_path: Path) -> None:
    machine = Machine()
    install_missing(cast("Run", machine), images(tmp_path, "FROM base\nCOPY x /\n"))
    assert machine.installed == []


def test_an_engine_that_can_not_run_it_even_then_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="app-0 is planned for linux/arm64"):
        install_missing(cast("Run", Machine(works=False)), images(tmp_path, "FROM base\nRUN x\n"))
