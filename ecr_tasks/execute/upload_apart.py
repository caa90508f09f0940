"""Upload an image under a tag that only uploads have, so that docker's push sets no tag that matters.

docker pushes no digest ("cannot push a digest reference"), and sets the tag at the end of an upload that may take
minutes. Where ECR doesn't lock the tag, it would move from the image that another run has published meanwhile.
"""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import cache, partial
from types import TracebackType

from ecr_tasks.clients.parallel import Workers, begin
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import EcrTasksError, Refused
from ecr_tasks.execute.built_manifest import push_with_manifest
from ecr_tasks.execute.turns import (
    ATTEMPTS,
    Held,
    HeldTurn,
    can_take_turns,
    others_have_turns,
    told_if_left,
    turn_tag,
    wait_for_turn,
)
from ecr_tasks.execute.turns_ahead import untag_kept
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.manifest import MANIFEST_MEDIA_TYPES, StoredImage
from ecr_tasks.model.ports import Docker, Registry, Target
from ecr_tasks.model.receipt import Built
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.tag import TURN_TAG
from ecr_tasks.plan.destinations import PlannedCopy
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.tag_states import PlannedTag, is_contested
from ecr_tasks.signals import was_interrupted

LANDING_SECONDS = 0.5
"""How long a manifest that an interrupted push has just sent may take to get there."""

SKEW_SECONDS = 300
"""How far this machine's clock is off at most: AWS refuses what a machine asks whose clock is further."""

PARALLEL = 8
"""To how many destinations an image is uploaded at once."""


class UploadsAhead:
    """Uploads of a build from the engine to its destinations while it is pushed, as a context.

    Each destination gets the content, under the tag of the turns alone; its own tags are set after the push. What is
    not uploaded so is copied from where it was pushed, which downloads it. At the context's end that tag is removed,
    and with it an image that got no other.
    """

    def __init__(
        self,
        warn: Callable[[str], None],
        quietly: Callable[[], AbstractContextManager[object]],
        retrier: Retrier | None = None,
    ) -> None:
        self._warn, self._quietly = warn, quietly
        self._workers = Workers(PARALLEL, retrier)
        self._waits: dict[Destination, Callable[[], None]] = {}
        self._turns: dict[Destination, HeldTurn] = {}
        self.failed: dict[Destination, EcrTasksError] = {}
        """Why uploads failed; the copy is made in another way, and meets what lasts."""

    def __enter__(self) -> UploadsAhead:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(error)

    def end(self, error: BaseException | None = None) -> None:
        """End the uploads and remove their tags; whoever calls it once more waits for that, too.

        The run does so before its end: a thread that waits for an answer may never come to the end of the context.
        """
        with ExitStack() as ends:
            ends.callback(self._remove)  # also of an interrupted run, which waits for no answer that takes long
            self._workers.end(error)

    def __contains__(self, destination: Destination) -> bool:
        """Return whether an upload to the destination was begun."""
        return destination in self._waits

    def begin(
        self, item: PlannedImage, built: Built, docker: Docker, targets: Mapping[Destination, Target]
    ) -> Sequence[PlannedCopy]:
        """Begin the uploads of an image to those of its destinations that take them, and return the copies of these.

        What docker prints of them is not shown: the thread of each works in a context ``quietly``.
        """
        copies = uploaded_copies(item, built)
        for copy in copies:
            puts = item.image.definition.manifests
            upload = partial(self._upload, copy, built, puts, docker, targets[copy.destination])
            self._waits[copy.destination] = self._workers.begin(upload)
        return copies

    def wait(self) -> None:
        """Wait until no upload is under way any more."""
        for wait in self._waits.values():
            wait()

    def turn(self, destination: Destination, digest: str) -> HeldTurn | None:
        """Wait for an upload and return its turn; None where this image was not uploaded to the destination.

        Another one that was, and is not to be there, is removed: its turn's tag would move from it.
        """
        if destination in self._waits:
            self._waits[destination]()
        turn = self._turns.get(destination)
        if turn is not None and turn.digest != digest:
            turn.remove()()
            return None
        return turn

    def _upload(self, copy: PlannedCopy, built: Built, puts: int, docker: Docker, target: Target) -> None:
        repository = copy.view.repository if copy.view else None
        if repository is None or built.digest is None:
            return
        name = turn_tag(_contested(copy)[0])
        try:
            with self._quietly():
                if not can_upload_apart(repository, target, docker):
                    return
                if target.existing_digests(repository, [built.digest]):
                    return  # it may have no tag, and would go with that of the upload
                docker.authorize(replace(target.token(), host=repository.host))
                with ExitStack() as after_error:
                    # Without a warning: where it can't be removed, the upload has hardly set it.
                    after_error.callback(_remove_upload, name, built.digest, repository, target, lambda text: None)
                    with target.reserve(repository, puts):
                        _push(built, name, repository, docker, target)
                    removal = partial(_remove_upload, name, built.digest, repository, target, self._warn)
                    turn = HeldTurn(name, built.digest, time.monotonic(), cache(partial(begin, removal)))
                    self._turns[copy.destination] = turn  # an interruption may leave this thread at its next call
                    image = target.image(repository, name)
                    if image is not None and image.digest == built.digest:
                        after_error.pop_all()
                    else:
                        del self._turns[copy.destination]
        except EcrTasksError as error:
            self._turns.pop(copy.destination, None)
            self.failed[copy.destination] = error

    def _remove(self) -> None:
        with ExitStack() as ends:  # each, also after an error of another
            for turn in [*self._turns.values()]:
                ends.callback(turn.remove())


