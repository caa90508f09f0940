"""The check of docker's engine, buildx and the builder: there, running, new enough, able to build what is planned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ecr_tasks.checks.builder_platforms import platforms_without_emulation
from ecr_tasks.errors import BuildError, EcrTasksError, ExitCode
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.finding import Finding, Section, StartBuilder
from ecr_tasks.model.image import Image
from ecr_tasks.model.machine import BuilderFacts, EngineFacts
from ecr_tasks.plan.other_client import check_client

DOCKER = Section("Docker", ExitCode.BUILD)
UPDATE_BUILDX = "Update docker's buildx plugin (the package docker-buildx-plugin or docker-buildx)."
_SKEW_SECONDS = 60.0


@dataclass(frozen=True)
class Feature:
    """Something that a buildx before ``version`` lacks; ``wanted`` says whether this project uses it."""

    version: str
    what: str
    wanted: bool


def check_engine(facts: EngineFacts | EcrTasksError) -> Iterator[Finding]:
    """Yield what is to say of docker's client and engine."""
    if isinstance(facts, EcrTasksError):
        yield DOCKER.error("engine", facts)
        return
    name = f" ({facts.system})" if facts.system else ""
    yield DOCKER.fine("engine", f"{facts.server}{name}, client {facts.client}")
    if facts.clock and facts.asked_at:
        behind = (facts.asked_at - facts.clock).total_seconds()
        if abs(behind) > _SKEW_SECONDS:
            word = "behind" if behind > 0 else "ahead of"
            yield DOCKER.warning(
                "engine's clock",
                f"The engine's clock is {abs(behind):.0f} s {word} this machine's: times in images are wrong, and "
                "certificates may not be accepted.",
                "Restart the engine (Docker Desktop's machine is often behind after a sleep), or set its clock.",
            )


def check_other_client(
    name: str, version: str | EcrTasksError, images: Sequence[Image], *, copies: bool, builder: str | None = None
) -> Iterator[Finding]:
    """Yield what is to say of a client in docker's place, whose ``version`` is its own line about it.

    ``copies`` tells whether the images go to more registries, ``builder`` is the one that the settings name.
    """
    if isinstance(version, EcrTasksError):
        yield DOCKER.error(name, version)
    else:
        yield DOCKER.fine(name, f"{version}, in docker's place (ECR_CLIENT)")
    for image in images:
        try:
            check_client(image.name, image.definition, name, copies=copies, builder=builder)
        except BuildError as error:
            yield DOCKER.error("build", error)


def check_buildx(version: str | EcrTasksError, features: Sequence[Feature]) -> Iterator[Finding]:
    """Yield what is to say of buildx's version and of the features that it lacks."""
    if isinstance(version, EcrTasksError):
        yield DOCKER.error("buildx", version)
        return
    number = _number(version)
    missing = [feature for feature in features if number < _number(feature.version)]
    wanted = [feature for feature in missing if feature.wanted]
    for feature in wanted:
        yield DOCKER.wrong(
            "buildx",
            f"buildx {version} is too old to {feature.what}, which needs {feature.version}.",
            UPDATE_BUILDX,
        )
    if missing and not wanted:
        what = "; ".join(f"{feature.what} ({feature.version})" for feature in missing)
        yield DOCKER.warning("buildx", f"buildx {version} works, and is too old to {what}.", UPDATE_BUILDX)
    if not missing:
        yield DOCKER.fine("buildx", version)


def check_builder(
    facts: BuilderFacts | EcrTasksError, images: Sequence[Image], *, local_registry: bool = False
) -> Iterator[Finding]:
    """Yield what is to say of the builder, and of the platforms that it can't run programs of.

    ``local_registry`` tells whether images go to a registry on this machine's 127.0.0.1.
    """
    if isinstance(facts, EcrTasksError):
        yield DOCKER.error("builder", facts)
        return
    engine, status = facts.engine, facts.status
    kind = f"{engine.builder} (driver {engine.driver or 'unknown'})"
    if facts.error:
        yield DOCKER.wrong(
            "builder",
            f"The builder {kind} does not answer: {facts.error.rstrip('.')}.",
            "Start what it names, or choose another one with ECR_BUILDER (`docker buildx ls` lists them).",
        )
    elif engine.driver == "remote" and status != "running":  # nothing that buildx could start
        yield DOCKER.wrong(
            "builder",
            f"The builder {kind} is {status or 'not reached'}: nothing answers at its address.",
            "Start what listens there, or choose another one with ECR_BUILDER (`docker buildx ls` lists them with "
            "their addresses).",
        )
    elif engine.driver != "docker" and status != "running":
        yield DOCKER.warning(
            "builder",
            f"The builder {kind} is {status or 'not started'}: the next build starts it first.",
            f"Run `docker buildx inspect --bootstrap {engine.builder}`.",
            StartBuilder(engine.builder),
        )
    else:
        yield DOCKER.fine("builder", f"{kind}, {status}")
    if local_registry and not facts.shares_network:
        yield DOCKER.warning(
            "builder's network",
            f"The builder {kind} has a network of its own: it can't push to the local ECR at 127.0.0.1, as images of "
            "several platforms need, nor read base images there.",
            "Set ECR_BUILDER to one in the host's network (`inv builder.create NAME --option network=host`), or "
            "to the engine's own (default).",
        )
    yield from _check_platforms(facts, images)


def _check_platforms(facts: BuilderFacts, images: Sequence[Image]) -> Iterator[Finding]:
    offered = facts.engine.platforms
    planned = sorted({name for image in images for name in image.definition.platforms})
    if not planned:
        return
    if not offered:
        yield DOCKER.unknown("platforms", "the builder lists its platforms only once it runs")
        return
    found = False
    for image in images:
        for missing in platforms_without_emulation(image.definition, facts.engine):
            found = True
            text, remedy = missing.error(image.name, facts.engine.builder)
            state = DOCKER.wrong if missing.runs else DOCKER.warning
            yield state("platforms", text, remedy)
    if not found:
        yield DOCKER.fine("platforms", f"{', '.join(planned)}: the builder can run them")


def _number(version: str) -> tuple[int, ...]:
    """Return a version's three numbers; one that can't be read (a build of one's own) counts as new."""
    parts = version.lstrip("v").split("+")[0].split("-")[0].split(".")
    try:
        return tuple(int(part) for part in parts[:3])
    except ValueError:
        return (999,)
