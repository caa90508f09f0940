"""Take turns at fixed tags before the image is there, so that the time that a turn lasts passes during the upload.

An artifact of the run's own has the turn's tag in the image's place. What killed runs have left of turns and uploads
is removed here, too.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import cache, partial
from typing import TYPE_CHECKING

from ecr_tasks.clients.parallel import begin, map_parallel
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.execute.set_tags import PARALLEL
from ecr_tasks.execute.turns import Held, HeldTurn, can_take_turns, told_if_left, turn_tag
from ecr_tasks.model.artifact import Artifact
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.manifest import MANIFEST_MEDIA_TYPES, StoredImage
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.tag import TURN_TAG
from ecr_tasks.plan.tag_states import PlannedTag

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Target

ARTIFACT_TYPE = "application/vnd.ecr-tasks.turn"
"""The type of the artifact that has a turn before its image is there."""


def take_turns_ahead(
    items: Sequence[PlannedTag],
    repository: Repository,
    registry: Target,
    warn: Callable[[str], None],
    ends: ExitStack,
) -> Callable[[], Held]:
    """Begin to take the turns at fixed tags for an image that is yet to be uploaded; return what waits for those.

    No turn is taken that another run has, nor one whose tag ECR locks, which would keep others away for the whole
    upload. What an error leaves is taken after the upload. ``ends`` removes the turns.
    """
    fixed = {name: item.tag.name for item in items if not repository.locks(name := turn_tag(item))}
    begun: dict[str, Callable[[], Callable[[], None]]] = {}
    held: dict[str, HeldTurn] = {}

    def take(name: str) -> None:
        artifact = _artifact()
        delete = partial(_delete_artifact, name, artifact.digest, repository, registry, warn)
        begun[name] = cache(partial(begin, delete))
        registry.set_tag(repository, artifact, name)
        held[name] = HeldTurn(name, artifact.digest, time.monotonic(), begun[name])

    others: dict[str, str] = {}

    def take_all() -> None:
        prepared = begin(partial(registry.artifacts.prepare, repository))
        others.update(registry.tag_digests(repository, [*fixed]))
        prepared()
        map_parallel(take, [name for name in fixed if name not in others], PARALLEL, None)

    taken = begin(take_all)

    def wait() -> Held:
        with suppress(EcrTasksError):
            taken()
        return held

    def end() -> None:
        with suppress(EcrTasksError):
            taken()
        for removed in [remove() for remove in [*begun.values()]]:
            removed()
        for name, digest in others.items():  # whose turns this run may have taken in the end
            if _delete_left(digest, (), repository, registry):
                _remove_uploads(name, fixed[name], repository, registry)

    ends.callback(end)
    return wait


def remove_left(image: StoredImage, tags: Sequence[PlannedTag], repository: Repository, registry: Target) -> None:
    """Remove what a killed run has left of an image that is published: its upload's tags, and artifacts of its turns.

    A run that is under way, and has one of these turns, takes it again.
    """
    left = [tag for tag in image.tags if tag.startswith(TURN_TAG)]
    if can_take_turns(repository, registry, left):
        turns = [turn_tag(item) for item in tags if item.tag.kind == "fixed"]
        for name, digest in registry.tag_digests(repository, turns).items():
            _delete_left(digest, (name,), repository, registry)


def _delete_left(digest: str, tags: Sequence[str], repository: Repository, registry: Target) -> bool:
    """Delete a manifest that has none but these tags if it is a turn's artifact, and return whether it was one."""
    with suppress(EcrTasksError):
        found = registry.image(repository, digest)
        is_looked_at = found is not None and found.pushed is not None  # else its tags are not known
        if found is None or not is_looked_at or not {*found.tags} <= {*tags}:
            return False
        if _is_artifact(registry.read(repository, found)):
            registry.delete_image(repository, digest)
            return True
    return False


def _remove_uploads(turn: str, fixed: str, repository: Repository, registry: Target) -> None:
    """Remove the tags of the uploads for a fixed tag that is set by now: nobody needs them any more."""
    with suppress(EcrTasksError):
        tags = registry.list_tags(repository) or ()
        for tag in tags if fixed in tags else ():
            if tag.startswith(f"{turn}-"):
                registry.untag(repository, tag)


def untag_kept(tag: str, repository: Repository, registry: Target) -> None:
    """Take a tag from an image that stays without one: ECR deletes the image whose last tag is removed."""
    registry.artifacts.prepare(repository)
    artifact = _artifact()
    registry.set_tag(repository, artifact, tag)
    registry.delete_image(repository, artifact.digest)


def _artifact() -> StoredImage:
    """Return an artifact that no other run has."""
    text = Artifact(ARTIFACT_TYPE, (), {"run": secrets.token_hex(16)}).manifest()
    return StoredImage(sha256_digest(text), text, MANIFEST_MEDIA_TYPES[0])


def _is_artifact(image: StoredImage) -> bool:
    return image.document.get("artifactType") == ARTIFACT_TYPE


def _delete_artifact(
    name: str, digest: str, repository: Repository, registry: Target, warn: Callable[[str], None]
) -> None:
    """Delete the artifact of a turn, also where the turn is another run's by now."""
    with told_if_left(name, repository, warn):
        registry.delete_image(repository, digest)