def uploaded_copies(item: PlannedImage, built: Built | None = None) -> list[PlannedCopy]:
    """Return those copies of an image whose content the engine uploads itself; ``built`` is its build, if known.

    The engine must have the very manifests that are published, and the copy a repository of ECR that lacks them.
    docker has one login for a host: places that share one with another identity's get their copy in turn, as does one
    on the image's own host, whose registry may mount the layers that it has. There must be turns at the copy's fixed
    tags, as the upload's tag is theirs: whoever pushes there has the right to remove it, and no tag of a killed run
    is locked. A moving tag alone may be a newer image's by then, and nothing would keep ours.
    """
    here = item.view.repository if item.view else None
    in_engine = item.keep != "builder" if built is None else _is_in_engine(built)
    if here is None or not item.build_needed or item.published or item.whole is not None or not in_engine:
        return []
    places = [(_host(copy), copy.destination.identity) for copy in item.copies if _host(copy)]
    hosts = Counter(host for host, _ in dict.fromkeys(places))
    return [
        copy for copy in item.copies if _takes_upload(copy) and hosts[_host(copy)] == 1 and _host(copy) != here.host
    ]


def _is_in_engine(built: Built) -> bool:
    return built.joined is None and built.keep != "builder" and None not in (built.digest, built.image_id)


def _takes_upload(copy: PlannedCopy) -> bool:
    if copy.error is not None or copy.is_present or copy.destination.is_public or copy.transport != "copy":
        return False
    return bool(_contested(copy))


def _host(copy: PlannedCopy) -> str:
    return copy.view.repository.host if copy.view and copy.view.repository else ""


def _contested(copy: PlannedCopy) -> list[PlannedTag]:
    """Return the tags of a copy that are set in turn, where ECR doesn't lock the turn's tag."""
    repository = copy.view.repository if copy.view else None
    if repository is None:
        return []
    contested = [item for item in copy.tags if is_contested(item, repository)]
    return [item for item in contested if not repository.locks(turn_tag(item))]


def can_upload_apart(repository: Repository, registry: Target, docker: Docker) -> bool:
    """Return whether the tag of an upload would leave no trace, and remove those that killed runs have left."""
    beginning = f"{repository.uri}:{TURN_TAG}"
    left = [name.rpartition(":")[2] for name in docker.left_names if name.startswith(beginning)]
    return can_take_turns(repository, registry, left)


