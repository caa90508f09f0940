"""Everything that must hold before an image is built: the tasks that plan, build and publish call this module.

The checks run before a repository is created, before docker gets a registry's token, and before anything is built. A
task that only plans shows what they find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

from ecr_tasks.checks.build_files import check_build_files
from ecr_tasks.checks.builder_platforms import check_platforms, missing_emulation
from ecr_tasks.checks.complete_checkout import check_complete
from ecr_tasks.checks.copied_files import check_copied_files
from ecr_tasks.checks.file_names import check_name
from ecr_tasks.checks.leaked_keys import Scan, check_leaked_keys, new_scan
from ecr_tasks.checks.needless_entries import needless_entries
from ecr_tasks.checks.readable_files import check_readable
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.conflicts import Conflict
from ecr_tasks.plan.other_client import check_client
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.git.incomplete import Checkouts
from ecr_tasks.source.source_state import SourceState

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Engine

Check = Callable[[], object]
"""Raises an EcrTasksError if something is in the way."""

Subject = Literal["checkout", "build files", "copied files", "readable files", "secrets"]
"""What a check of an image is about."""


@dataclass(frozen=True)
class Checked:
    """An image of which nothing is in the way, and the notes of what settings let through."""

    image: Image
    notes: tuple[str, ...] = ()

    def is_for(self, image: Image) -> bool:
        """Return whether another planned image is built from the same, under the same tags."""
        first, other = self.image, image
        return (first.name, first.definition, first.local_tags) == (other.name, other.definition, other.local_tags)


def obstacles(
    building: Sequence[PlannedImage],
    creating: Sequence[PlannedImage],
    settings: Settings,
    source: SourceState,
    environ: Mapping[str, str],
    engine: Callable[[], Engine] | None,
    *,
    promises: bool,
    note: Callable[[str], None] = lambda text: None,
    checked: Checked | None = None,
) -> tuple[Conflict, ...]:
    """Return what is in the way of building and publishing; of each image, the first thing.

    ``building`` are the images to build, ``creating`` those for which a repository is created. ``environ`` is for
    git. ``engine`` asks for the engine and its builder; None if docker must not be asked. It takes a third of a
    second, so it is asked only before a repository is created, or if no build follows (``promises``): a build without
    an engine fails before it has changed anything. ``note`` is told what settings let through. ``checked`` is an
    image that is not looked at anew.
    """
    found: list[Conflict] = []
    if checked is not None and len(building) == 1 and checked.is_for(building[0].image):
        for text in checked.notes:
            note(text)
    else:
        found += _image_obstacles(building, settings, source, environ, promises=promises, note=note)
    for item in creating[:1]:
        from ecr_tasks.plan.repository.desired import desired_repository

        found += _first(item.image.name, [lambda: desired_repository(settings, source)])
    answers: list[Engine] = []
    if engine is not None and building and (creating or promises):
        found += _first(building[0].image.name, [lambda: answers.append(engine())])
    for item in building:
        for known in filter(None, (item.engine, *answers)):
            definitions = list(item.image.definition.with_links())
            if settings.emulation == "install" and (missing := missing_emulation(definitions, known)):
                if promises:
                    note(f"the emulation of {', '.join(missing)} would be installed (ECR_EMULATION)")
                continue
            found += _first(item.image.name, [partial(check_platforms, item.image.name, definitions, known)])
    unique = {item.error.cause: item for item in reversed(found)}  # one cause can be in the way of several images
    return tuple(reversed(unique.values()))


def _image_obstacles(
    building: Sequence[PlannedImage],
    settings: Settings,
    source: SourceState,
    environ: Mapping[str, str],
    *,
    promises: bool,
    note: Callable[[str], None],
) -> list[Conflict]:
    """Return what is in the way of building the images in their files, whatever the registries and the engine say."""
    found: list[Conflict] = []
    # Podman takes any bytes for a name; the others build with BuildKit.
    sees_names = () if settings.client == "podman" else (check_name,)
    scan, checkouts = new_scan(*sees_names), Checkouts(environ)
    for item in building:
        checks = image_checks(item.image, settings, source, environ, note, scan, checkouts)
        # Where a build follows, it says itself what it misses.
        found += _first(item.image.name, (check for about, check in checks if promises or about != "copied files"))
    for text in needless_entries(settings, builds_of(item.image for item in building), environ) if building else ():
        note(text)
    for item in building:
        definition = item.image.definition
        check = partial(check_client, item.image.name, definition, settings.client, builder=settings.builder)
        found += _first(item.image.name, [partial(check, copies=bool(settings.destinations))])
    return found


def builds_of(images: Iterable[Image]) -> Iterator[tuple[BuildDefinition, tuple[Tag, ...]]]:
    """Yield the builds of images, those that they link to included, with the images' tags."""
    for image in images:
        for definition in image.definition.with_links():
            yield definition, image.local_tags


def image_checks(
    image: Image,
    settings: Settings,
    source: SourceState,
    environ: Mapping[str, str],
    note: Callable[[str], None],
    scan: Scan,
    checkouts: Checkouts,
) -> Iterator[tuple[Subject, Check]]:
    """Yield the checks of one image, each with what it is about."""
    definitions = list(image.definition.with_links())
    dockerfile = None if settings.context_is_remote else settings.project / settings.dockerfile
    yield (
        "checkout",
        lambda: check_complete(image.name, definitions, settings.project, checkouts, source.ci, dockerfile),
    )
    yield "build files", lambda: check_build_files(image.name, definitions, settings, environ)
    yield "copied files", lambda: check_copied_files(definitions, settings.project)
    yield "readable files", lambda: check_readable(image.name, definitions, settings.project)
    yield (
        "secrets",
        lambda: check_leaked_keys(
            settings, source, definitions, note, scan, tags=image.local_tags, environ=settings.sdk_environ(environ)
        ),
    )


def _first(name: str, checks: Iterable[Check]) -> list[Conflict]:
    """Run the checks in order and return the first error."""
    for check in checks:
        try:
            check()
        except EcrTasksError as error:
            return [Conflict(name, error)]
    return []
