"""The check that a builder can run the programs of the platforms that an image is built for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ecr_tasks.errors import BuildError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.platform import covers, parse_platform
from ecr_tasks.source.build_context.dockerfile import Stage, parse
from ecr_tasks.source.build_context.references import read_dockerfile
from ecr_tasks.source.build_context.unknown import Unknown

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Engine


@dataclass(frozen=True)
class MissingPlatform:
    """A planned platform that the builder can't run programs of; ``runs`` tells whether the build has to."""

    platform: str
    runs: bool

    def error(self, name: str, builder: str) -> tuple[str, str]:
        """Return the cause and the remedy for the image ``name``."""
        architecture = self.platform.split("/")[1] if "/" in self.platform else self.platform
        cause = f"The image {name} is planned for {self.platform}, whose programs the builder {builder} can't run"
        install = (
            "Install the emulation (ECR_EMULATION=install, "
            f"`docker run --privileged --rm tonistiigi/binfmt --install {architecture}`, or the package "
            "qemu-user-static)"
        )
        if self.runs:
            remedy = f"{install}, use a builder of that platform (ECR_BUILDER), or take it out of ECR_PLATFORMS."
            return f"{cause}, and its Dockerfile has a RUN for it.", remedy
        return f"{cause}; its Dockerfile seems to need none of them.", f"{install} if a step ends in a format error."


def check_platforms(name: str, definitions: Iterable[BuildDefinition], engine: Engine) -> None:
    """Raise BuildError when a build of the image ``name`` has to run programs that the builder can't run."""
    for definition in definitions:
        for missing in platforms_without_emulation(definition, engine):
            if missing.runs:
                raise BuildError(*missing.error(name, engine.builder))


def platforms_without_emulation(definition: BuildDefinition, engine: Engine) -> Iterator[MissingPlatform]:
    """Yield the planned platforms that are not among the builder's; none for a builder that doesn't list its own."""
    if not engine.platforms:
        return
    offered = {parse_platform(item) or item for item in engine.platforms}
    for platform in dict.fromkeys(parse_platform(item) or item for item in definition.platforms):
        if not any(covers(other, platform) for other in offered):
            yield MissingPlatform(platform, _runs_programs(definition))


def _runs_programs(definition: BuildDefinition) -> bool:
    """Return whether the build runs programs of the target's platform: a RUN in a needed stage without --platform.

    A stage ``FROM --platform=$BUILDPLATFORM`` runs the builder's own programs. False for a Dockerfile that can't be
    read, so that nothing is refused that may work.
    """
    try:
        content, _ = read_dockerfile(definition)
    except Unknown:
        return False
    stages = parse(content).stages
    own = _stages_of_own_platform(stages)
    needed = (stage for stage in _needed(stages, definition.target) if stage not in own)
    return any(instruction.name == "run" for stage in needed for instruction in stage.instructions)


def _stages_of_own_platform(stages: tuple[Stage, ...]) -> list[Stage]:
    """Return the stages whose platform is not the target's: they name one, or are built on a stage that does."""
    own: list[Stage] = []
    for number, stage in enumerate(stages):
        if stage.platform is not None:
            is_own = "TARGETPLATFORM" not in stage.platform
        else:
            is_own = any(other in own for other in stages[:number] if other.name == stage.base.lower())
        if is_own:
            own.append(stage)
    return own


def _needed(stages: tuple[Stage, ...], target: str | None) -> list[Stage]:
    """Return the target's stage, the last by default, with those that it is built on or copies from."""
    if not stages:
        return []
    by_name = {stage.name: stage for stage in stages if stage.name}
    start = by_name.get(target.lower()) if target else stages[-1]
    needed: list[Stage] = []
    pending = [start] if start else []
    while pending:
        stage = pending.pop()
        if stage in needed:
            continue
        needed.append(stage)
        sources = [stage.base, *(i.flag("from") or "" for i in stage.instructions if i.name == "copy")]
        for source in sources:
            number = int(source) if source.isascii() and source.isdigit() else -1
            other = by_name.get(source.lower()) or (stages[number] if 0 <= number < len(stages) else None)
            if other is not None:
                pending.append(other)
    return needed


INSTALLS = ("docker", "docker-container")
"""The drivers whose builders use the kernel of the engine's machine, into which emulation can be installed."""


def missing_emulation(definitions: Iterable[BuildDefinition], engine: Engine) -> tuple[str, ...]:
    """Return the platforms whose emulation a build needs and the engine can be given."""
    if engine.driver not in INSTALLS:
        return ()
    missing = (item for definition in definitions for item in platforms_without_emulation(definition, engine))
    return tuple(dict.fromkeys(item.platform for item in missing if item.runs))