@contextmanager
def uploaded_apart(
    item: PlannedTag,
    built: Built,
    repository: Repository,
    docker: Docker,
    registry: Registry,
    warn: Callable[[str], None],
    ends: ExitStack,
    taken: Callable[[], Held] | None = None,
) -> Iterator[tuple[StoredImage, Held]]:
    """Push a build under another tag than the planned one; give the block the stored image and the run's turns.

    That other tag is the turn's, unless turns are taken ahead, which ``taken`` waits for. At the block's end it is
    removed, and ``ends`` waits for that. Raises Refused when another image gets the planned tag meanwhile.
    """
    turn = turn_tag(item)
    # Of two uploads under one tag, nothing would remove the image that loses it; the same build has the same tag, so
    # that its next upload takes what a killed run has left.
    name = turn if taken is None else f"{turn}-{built.id.removeprefix('sha256:')[:8]}"
    image: StoredImage | None = None
    is_used, began = False, datetime.now(timezone.utc)

    def remove() -> Callable[[], None]:
        if image is None and was_interrupted():
            time.sleep(LANDING_SECONDS)
        digest = built.digest if image is None else image.digest
        if digest is None:
            with suppress(EcrTasksError):
                found = _stored(built, name, repository, registry)
                digest = found.digest if found is not None else None
        if digest is None:
            return lambda: None
        return begin(partial(_remove_upload, name, digest, repository, registry, warn, None if is_used else began))

    try:
        for _ in range(ATTEMPTS):
            manifest = _push(built, name, repository, docker, registry)
            pushed = time.monotonic()
            image = _stored(built, name, repository, registry) if manifest is None else _image_of(manifest)
            if image is not None:
                break
            wait_for_turn(item, built.id, repository, registry)
        else:
            raise others_have_turns(item, repository)
        yield image, {turn: HeldTurn(turn, image.digest, pushed, _goes_later)} if taken is None else taken()
        is_used = True
    finally:
        ends.callback(remove())


def _push(built: Built, name: str, repository: Repository, docker: Docker, registry: Target) -> str | None:
    """Push the build under a tag and return its manifest, if the builder has it.

    Does nothing where another upload has the tag and ECR locks it.
    """
    reference = f"{repository.uri}:{name}"
    docker.tag_for_run(built.image_id or built.digest or "", reference)
    with suppress(Refused):
        return push_with_manifest(reference, built, docker, registry)
    return None


def _remove_upload(
    name: str,
    digest: str,
    repository: Repository,
    registry: Target,
    warn: Callable[[str], None],
    began: datetime | None = None,
) -> None:
    """Remove the tag of an upload, and an image that has no other, unless that was there before.

    ``began`` is when the upload of an image that may have no other tag did; None where nothing was there. ECR alone
    decides whether an image has another tag: a look may be too old, or have no right to see tags.
    """
    with told_if_left(name, repository, warn):
        found = registry.image(repository, digest) if began is not None else None
        if found is not None and began is not None and _may_be_older(found, began):
            if not found.tags or name in found.tags:
                untag_kept(name, repository, registry)
        elif not registry.untag(repository, name, digest):  # another upload has it, and it was perhaps the only one
            left = registry.image(repository, digest)
            if left is not None:
                again = f"{TURN_TAG}{secrets.token_hex(16)}"
                registry.set_tag(repository, left, again)
                registry.untag(repository, again, digest)


def _goes_later() -> Callable[[], None]:
    """Remove nothing: the tag of a turn that is an upload's goes with that."""
    return lambda: None


def _may_be_older(image: StoredImage, moment: datetime) -> bool:
    """Return whether the registry may have had an image before a moment of this machine's clock."""
    return image.pushed is None or image.pushed < moment - timedelta(seconds=SKEW_SECONDS)


def _stored(built: Built, name: str, repository: Repository, registry: Registry) -> StoredImage | None:
    """Return the image that ECR has under a tag, with its manifest, or None where it isn't the build's."""
    image = registry.image(repository, name)
    if image is None or (built.digest is not None and image.digest != built.digest):
        return None
    image = registry.read(repository, image)
    return image if built.is_stored_as(image) else None


def _image_of(manifest: str) -> StoredImage:
    return StoredImage(
        sha256_digest(manifest), manifest, parse_json(manifest).get("mediaType", MANIFEST_MEDIA_TYPES[0])
    )
