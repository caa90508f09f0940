"""Take turns at setting a fixed tag that ECR doesn't lock, so that it never moves.

ECR can't set a tag only where there is none: of two runs that look at the same moment and find none, both would set
it. So all runs first set another tag, the same for all of them, each to its own image; a run sets the fixed tag only
while the other tag still has its image, and the run that has lost it waits. This is Fischer's mutual exclusion with
one shared register: it holds where what is between a run's look and its next call is shorter than what is between
another run's first two calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from ecr_tasks.clients.parallel import begin, map_parallel
from ecr_tasks.errors import Denied, EcrTasksError, Refused, RegistryError
from ecr_tasks.execute.set_tags import PARALLEL, check_kept, digests_of, free_tags
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.tag import TURN_TAG
from ecr_tasks.plan.tag_states import PlannedTag, is_contested

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Target

ATTEMPTS = 5
POLL_SECONDS = 0.5
TURN_SECONDS = 20
"""How long a run waits for one whose turn it is: by then that has only to set the tag, or was killed."""

LEAD_SECONDS = 0.5
"""The time between a run's first two calls, which is many times what comes between its look and its next call.

It is the same for all runs: one waits for what another does, whose network may be a slower one.
"""


@dataclass(frozen=True)
class HeldTurn:
    """A turn that this run has taken: its tag, and the digest that it was set to.

    ``since`` is when that was done (``time.monotonic``). ``remove`` begins to remove it, once, and returns what waits
    for that.
    """

    tag: str
    digest: str
    since: float
    remove: Callable[[], Callable[[], None]]


def turn_tag(item: PlannedTag) -> str:
    """Return the tag of the run whose turn it is to set a fixed tag."""
    return f"{TURN_TAG}{sha256_digest(item.tag.name).removeprefix('sha256:')[:16]}"


def can_take_turns(repository: Repository, registry: Target, left: Sequence[str] = ()) -> bool:
    """Return whether the other tag would leave no trace, and remove those ``left`` by killed runs.

    It takes ecr:BatchDeleteImage to remove it, which not everybody who pushes has, and ECR's own replication would
    copy it to other registries, where it would stay. Raises the error that leaves it unknown.
    """
    replicates = begin(partial(registry.replicates_to, repository.name))  # at the same time
    if not registry.may_untag(repository) or replicates():
        return False
    try:
        for tag in left:
            registry.untag(repository, tag)
    except Denied:
        return False
    return True


Held = Mapping[str, HeldTurn]
"""Turns that this run has taken, by their tags."""


class _LostTurn(Exception):
    """Another run has taken the turn before a further attempt to set the tag."""


@dataclass(frozen=True)
class _FixedTags:
    """Sets fixed tags of an image in the repository."""

    image: StoredImage
    repository: Repository
    registry: Target
    warn: Callable[[str], None]

    def take_turn(self, item: PlannedTag) -> None:
        """Take the turn at a tag, from whoever has it."""
        with suppress(Refused):  # another run has it, and ECR locks that tag
            self.registry.set_tag(self.repository, self.image, turn_tag(item))

    def put(self, item: PlannedTag, digest: str, looked_at: float) -> bool:
        """Set a tag whose turn has had this digest; return False where it is lost before a further attempt.

        ``looked_at`` is when that was looked at (``time.monotonic``). Warns where another run may have set the tag
        since.
        """

        def look_again() -> None:
            nonlocal looked_at
            looked_at = time.monotonic()
            found = look_at_turns([item], [item], self.repository, self.registry)
            free_tags([item], digests_of(found), self.image.digest, self.repository)
            if not has_turn(item, digest, found):
                raise _LostTurn

        try:
            self.registry.set_tag(self.repository, self.image, item.tag.name, look_again)
        except _LostTurn:
            return False
        seconds = time.monotonic() - looked_at
        if seconds > LEAD_SECONDS:
            turn = self.registry.images(self.repository, [turn_tag(item)])
            if not has_turn(item, digest, turn):
                name = f"{self.repository.uri}:{item.tag.name}"
                self.warn(
                    f"It took {seconds:.1f} s to set {name}, and another run has taken its turn: its image may have "
                    f"had the tag before {self.image.digest}. See which digest it has printed, and use the one that "
                    "has the tag."
                )
        return True


def set_in_turn(
    pending: Sequence[PlannedTag],
    image: StoredImage,
    repository: Repository,
    registry: Target,
    warn: Callable[[str], None],
    ends: ExitStack,
    beside: Callable[[], object],
    held: Held = MappingProxyType({}),
    later: Sequence[PlannedTag] = (),
) -> list[PlannedTag]:
    """Set the fixed ones of the pending tags that ECR doesn't lock, and return the other tags.

    The image is in the repository. ``ends`` waits for what is still under way. ``beside`` is called at the time that
    the tags are set. ``held`` are turns that were taken before, ``later`` the fixed tags that the image gets after
    these. Raises Refused when another image gets one of them all meanwhile.
    """
    contested = [item for item in pending if is_contested(item, repository)]
    if not contested or not can_take_turns(repository, registry):
        return list(pending)
    ahead = {item: turn for item in contested if (turn := held.get(turn_tag(item)))}
    due, to_take = contested, [item for item in contested if item not in ahead]
    turns = [turn_tag(item) for item in to_take]

    fixed = _FixedTags(image, repository, registry, warn)
    try:
        for _ in range(ATTEMPTS):
            map_parallel(fixed.take_turn, to_take, PARALLEL, None)
            wait_before_look(time.monotonic() if to_take else max(turn.since for turn in ahead.values()))
            with registry.permit(repository, len(due)):
                looked_at = time.monotonic()
                found = look_at_turns([*due, *later], due, repository, registry)
                free = free_tags([*due, *later], digests_of(found), image.digest, repository)
                due = [item for item in due if item in free]
                holders = {item: ahead[item].digest if item in ahead else image.digest for item in due}
                ours = [item for item in due if has_turn(item, holders[item], found)]
                if ours:
                    looked = begin(beside)
                    puts = [partial(fixed.put, item, holders[item], looked_at) for item in ours]
                    are_set = map_parallel(lambda put: put(), puts, PARALLEL, None)
                    looked()
                    ours = [item for item, is_set in zip(ours, are_set, strict=True) if is_set]
            due = [item for item in due if item not in ours]
            if not due:
                return [item for item in pending if item not in contested]
            # Whoever has taken over from an artifact may have begun to upload just now, for hours.
            if all(turn.digest == image.digest for turn in ahead.values()):
                wait_for_turn(due[0], image.digest, repository, registry)
            to_take, ahead = due, {}
            turns = [turn_tag(item) for item in contested]
    finally:
        for item in contested:
            if turn := held.get(turn_tag(item)):
                turn.remove()
        for tag in turns:
            ends.callback(begin(partial(remove_turn, tag, image.digest, repository, registry, warn)))
    raise others_have_turns(due[0], repository)


def others_have_turns(item: PlannedTag, repository: Repository) -> RegistryError:
    """Return the error of a run that others keep from setting a fixed tag."""
    return RegistryError(
        f"Other runs set {item.tag.name} in {repository.uri} at the same time, and none of them has ended.",
        "Run it again.",
    )


def begin_check(
    tags: Sequence[PlannedTag], digest: str, repository: Repository, registry: Target
) -> Callable[[], None]:
    """Return what checks, called when all tags are set, that the fixed ones among these have kept the image.

    Where they were set in turn no other run can have moved them: what else has, is looked for while the other tags
    are set, from now on.
    """
    check = partial(check_kept, tags, digest, repository, registry)
    contested = any(is_contested(item, repository) for item in tags)
    return begin(check) if contested and can_take_turns(repository, registry) else check


def look_at_turns(
    tags: Sequence[PlannedTag], turns: Sequence[PlannedTag], repository: Repository, registry: Target
) -> Mapping[str, StoredImage]:
    """Return the images that fixed tags have, and those of the turns at some of them, looked at at the same time.

    Whoever had the turn before us has set its tag by now: the tag need not be looked at before the turn. Nothing may
    come between this look and the next call, not even the rate limit's wait (``Target.permit``); where it took long
    itself, the turns are looked at once more.
    """
    names = [turn_tag(item) for item in turns]
    start = time.monotonic()
    found = registry.images(repository, [*(item.tag.name for item in tags), *names])
    if time.monotonic() - start > LEAD_SECONDS / 2:
        now = registry.images(repository, names)
        found = {name: image for name, image in found.items() if name not in names} | dict(now)
    return found


def has_turn(item: PlannedTag, digest: str, found: Mapping[str, StoredImage]) -> bool:
    """Return whether the turn at a fixed tag has this digest: the image's own, or what was set for it ahead."""
    image = found.get(turn_tag(item))
    return image is not None and image.digest == digest


