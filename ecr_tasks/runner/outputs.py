"""TODO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.ci.outputs.model import CopyOutput, ImageOutput, Outputs
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.plan import Plan, PlannedImage
from ecr_tasks.runner import receipt
from ecr_tasks.runner.receipt import Entry
from ecr_tasks.source.state import SourceState

_TELLING = ("schedule", "semver", "pep440", "match", "edge", "ref", "raw", "sha")
"""Rule types by how much their tags tell: the priorities of docker/metadata-action."""


def gather(
    plan: Plan,
    entries: Mapping[str, Entry],
    source: SourceState,
    project: Path,
    *,
    sizes: Mapping[str, Mapping[str, int]] | None = None,
    versions: Mapping[str, str] | None = None,
    complete: bool = True,
) -> Outputs:
    """Puts together what a run did, image by image in the plan's order; those it did nothing with are left out.

    ``sizes`` has an image's compressed bytes by platform, where somebody asked the registry; ``versions`` an
    image's version, where the tag rules name one: else it is the most telling tag. ``complete`` as in
    :class:`Outputs`.
    """
    images = []
    for item in plan.images:
        entry = entries.get(item.image.name)
        if entry is None or (entry.built is None and not entry.published):
            continue
        name = item.image.name
        version = (versions or {}).get(name) or _version(item.image.tags)
        images.append(_image(item, entry, (sizes or {}).get(name, {}), version))
    return Outputs(
        tuple(images),
        _receipt(project, source),
        branch=source.branch,
        tag=source.tag,
        revision=source.revision,
        dirty=source.dirty,
        complete=complete,
    )


def _image(item: PlannedImage, entry: Entry, sizes: Mapping[str, int], version: str | None) -> ImageOutput:
    tags = tuple(tag.name for tag in item.image.tags)
    built = entry.built
    if not entry.published:
        return ImageOutput(
            name=item.image.name,
            repository=item.image.repository,
            digest=built.digest if built else None,
            tags=tags,
            version=version,
            state="built",
            because=item.because,
            platforms=dict.fromkeys(built.platforms) if built else {},
            seconds=entry.seconds,
        )
    done = entry.published[0]
    total = entry.size if entry.size is not None else done.image.size
    if done.image.is_index:
        known = tuple(name for name, _ in done.image.children)
    else:
        known = entry.platforms or (built.platforms if built else ()) or tuple(sizes)
    only = total if len(known) == 1 else None
    platforms: dict[str, int | None] = {name: sizes.get(name, only) for name in known}
    return ImageOutput(
        name=item.image.name,
        repository=f"{done.registry}/{done.repository}",
        digest=done.digest,
        tags=done.tags,
        version=version,
        state=done.state,
        because=item.because,
        platforms=platforms,
        size=total,
        seconds=entry.seconds,
        copies=(
            *(CopyOutput(copy.reference, copy.state) for copy in entry.published[1:]),
            *(CopyOutput(failed.copy.place, "failed", failed.error.cause) for failed in entry.failed),
        ),
    )


def _version(tags: Sequence[Tag]) -> str | None:
    """The tag whose rule tells most; the first of them as the plan has it."""

    def rank(tag: Tag) -> int:
        kind = next((part[5:] for part in tag.rule.split(",") if part.startswith("type=")), "")
        return _TELLING.index(kind) if kind in _TELLING else len(_TELLING)

    return min(tags, key=rank).name if tags else None


def _receipt(project: Path, source: SourceState) -> str:
    """From the top of the checkout, where CI systems start their steps and look for artifacts."""
    path = receipt.path(project)
    if source.root is not None and path.is_relative_to(source.root):
        return path.relative_to(source.root).as_posix()
    return path.relative_to(project).as_posix()
