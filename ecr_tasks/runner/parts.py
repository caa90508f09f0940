"""Images whose platforms are built by several runners: what this one builds, and joining the parts of all."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ecr_tasks.console import say, warn
from ecr_tasks.errors import RegistryError, SettingsError
from ecr_tasks.execute.parts import Parts, bases_that_differ, documents_of_parts, find_parts, join_parts, other_part
from ecr_tasks.execute.push import publish_image
from ecr_tasks.model.attestation import Wanted
from ecr_tasks.model.image import Image
from ecr_tasks.model.manifest import short_digest
from ecr_tasks.model.platform import parse_platform
from ecr_tasks.model.receipt import Built, ImageReceipt, Part
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.wording import join_words
from ecr_tasks.plan.parts import only_for, parse_only
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.runner.history import newer_image

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run


def with_only(run: Run, images: tuple[Image, ...], only: str) -> tuple[Image, ...]:
    """Return what this runner is to build of the images: all, or for one platform with ``only`` or ECR_NATIVE.

    Raises SettingsError and Refused where that makes no image of all platforms.
    """
    if not only and not run.settings.native:
        return images
    platform = parse_only(only) if only else _own_platform(run)
    chosen = only_for(images, platform, run.source.revision)
    names = {image.name for image in chosen}
    for image in images:
        if image.name not in names:
            platforms = join_words(image.definition.platforms) or "the builder's own platform"
            say(f"{image.name}: nothing to do for {platform}, it is for {platforms}")
    return chosen


def _own_platform(run: Run) -> str:
    """Return the platform of this runner's builder (ECR_NATIVE): the first that a builder of its own lists."""
    engine = run.engine()
    is_own = engine.driver not in ("", "docker") and engine.platforms
    text = engine.platforms[0] if is_own else engine.platform
    platform = parse_platform(text)
    if platform is None:
        raise SettingsError(
            f"ECR_NATIVE is true, and the builder {engine.builder} doesn't say for which platform it is ({text!r}).",
            "Name the platform of this runner: `inv build push --only linux/arm64`.",
        )
    return platform


def publish_part(run: Run, item: PlannedImage, receipt: ImageReceipt) -> ImageReceipt:
    """Publish the image of which a part has just been published, if all parts are there by now.

    ``receipt`` is the part's.
    """
    whole, part = item.whole or item, receipt.published[0]
    platform, tag = item.image.definition.platforms[0], item.image.tags[0].name
    verb = "pushed" if part.state == "pushed" else "there already"
    say(f"{part.name}: {platform} {verb}, {short_digest(part.digest)}")
    kept = Part(platform, tag, part.reference, part.digest, part.state)
    revision, repository = whole.revision or "", repository_of(whole)
    parts = find_parts(whole.image, revision, repository, run.registry)
    unpublished = replace(receipt, published=(), platforms=(platform,), size=None, sizes={})
    if parts.missing:
        are = "is" if len(parts.missing) == 1 else "are"
        missing = f"{join_words(parts.missing)} {are} not there yet"
        say(f"{part.name}: {missing}; the runner that pushes it last publishes it")
        for name in parts.missing:  # else each runner ends well, and nobody publishes anything
            other = other_part(whole.image, name, revision, repository, run.registry)
            if other.is_same_version:
                warn(f"{part.name}: {other.words}: runners of other settings make no image with this one.")
        return replace(unpublished, part=replace(kept, missing=parts.missing))
    built = joined(run, whole, parts)
    published = publish_image(
        whole,
        replace(unpublished, built=built),
        run.docker,
        run.registry,
        warn=warn,
        retrier=run.retrier,
        newer=partial(newer_image, run),
        wanted=Wanted(whole.image.referrer_kinds, built.provenance),
    )
    return replace(published, built=receipt.built, part=kept)


def joined(run: Run, whole: PlannedImage, parts: Parts) -> Built:
    """Return the index of all parts of an image, with what is to be attached to it, ready to be tagged."""
    built, kinds = join_parts(whole.image, parts, run.registry), Wanted(whole.image.referrer_kinds)
    if kinds.kinds:
        documents = documents_of_parts(whole.image, parts, repository_of(whole), run.registry, kinds)
        built = replace(built, provenance=documents)
    if (base := bases_that_differ(parts)) is not None:
        warn(
            f"{whole.image.name}: its parts stand on different images of {base}: it moved between their builds. "
            "`inv outdated` names it from now on; for equal ones, lock the base images (`inv bases --update`)."
        )
    say(f"{whole.image.name}: joined {join_words([*parts.present])} as {short_digest(built.digest)}")
    return built


def repository_of(whole: PlannedImage) -> Repository:
    """Return the repository of a planned image. Raises RegistryError when it is gone."""
    repository = whole.view.repository if whole.view else None
    if repository is None:
        raise RegistryError(f"The repository {whole.image.repository} is gone.", "Run it again.")
    return repository
