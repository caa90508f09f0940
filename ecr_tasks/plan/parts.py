"""An image whose platforms are built by several runners: each pushes its part, and the last one joins them.

A part is found by a tag that names the commit, what else decides the image, and the platform. So all runners of one
commit know each other's parts without a word between them, and no runner takes that of another commit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.image import Image, revision_names, split_revision
from ecr_tasks.model.manifest import SETTINGS, VERSION
from ecr_tasks.model.platform import LOCAL, parse_platform
from ecr_tasks.model.tag import PART_RULE, PART_TAG, Tag

_DIGITS = 24


def part_prefix(revision: str) -> str:
    """Return the beginning of the tags of all parts of a commit."""
    return f"{PART_TAG}{revision[:12]}-"


def part_tag(image: Image, platform: str, revision: str) -> Tag:
    """Return the tag of the part for one platform of an image of a commit.

    It has a digest of the image's name, its first tag, its version, its settings (build arguments, labels, platforms
    and the rest), what is attached to it and, where they are known, its inputs: what differs in any of it is no part
    of the same image.
    """
    bound: dict[str, object] = {
        "name": image.name,
        "revision": revision,
        "first": image.tags[0].name,
        "version": image.definition.labels.get(VERSION),
        "settings": image.definition.labels.get(SETTINGS),
        "inputs": image.inputs.digest if image.inputs else None,
        **({"attached": sorted(image.referrer_kinds)} if image.referrers else {}),
    }
    digits = sha256_digest(json.dumps(bound, sort_keys=True)).removeprefix("sha256:")[:_DIGITS]
    name = f"{part_prefix(revision)}{digits}-{platform.replace('/', '-')}"
    return Tag(name, "fixed", PART_RULE, f"the image for {platform}")


def part_tags(image: Image, revision: str) -> dict[str, str]:
    """Return the tags of all parts of an image by platform, in the order of its platforms."""
    platforms = image.definition.platforms
    return {platform: part_tag(image, platform, revision).name for platform in platforms}


def parts_of_other_revisions(image: Image, platform: str, revision: str) -> set[str]:
    """Return the tags of this part in the image's other revisions: that of 1.2.3 beside 1.2.3-r2."""
    tag = image.tags[0]
    firsts = dict.fromkeys([tag.name, split_revision(tag.name)[0]])  # a git tag may end so itself
    names = [name for first in firsts for name in (first, *revision_names(first)) if name != tag.name]
    others = [replace(image, tags=(replace(tag, name=name),)) for name in names]
    return {part_tag(other, platform, revision).name for other in others}


def part_of(image: Image, platform: str, revision: str) -> Image:
    """Return the part of an image for one platform; it writes the image's caches."""
    definition = replace(image.definition.for_platform(platform), cache_to=image.definition.cache_to)
    tag = part_tag(image, platform, revision)
    return replace(image, definition=definition, tags=(tag,), inputs=None, whole=image)


def no_source_of_parts(image: Image, revision: str | None) -> str | None:
    """Return why an image has no source that several runners can know to be the same, as a clause; None if it has."""
    if revision is None:
        return "there is no commit"
    return "there are uncommitted changes" if image.dirty else None


def only_for(images: Sequence[Image], platform: str, revision: str | None) -> tuple[Image, ...]:
    """Return what a runner for one platform builds: parts of the images that have it among others, and the images
    that have it alone; images without it are left out.

    Raises SettingsError where none has it, and Refused where the other runners could not tell what it was built from.
    """
    chosen = [image for image in images if platform in image.definition.platforms]
    if not chosen:
        known = dict.fromkeys(name for image in images for name in image.definition.platforms)
        if not known:
            raise SettingsError(
                f"This runner is to build for {platform} alone, and the platforms of the whole image are not set.",
                "Set ECR_PLATFORMS to all of them, such as linux/amd64,linux/arm64, the same for every runner.",
            )
        raise SettingsError(
            f"This runner is to build for {platform} alone, and the images are for {', '.join(known)}.",
            "Name one of these with --only, or add it to ECR_PLATFORMS, the same for every runner.",
        )
    result = []
    for image in chosen:
        if len(image.definition.platforms) == 1:
            result.append(image)
            continue
        reason = no_source_of_parts(image, revision)
        if revision is None or reason is not None:
            raise Refused(
                f"{image.name} can't be built for {platform} alone: {reason}, so that other runners could not tell "
                "whether their platforms are of the same source.",
                "Commit first, or build all platforms in one run, without --only and ECR_NATIVE.",
            )
        result.append(part_of(image, platform, revision))
    return tuple(result)


def parse_only(text: str) -> str:
    """Return the platform of ``--only`` in its one form. Raises SettingsError for anything else."""
    platform = parse_platform(text)
    if platform is None or platform == LOCAL:
        raise SettingsError(
            f"--only {text[:80]!r} names no platform.",
            "Name one, such as --only linux/arm64; ECR_NATIVE=true takes that of the runner itself.",
        )
    return platform