def wait_before_look(turn_set: float) -> None:
    """Wait between the calls that set a turn and that look at the fixed tag and the turn; ``turn_set`` is the time of
    the first one (``time.monotonic``)."""
    time.sleep(max(0.0, turn_set + LEAD_SECONDS - time.monotonic()))


@contextmanager
def told_if_left(tag: str, repository: Repository, warn: Callable[[str], None]) -> Iterator[None]:
    """Warn of a tag that an error in the block leaves."""
    try:
        yield
    except EcrTasksError as error:
        reference = f"{repository.uri}:{tag}"
        warn(f"{reference}, which was for the upload only, is not removed: {error} Then remove it in ECR.")


def remove_turn(tag: str, digest: str, repository: Repository, registry: Target, warn: Callable[[str], None]) -> None:
    """Remove the tag of a run's turn from its image, if it still has that image."""
    with told_if_left(tag, repository, warn):
        registry.untag(repository, tag, digest)


def wait_for_turn(item: PlannedTag, image: str, repository: Repository, registry: Target) -> None:
    """Wait until no run has the turn; ``image`` is the digest or id of ours.

    Who takes it from another that has it makes both begin again, and of three runs perhaps none ever ends. What a
    killed run has left, which ECR may lock, is removed in the end. Raises Refused when another image has got the tag.
    """
    turn, other, polls = turn_tag(item), None, 0
    for _ in range(int(ATTEMPTS * TURN_SECONDS / POLL_SECONDS)):
        existing = dict(registry.tag_digests(repository, [turn, item.tag.name]))
        current = existing.pop(turn, None)
        if not free_tags([item], existing, image, repository) or current in (None, image):
            return
        other, polls = (other, polls + 1) if current == other else (current, 1)
        time.sleep(POLL_SECONDS)
        if polls == TURN_SECONDS / POLL_SECONDS:
            break
    if other is not None:
        registry.untag(repository, turn, other)
