"""The base images of a definition: their names, and the builds and annotations that a lock or a digest gives them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from ecr_tasks.errors import Refused
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.manifest import BASE_DIGEST, BASE_NAME
from ecr_tasks.model.platform import LOCAL
from ecr_tasks.source.bases_lock import NAME, Lock
from ecr_tasks.source.build_context.base_images import final_base, full_name, pinned_digest
from ecr_tasks.source.build_context.base_images import named_context as context_name
from ecr_tasks.source.build_context.dockerfile import Dockerfile, parse
from ecr_tasks.source.build_context.references import IMAGE, read_dockerfile, read_references
from ecr_tasks.source.build_context.unknown import Unknown

Builder = Callable[[], str]
"""Returns the platform of the builder, which a build without one is for; it is called only where that matters."""

_FOR_BUILDER = r"BUILD(?:PLATFORM|OS|ARCH|VARIANT)"
_FOR_TARGET = r"TARGET(?:PLATFORM|OS|ARCH|VARIANT)"


@dataclass(frozen=True)
class Base:
    """A base image of a definition: how it is written, its full name, and the named context that can replace it."""

    reference: str
    name: str
    context: str

    @property
    def digest(self) -> str | None:
        """The digest that is written with it."""
        return pinned_digest(self.reference)

    @property
    def full_reference(self) -> str:
        """Its full name, with the digest that is written with it."""
        return f"{self.name}@{self.digest}" if self.digest else self.name


def bases_of(definition: BuildDefinition, builder: Builder) -> tuple[Base, ...]:
    """Return the images that a definition's own build reads, without its frontend, by their names.

    One that is named in several ways is there once for each: a context replaces one of them alone.
    """
    references = read_references(definition, lambda: _platform(definition, builder))
    written = {image.reference for image in references.written} - {references.frontend}
    contexts = {
        (value.removeprefix(IMAGE), name) for name, value in definition.contexts.items() if value.startswith(IMAGE)
    }
    named = {(reference, context_name(reference)) for reference in written} | contexts
    return tuple(Base(reference, full_name(reference), context) for reference, context in sorted(named))


def locked_place(definition: BuildDefinition, reference: str) -> str | None:
    """Return where a definition's own build reads a base image by digest; None where it reads it as it is written."""
    names = [name for name, value in definition.contexts.items() if value == f"{IMAGE}{reference}"]
    if (written := context_name(reference)) not in definition.contexts:
        names.append(written)
    place = next((definition.bases[name] for name in names if name in definition.bases), None)
    return place.removeprefix(IMAGE) if place else None


def unknown_bases(definition: BuildDefinition, builder: Builder) -> str | None:
    """Return why a build may read other images than :func:`bases_of` tells; None where it reads no others."""
    references = read_references(definition, lambda: _platform(definition, builder))
    return references.unknown if references.may_be_more else None


def with_locked_bases(definition: BuildDefinition, lock: Lock, image: str, builder: Builder) -> BuildDefinition:
    """Return a definition, and those that it links to, whose base images are those of a lock.

    Raises Refused for one that the lock doesn't have. ``image`` names the image in errors.
    """
    missing = sorted(
        {base.name for item in definition.with_links() for base in bases_of(item, builder) if not base.digest}
        - set(lock)
    )
    if missing:
        raise Refused(
            f"{NAME} lacks {', '.join(missing)}, which {image} is built on.",
            "Run `inv bases --update`, look at the difference and commit it.",
        )
    return with_digests(definition, {name: (name, digest) for name, digest in lock.items() if digest}, builder)


def with_digests(
    definition: BuildDefinition, places: Mapping[str, tuple[str, str]], builder: Builder
) -> BuildDefinition:
    """Return a definition, and those that it links to, that reads its base images from places, by digest.

    ``places`` has an address without tag or digest's and the digest, by what :func:`full_references` returns.
    """
    linked = {name: with_digests(item, places, builder) for name, item in definition.linked.items()}
    replaced = {
        base.context: f"{IMAGE}{without_digest(place)}@{digest}"
        for base, reference in _read_now(definition, builder)
        if reference in places
        for place, digest in [places[reference]]
        if not (base.digest and place == base.name)
    }
    return replace(definition, linked=linked, bases={**definition.bases, **replaced})


def full_references(definition: BuildDefinition, builder: Builder) -> set[str]:
    """Return the base images that a definition, and those that it links to, read: full names, with known digests."""
    return {reference for item in definition.with_links() for _, reference in _read_now(item, builder)}


def _read_now(definition: BuildDefinition, builder: Builder) -> Iterator[tuple[Base, str]]:
    """Yield the base images of a definition's own build, each with its full name and the digest that is read."""
    for base in bases_of(definition, builder):
        place = definition.bases.get(base.context)
        digest = base.digest or (pinned_digest(place) if place else None)
        yield base, f"{base.name}@{digest}" if digest else base.name


def without_digest(reference: str) -> str:
    """Return a reference without its digest."""
    return reference.partition("@")[0]


