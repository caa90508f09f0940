"""Find the published image that has an image's inputs, as git alone proves it: no build would give anything new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from ecr_tasks.execute.set_tags import read_commit
from ecr_tasks.model.image import FRESH_OPTIONS, BuildDefinition, Image
from ecr_tasks.model.manifest import SETTINGS, StoredImage
from ecr_tasks.model.registry import Repository, RepositoryView
from ecr_tasks.model.wording import join_words
from ecr_tasks.plan.build_settings import compared_settings
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.republish import commit_tag
from ecr_tasks.plan.skip import is_ours
from ecr_tasks.plan.snapshot import GitProof
from ecr_tasks.source.source_state import SourceState

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Registry
    from ecr_tasks.source.git.history import Relation


class Difference(Protocol):
    """Returns why a build may have other inputs than at a commit, as a clause; None where git proves that it hasn't.

    ``of_commits`` is whether only the two commits are compared, and not what is in this folder alone.
    """

    def __call__(self, definition: BuildDefinition, commit: str, *, of_commits: bool = False) -> str | None: ...


SAMPLE = 5
"""How many of an image's commits are compared with the source's, where its tags alone name them."""

MAX_TAGS = 950
"""How many tags an image may have to get more of them; ECR allows 1,000 (service quotas, tags per image)."""


def git_proof(
    item: PlannedImage,
    source: SourceState,
    registry: Registry,
    difference: Difference,
    *,
    reuses: bool = True,
    relations: Mapping[str, Relation],
) -> GitProof | None:
    """Return what git tells of an image's inputs beside those of the images that have its tags; None for nothing.

    ``relations`` are git's, of commits of the images to the source's. Without ``reuses`` only of the image that the
    commit is published as: another one is not to take its place. A manifest is read, which ECR counts as a pull, only
    where git finds nothing that changed: to set a tag takes the manifest anyway.
    """
    image, view = item.image, item.view
    if view is None or view.repository is None or image.dirty or image.outside:
        return None
    first = commit_tag(image)
    if first is None:
        return None
    if first.name in view.tags:
        commits = same_commits(image, view, source, difference)
        return GitProof(commits) if commits else None
    if not reuses or not item.build_needed:
        return None
    builds = list(image.definition.with_links())
    if anew := [option for option in FRESH_OPTIONS if any(build.extra.get(option) for build in builds)]:
        return GitProof(difference=f"it is to be built with {join_words(anew)}")
    because = None
    for candidate in _candidates(item):
        answer = _compare(candidate, item, view.repository, registry, difference, relations)
        if isinstance(answer, StoredImage):
            return GitProof(frozenset([answer.revision or ""]), answer)
        because = because or answer
    return GitProof(difference=because) if because else None


def same_commits(image: Image, view: RepositoryView, source: SourceState, difference: Difference) -> frozenset[str]:
    """Return the other commit whose image this one is published as, if git proves that it has the same inputs."""
    first = commit_tag(image)
    own = view.tags.get(first.name) if first else None
    if own is None or own.revision is None or is_ours(own, image, source.revision):
        return frozenset()
    differs = difference(image.definition, own.revision, of_commits=True) is not None
    return frozenset() if differs else frozenset([own.revision])


def _candidates(item: PlannedImage) -> Iterator[StoredImage]:
    """Yield the images that have the moving tags, each once."""
    view = item.view
    tags = [tag.name for tag in item.image.tags if tag.kind == "moving"]
    images = [view.tags[name] for name in tags if view and name in view.tags]
    yield from {image.digest: image for image in images}.values()


def _sample(commits: Sequence[str], relations: Mapping[str, Relation]) -> Sequence[str]:
    """Return a few of an image's commits, first those that the clone has; it is the image of each of them."""
    return sorted(commits, key=lambda commit: relations.get(commit, "unknown") == "unknown")[:SAMPLE]


def _compare(
    stored: StoredImage,
    item: PlannedImage,
    repository: Repository,
    registry: Registry,
    difference: Difference,
    relations: Mapping[str, Relation],
) -> StoredImage | str | None:
    """Return a published image with its manifest if it has the inputs of ``item``, else why it may not."""
    definition = item.image.definition
    if len(stored.tags) >= MAX_TAGS:
        return f"its image has {len(stored.tags)} tags by now, and ECR allows a thousand"
    commits = [stored.revision] if stored.revision else _sample(stored.tagged_commits, relations)
    reasons = [difference(definition, commit) for commit in commits]
    if not reasons or None not in reasons:
        return reasons[0] if reasons else None
    stored = read_commit(stored, repository, registry)
    commit = stored.revision
    if commit is None:
        return None
    if reason := difference(definition, commit):
        return reason
    if not stored.names_own_commit:
        return f"only its labels name {commit[:12]} as its commit, and they may be its base image's"
    if stored.settings is None:
        stored = replace(stored, labels=registry.labels(repository, stored))
    if stored.has_ignored_files:
        return f"{commit[:12]} was built with files that git ignores"
    others = compared_settings(stored.settings, definition.labels.get(SETTINGS))
    if others is None:
        return f"the settings that {commit[:12]} was built with are not known"
    return f"{commit[:12]} was built with other {join_words(others)}" if others else stored
