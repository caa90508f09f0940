"""The emulation of other processors that builds need, installed into the engine where the settings ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ecr_tasks.checks.builder_platforms import check_platforms, missing_emulation
from ecr_tasks.console import say
from ecr_tasks.model.platform import architecture_of
from ecr_tasks.plan.planned_image import PlannedImage

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run


def install_missing(run: Run, items: Sequence[PlannedImage]) -> None:
    """Install what the builds of these images need and the engine lacks.

    Raises BuildError where that fails, and where the engine can't run a platform's programs even then.
    """
    builds = {item.image.name: list(item.image.definition.with_links()) for item in items}
    if not any(definition.platforms for definitions in builds.values() for definition in definitions):
        return
    known = next((item.engine for item in items if item.engine), None) or run.engine()
    missing = missing_emulation((item for definitions in builds.values() for item in definitions), known)
    if not missing:
        return
    install(run, [str(architecture_of(platform)) for platform in missing])
    now = run.engine()
    for name, definitions in builds.items():
        check_platforms(name, definitions, now)


def install(run: Run, architectures: Sequence[str]) -> None:
    """Install the emulation of these architectures into the engine, and say so."""
    names = list(dict.fromkeys(architectures))
    say(f"installing the emulation of {', '.join(names)} into the engine: {run.settings.emulation_image}")
    run.docker.install_emulation(run.settings.emulation_image, names)