def with_base_annotations(definition: BuildDefinition, builder: Builder) -> BuildDefinition:
    """Return a definition with the annotations of the image that its result stands on, where its digest is known.

    They are ``org.opencontainers.image.base.name`` and ``.base.digest`` (OCI image specification, annotations.md).
    Where platforms stand on different images, each one's manifest has its own, and so has its entry in the index.
    """
    if not any(map(_may_know_digest, definition.with_links())):  # of hundreds, which need not be parsed for it
        return definition
    bases = _final_bases(definition, builder)
    if any(digest is None for _, digest in bases.values()):
        return definition
    is_common = len({bases.get(platform) for platform in definition.platforms}) < 2
    found: dict[str, str] = {}
    for platform, (name, digest) in bases.items():
        level = "" if is_common else f"manifest[{platform}],manifest-descriptor[{platform}]:"
        found |= {f"{level}{BASE_NAME}": name, f"{level}{BASE_DIGEST}": digest or ""}
    own = {BASE_NAME, BASE_DIGEST} & {*definition.annotations}
    added = {key: value for key, value in found.items() if key.rpartition(":")[2] not in own}
    return replace(definition, annotations={**added, **definition.annotations})


def _may_know_digest(definition: BuildDefinition) -> bool:
    """Return whether a digest may be known of what a definition's own build reads: by a lock, or as it is written."""
    if definition.bases:
        return True
    values = (*definition.contexts.values(), *map(str, definition.args.values()))
    try:
        return b"sha256" in read_dockerfile(definition)[0] or any("sha256" in value for value in values)
    except Unknown:
        return False


def moving_bases(definition: BuildDefinition, builder: Builder) -> frozenset[tuple[str, str | None]]:
    """Return the full names of the images that a definition's result stands on, with the digests of fixed ones.

    There are none where all of them are fixed.
    """
    bases = frozenset(_final_bases(replace(definition, bases={}), builder).values())
    return bases if any(digest is None for _, digest in bases) else frozenset()


def _final_bases(definition: BuildDefinition, builder: Builder) -> dict[str, tuple[str, str | None]]:
    """Return by platform the full name of the image that the last stage stands on, and its digest if it is known.

    A platform whose image isn't known, or that stands on none, is left out; the builder's own is empty.
    """
    try:
        file = parse(read_dockerfile(definition)[0])
    except Unknown:
        return {}
    own = _platform(definition, builder, file)
    bases = {}
    for platform in definition.platforms or ("",):
        written = final_base(file, definition, platform or own, own)
        value = definition.contexts.get(written, "") if written is not None else ""
        if written is None or (value and not value.startswith((IMAGE, "target:"))):
            continue
        if value.startswith("target:"):
            linked = definition.linked.get(value.removeprefix("target:"))
            found = _final_bases(linked, builder) if linked else {}
            if found:
                bases[platform] = found.get(platform) or next(iter(found.values()))
            continue
        reference, context = (value.removeprefix(IMAGE), written) if value else (written, context_name(written))
        place = definition.bases.get(context)
        digest = pinned_digest(reference) or (pinned_digest(place) if place else None)
        bases[platform] = full_name(reference), digest
    return bases


def _platform(definition: BuildDefinition, builder: Builder, file: Dockerfile | None = None) -> str:
    """Return the builder's platform where a base image's name in the Dockerfile depends on it; else any will do."""
    if file is None:
        try:
            file = parse(read_dockerfile(definition)[0])
        except Unknown:
            return LOCAL
    names = [*(stage.base for stage in file.stages), *(word for item in file.arguments for word in item.words)]
    wanted = _FOR_BUILDER if definition.platforms else f"{_FOR_BUILDER}|{_FOR_TARGET}"
    return builder() if any(re.search(wanted, name) for name in names) else LOCAL


def all_bases(definition: BuildDefinition, builder: Builder) -> Iterator[Base]:
    """Yield the base images of a definition and of those that it links to, each once, by name and written digest."""
    found = {base.full_reference: base for item in definition.with_links() for base in bases_of(item, builder)}
    yield from (found[reference] for reference in sorted(found))


def unlinked_bases(
    targets: Mapping[str, BuildDefinition], tags: Mapping[str, Sequence[str]], builder: Builder
) -> Iterator[tuple[str, str, str]]:
    """Yield an image, a base image of it as it is written, and the target whose image the files give that name.

    Such a build doesn't wait for that target, and takes what the engine or a registry has under the name. ``tags``
    are what the files call the image of each target.
    """
    makers = {full_name(tag): name for name, names in tags.items() for tag in names}
    words = {tag.removesuffix(":latest") for names in tags.values() for tag in names}
    for name, definition in targets.items():
        for item in definition.with_links():
            try:
                content, _ = read_dockerfile(item)
            except Unknown:
                continue
            texts = (content.decode(errors="replace"), *map(str, item.args.values()))
            if not any(word in text for word in words for text in texts):  # which is faster than to parse them all
                continue
            for base in bases_of(item, builder):
                maker = makers.get(base.name)
                if not base.digest and maker not in (None, name) and targets[str(maker)] != item:
                    yield name, base.reference, str(maker)
