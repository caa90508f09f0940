"""Look at the registries and the engine: ask everything that the plan depends on, and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.image import Image
from ecr_tasks.model.ports import Engine, Registry, Target
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.plan.destinations import check_destinations, plan_copy, unique_destinations
from ecr_tasks.plan.plan import PlannedImage, depends_on_engine, locked_without_revision, plan_image
from ecr_tasks.plan.snapshot import Copy, Snapshot
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.source_state import SourceState

PARALLEL = 8
"""How many questions to other registries go on at once, beside the one to the settings' registry."""


def look_at_registries(
    images: Sequence[Image],
    settings: Settings,
    source: SourceState,
    registry: Registry,
    target: Callable[[Destination], Target],
    engine: Callable[[], Engine],
    retrier: Retrier,
) -> Snapshot:
    """Ask all registries at the same time, then what depends on their answers: labels, replication, the engine.

    Two calls a repository. An error of a destination is part of the snapshot. Raises the errors of the settings'
    registry, and SettingsError for destinations that make no sense.
    """
    check_destinations(settings.destinations, len(images))
    snapshot = _describe(images, settings.destinations, registry, target, retrier)
    items = [
        plan_image(image, source, snapshot, create_repository=settings.create_repository, skip=settings.skip)
        for image in images
    ]
    snapshot = replace(snapshot, repositories=_with_labels(items, snapshot.repositories, registry))
    if settings.destinations:
        copies = [(item, destination) for item in items for destination in _unsettled(item, settings, snapshot)]
        replicated = frozenset(_key(*copy) for copy in copies if _is_replicated(*copy, registry))
        own = frozenset(_key(*copy) for copy in copies if _is_own(*copy, settings, snapshot, registry))
        snapshot = replace(snapshot, replicated=replicated, own=own)
    if any(map(depends_on_engine, items)):
        snapshot = replace(snapshot, engine=_engine(engine))
    return snapshot


def _describe(
    images: Sequence[Image],
    destinations: Sequence[Destination],
    registry: Registry,
    target: Callable[[Destination], Target],
    retrier: Retrier,
) -> Snapshot:
    tags = {image.repository: image.tag_names for image in images}
    if not destinations:
        return Snapshot(registry.describe(tags))
    copies = [(image, item) for image in images for item in unique_destinations(destinations, image.repository)]
    targets = {destination: target(destination) for _, destination in copies}
    registry.connect()
    questions: list[tuple[Target, str, Sequence[str]]] = [(registry, name, names) for name, names in tags.items()]
    questions += [
        (targets[item], item.repository or image.repository, [tag.name for tag in image.tags])
        for image, item in copies
    ]
    answers = map_parallel(_ask, questions, PARALLEL, retrier)
    repositories: dict[str, RepositoryView] = {}
    for name, answer in zip(tags, answers, strict=False):
        if isinstance(answer, EcrTasksError):
            raise answer
        repositories[name] = answer
    keys = [(image.repository, destination) for image, destination in copies]
    return Snapshot(repositories, dict(zip(keys, answers[len(tags) :], strict=True)))


def _ask(question: tuple[Target, str, Sequence[str]]) -> RepositoryView | EcrTasksError:
    registry, name, tags = question
    try:
        return registry.describe({name: tags})[name]
    except EcrTasksError as error:
        return error


def _with_labels(
    items: Sequence[PlannedImage], views: Mapping[str, RepositoryView], registry: Registry
) -> Mapping[str, RepositoryView]:
    """Return the views with the labels of images behind locked tags, where their annotations name no commit."""
    views = dict(views)
    for item in items:
        view = views[item.image.repository]
        for tag, image in locked_without_revision(item):
            if view.repository is not None and (labels := registry.labels(view.repository, image)):
                view = replace(view, tags={**view.tags, tag: replace(image, labels=labels)})
        views[item.image.repository] = view
    return views


def _key(item: PlannedImage, destination: Destination) -> Copy:
    return item.image.repository, destination


def _unsettled(item: PlannedImage, settings: Settings, snapshot: Snapshot) -> list[Destination]:
    """Return the destinations where something is to be done, and which ECR can replicate to or which may be our own.

    A repository keeps its name when ECR replicates it.
    """
    name = item.image.repository
    destinations = []
    for destination in unique_destinations(settings.destinations, name):
        answer = snapshot.destinations[name, destination]
        if isinstance(answer, EcrTasksError) or destination.is_public or destination.repository not in (None, name):
            continue
        published = None if item.build_needed else item.published
        if not plan_copy(destination, name, item.image.tags, answer, published).is_present:
            destinations.append(destination)
    return destinations


def _is_replicated(item: PlannedImage, destination: Destination, registry: Registry) -> bool:
    """Whether ECR brings the image there by the registry's replication rules."""
    if item.view is None or item.view.repository is None:
        return False
    return (destination.account, destination.region) in registry.replicates_to(item.image.repository)


def _is_own(
    item: PlannedImage, destination: Destination, settings: Settings, snapshot: Snapshot, registry: Registry
) -> bool:
    """Whether what exists neither here nor there is one repository, by its name, region and account."""
    answer = snapshot.destinations[item.image.repository, destination]
    exists = isinstance(answer, RepositoryView) and answer.repository is not None
    if exists or item.view is None or item.view.repository is not None or destination.region != registry.region():
        return False
    try:
        return destination.account == (settings.account_id or registry.caller_account())
    except EcrTasksError:  # the credentials name no account: once created, the repositories tell
        return False


def _engine(engine: Callable[[], Engine]) -> Engine | EcrTasksError:
    try:
        return engine()
    except EcrTasksError as error:
        return error
