"""Read the state of the registries and the engine: everything that the plan depends on, and no more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.execute.prove_unchanged import Difference, git_proof
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.image import Image
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.plan.cache import caches_of
from ecr_tasks.plan.destinations import check_destinations, plan_copy, unique_destinations
from ecr_tasks.plan.forward import is_commit, is_older_than_commit, must_be_read
from ecr_tasks.plan.plan import depends_on_engine, other_images, plan_image
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.republish import revision_tags
from ecr_tasks.plan.snapshot import CopyKey, Snapshot
from ecr_tasks.plan.tag_states import PlannedTag, plan_tag
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.source_state import SourceState

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Engine, Registry, Target
    from ecr_tasks.source.git.history import Relation

    Relations = Callable[[Collection[str]], Mapping[str, Relation]]
    _Request = tuple[Target | EcrTasksError, str, Sequence[str], Collection[str] | None]
"""A registry, a repository, its tags, and for a brief look those that move."""

PARALLEL = 8
"""The number of repositories that are described at the same time."""


def look_at_registries(
    images: Sequence[Image],
    settings: Settings,
    source: SourceState,
    registry: Registry,
    target: Callable[[Destination], Target],
    engine: Callable[[], Engine],
    retrier: Retrier,
    relations: Relations = lambda commits: {},
    *,
    republish: bool = False,
    brief: bool = False,
    builds_elsewhere: Callable[[], bool] = lambda: False,
    difference: Difference | None = None,
) -> Snapshot:
    """Describe the repositories of all registries at the same time, then read labels, replication and the engine.

    ``relations`` returns how commits are related to the source's. ``brief`` is for a run that does nothing where
    everything is published: one API call for each repository tells it so. ``builds_elsewhere`` tells whether the
    builder works without an engine, which may be missing then. ``difference`` is what git tells of an image's inputs:
    a commit may have got the image of one that has the same, and with ECR_SKIP=commit needs no build. An error of a
    destination is part of the snapshot. Raises the errors of the settings' registry, and SettingsError for
    destinations that make no sense.
    """
    check_destinations(settings.destinations, [image.repository for image in images])
    may_build = republish or settings.skip == "never"
    may_build = may_build or any(image.anew or image.local_tags[0].kind != "fixed" for image in images)
    brief = brief and not may_build
    snapshot = _describe(images, settings.destinations, registry, target, retrier, brief=brief)
    if not settings.create_repository:
        snapshot = _with_templates(snapshot, registry, target)

    def plan(image: Image) -> PlannedImage:
        return plan_image(
            image,
            source,
            snapshot,
            create_repository=settings.create_repository,
            skip=settings.skip,
            caches=caches_of(settings, source),
            republish=republish,
        )

    items, looked_at = [plan(image) for image in images], set[tuple[str, str]]()
    while new := _unseen_revisions([item.whole or item for item in items], looked_at):
        snapshot, looked_at = _with_own_revisions(new, snapshot, registry), {*looked_at, *new}
        items = [plan(image) for image in images]
    wholes = [item.whole or item for item in items]
    snapshot = _with_revisions(wholes, snapshot, target)
    views = snapshot.repositories
    known = relations({image.commit for image in _others(wholes, snapshot) if image.commit})
    snapshot = _with_commits(wholes, snapshot, source, known, registry, target)
    if any(view is not views[name] for name, view in snapshot.repositories.items()):  # commits are known now
        items = [plan(image) for image in images]
        wholes = [item.whole or item for item in items]
    commits = {commit for image in _others(wholes, snapshot) for commit in image.commits}
    more = {commit for commit in commits if commit not in known and not is_commit(commit, source)}
    snapshot = replace(snapshot, relations={**known, **relations(more)} if more else known)
    if difference is not None:
        reuses = settings.skip == "commit" and not republish
        proofs = {
            item.image.name: git_proof(
                item,
                source,
                registry,
                difference,
                reuses=reuses and not item.rebuilds,
                relations=snapshot.relations,
            )
            for item in wholes
        }
        if any(proofs.values()):
            snapshot = replace(snapshot, unchanged={name: proof for name, proof in proofs.items() if proof})
            items = [plan(image) for image in images]
            wholes = [item.whole or item for item in items]
    if settings.destinations:
        copies = [
            (item, destination)
            for item in wholes
            for destination in _incomplete_destinations(item, settings, snapshot)
        ]
        replicated = frozenset(_key(*copy) for copy in copies if _is_replicated(*copy, registry))
        same = frozenset(_key(*copy) for copy in copies if _is_same_repository(*copy, settings, snapshot, registry))
        snapshot = replace(snapshot, replicated=replicated, same_repository=same)
    builds = any(item.build_needed for item in items)
    if any(map(depends_on_engine, items)) or (builds and builds_elsewhere()):
        snapshot = replace(snapshot, engine=engine_or_error(engine))
    return snapshot


def _describe(
    images: Sequence[Image],
    destinations: Sequence[Destination],
    registry: Registry,
    target: Callable[[Destination], Target],
    retrier: Retrier,
    *,
    brief: bool,
) -> Snapshot:
    """Return a snapshot with the repositories of the settings' registry and of the destinations."""
    tags = {image.repository: image.tag_names for image in images}
    moving = {image.repository: image.moving_names for image in images} if brief else None
    if not destinations:
        return Snapshot(registry.describe(tags, moving))
    copies = [
        (image, destination)
        for image in images
        for destination in unique_destinations(destinations, image.repository)
    ]
    registry.connect()
    targets = {destination: _target_or_error(destination, target) for _, destination in copies}
    requests: list[_Request] = [(registry, name, tags[name], moving and moving[name]) for name in tags]
    requests += [
        (
            targets[destination],
            destination.name_of(image.repository),
            image.planned_names,
            moving and moving[image.repository],
        )
        for image, destination in copies
    ]
    views = map_parallel(_describe_repository, requests, PARALLEL, retrier)
    repositories: dict[str, RepositoryView] = {}
    for name, view in zip(tags, views, strict=False):
        if isinstance(view, EcrTasksError):
            raise view
        repositories[name] = view
    keys = [(image.repository, destination) for image, destination in copies]
    return Snapshot(repositories, dict(zip(keys, views[len(tags) :], strict=True)))


def _target_or_error(destination: Destination, target: Callable[[Destination], Target]) -> Target | EcrTasksError:
    """Return a destination's registry, or why its credentials can't be had."""
    try:
        return target(destination)
    except EcrTasksError as error:
        return error


def _with_templates(snapshot: Snapshot, registry: Registry, target: Callable[[Destination], Target]) -> Snapshot:
    """Return the snapshot with the missing repositories that ECR itself creates when they are pushed to."""
    repositories, destinations = dict(snapshot.repositories), dict(snapshot.destinations)
    for name, view in snapshot.repositories.items():
        if view.repository is None:
            repositories[name] = registry.created_on_push(name)
    for (name, destination), answer in snapshot.destinations.items():
        if isinstance(answer, RepositoryView) and answer.repository is None:
            there = target(destination).created_on_push(destination.name_of(name))
            destinations[name, destination] = there
    return replace(snapshot, repositories=repositories, destinations=destinations)


def _describe_repository(request: _Request) -> RepositoryView | EcrTasksError:
    """Return a repository with its tags, or the error."""
    registry, name, tags, moving = request
    if isinstance(registry, EcrTasksError):
        return registry
    try:
        return registry.describe({name: tags}, None if moving is None else {name: moving})[name]
    except EcrTasksError as error:
        return error


def _unseen_revisions(items: Sequence[PlannedImage], looked_at: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the repositories and names of planned revision tags of which is not known whether they are there.

    The first is looked at with the tag that the commit is published under.
    """
    return [
        (item.image.repository, name)
        for item in items
        for name in revision_tags(item.image)[1:]
        if item.view and name not in item.view.tags and (item.image.repository, name) not in looked_at
    ]


def _with_own_revisions(new: Sequence[tuple[str, str]], snapshot: Snapshot, registry: Registry) -> Snapshot:
    """Return the snapshot with those of the revision tags that are there, each of a repository and a name."""
    repositories = dict(snapshot.repositories)
    for repository in dict.fromkeys(name for name, _ in new):
        view = repositories[repository]
        found = registry.find(repository, [tag for name, tag in new if name == repository])
        repositories[repository] = replace(view, tags={**view.tags, **found.tags})
    return replace(snapshot, repositories=repositories)


def _with_revisions(
    items: Sequence[PlannedImage], snapshot: Snapshot, target: Callable[[Destination], Target]
) -> Snapshot:
    """Return the snapshot with the revisions of published commits at the destinations, which few commits have."""
    destinations = dict(snapshot.destinations)
    for item in items:
        new = revision_tags(item.image)
        for (repository, destination), view in snapshot.destinations.items():
            if new and repository == item.image.repository and isinstance(view, RepositoryView) and view.repository:
                name = destination.name_of(repository)
                found = target(destination).describe({name: new})[name]
                destinations[repository, destination] = replace(view, tags={**view.tags, **found.tags})
    return replace(snapshot, destinations=destinations)


def _with_commits(
    items: Sequence[PlannedImage],
    snapshot: Snapshot,
    source: SourceState,
    relations: Mapping[str, Relation],
    registry: Registry,
    target: Callable[[Destination], Target],
) -> Snapshot:
    """Return the snapshot with the manifests and labels of the images whose commit decides and is not known else."""
    repositories = dict(snapshot.repositories)
    destinations = dict(snapshot.destinations)
    for item in items:
        name = item.image.repository
        repositories[name] = _view_with_commits(item.tags, repositories[name], source, relations, registry)
        for (repository, destination), view in snapshot.destinations.items():
            if repository == name and isinstance(view, RepositoryView) and not destination.is_public:
                tags = _tag_states(item, view)
                destinations[repository, destination] = _view_with_commits(
                    tags, view, source, relations, target(destination)
                )
    return replace(snapshot, repositories=repositories, destinations=destinations)


def _tag_states(item: PlannedImage, view: RepositoryView) -> list[PlannedTag]:
    """Return the states of an image's tags in the repository of a destination."""
    return [plan_tag(tag, view, None if item.build_needed else item.published) for tag in item.image.tags]


def _view_with_commits(
    tags: Sequence[PlannedTag],
    view: RepositoryView,
    source: SourceState,
    relations: Mapping[str, Relation],
    registry: Target,
) -> RepositoryView:
    """Return a view with the manifests that are needed, which ECR counts as pulls, and with labels.

    docker's classic store pushes manifests without annotations: only labels name the commit then.
    """
    by_name = {item.tag.name: item for item in tags}
    for name, image in other_images(tags, view):
        if view.repository is None:
            break
        item, known = by_name[name], relations.get(image.commit or "", "unknown")
        if item.state == "present":
            decides = is_older_than_commit(image, source)
        else:
            decides = must_be_read(item.tag, image, source, known)
        if decides:
            image = registry.read(view.repository, image)
        if image.is_read and image.revision is None:
            image = replace(image, labels=registry.labels(view.repository, image))
        if image is not view.tags[name]:
            view = replace(view, tags={**view.tags, name: image})
    return view


def _others(items: Sequence[PlannedImage], snapshot: Snapshot) -> Iterator[StoredImage]:
    """Yield the images that have moving tags of these, here and at the destinations."""
    for item in items:
        name = item.image.repository
        there = (view for (repository, _), view in snapshot.destinations.items() if repository == name)
        for view in (snapshot.repositories[name], *there):
            if isinstance(view, RepositoryView):
                yield from (image for _, image in other_images(_tag_states(item, view), view))


def _key(item: PlannedImage, destination: Destination) -> CopyKey:
    return item.image.repository, destination


def _incomplete_destinations(item: PlannedImage, settings: Settings, snapshot: Snapshot) -> list[Destination]:
    """Return the private destinations that lack the image or a tag, under the name that the repository has here.

    Only these can be targets of ECR's replication, which keeps a repository's name, or the settings' own repository.
    """
    name = item.image.repository
    destinations = []
    for destination in unique_destinations(settings.destinations, name):
        view = snapshot.destinations[name, destination]
        if isinstance(view, EcrTasksError) or destination.is_public or destination.name_of(name) != name:
            continue
        published = None if item.build_needed else item.published
        if not plan_copy(destination, name, item.image.tags, view, published).is_present:
            destinations.append(destination)
    return destinations


def _is_replicated(item: PlannedImage, destination: Destination, registry: Registry) -> bool:
    """Return whether ECR replicates the image to the destination by the registry's replication rules."""
    if item.view is None or item.view.repository is None:
        return False
    return (destination.account, destination.region) in registry.replicates_to(item.image.repository)


def _is_same_repository(
    item: PlannedImage, destination: Destination, settings: Settings, snapshot: Snapshot, registry: Registry
) -> bool:
    """Return whether a destination is the settings' own repository, by name, region and account.

    False when one of them exists: then their addresses can be compared.
    """
    view = snapshot.destinations[item.image.repository, destination]
    exists = isinstance(view, RepositoryView) and view.repository is not None
    if exists or item.view is None or item.view.repository is not None or destination.region != registry.region():
        return False
    try:
        return destination.account == (settings.account_id or registry.caller_account())
    except EcrTasksError:  # without an account, the addresses are compared once the repositories are created
        return False


def engine_or_error(engine: Callable[[], Engine]) -> Engine | EcrTasksError:
    """Return the engine, or why it can't be asked."""
    try:
        return engine()
    except EcrTasksError as error:
        return error
