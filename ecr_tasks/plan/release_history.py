"""What a tag was: its images in order, from the records of releases; and the one that a rollback puts back."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from itertools import takewhile

from ecr_tasks.errors import EcrTasksError, Refused, RegistryError, SettingsError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.model.manifest import short_digest
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.release import Move, Release, ReleaseRecord

_NUMBER = re.compile(r"[0-9]{1,6}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{7,64}")


@dataclass(frozen=True)
class Entry:
    """An image that a tag was on; without ``record``, something else than a recorded release put it there."""

    digest: str
    record: ReleaseRecord | None = None


@dataclass(frozen=True)
class TagHistory:
    """The images that a tag was on, the newest first.

    ``current`` is the digest that it has now, None where there is no such tag. ``images`` are the entries' images
    that still exist, by digest. ``elsewhere`` are records of the same tag in other registries, which came with copies
    of their images. ``broken`` are the digests of records that can't be read, and why. Without ``is_complete``,
    there may be older records.
    """

    repository: Repository
    tag: str
    current: str | None
    entries: tuple[Entry, ...] = ()
    images: Mapping[str, ImageDetail] = field(default_factory=dict)
    elsewhere: tuple[ReleaseRecord, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)
    is_complete: bool = True

    @property
    def numbered(self) -> tuple[tuple[int, Entry], ...]:
        """The entries with their numbers: 0 is what the tag is now, 1 what it was before."""
        return tuple(enumerate(self.entries, start=0 if self.current is not None else 1))

    @property
    def place(self) -> str:
        """The tag with its repository, for messages."""
        return f"{self.repository.name}:{self.tag}"


def tag_entries(tag: str, current: str | None, records: Collection[ReleaseRecord]) -> tuple[Entry, ...]:
    """Return the images that a tag was on, the newest first; ``records`` are of releases that set it.

    They are ordered by the registry's clock. Of runs that were under way at one time any may have set the tag last:
    then what the tag is now, and what a later run found, says which one did. What no record accounts for, such as a
    tag that docker pushed, is an entry without a record.
    """
    left = deque(sorted(records, key=lambda record: (record.pushed, record.digest), reverse=True))
    entries: list[Entry] = []
    expected, later = current, None
    while left:
        newest = left[0]
        racing = takewhile(newest.overlaps, left)  # those behind are older, so that none of them overlaps either
        record = next((item for item in racing if item.release.digest == expected), newest)
        left.remove(record)
        raced = later is not None and record.overlaps(later) and record.release.was[tag] == later.release.was[tag]
        if expected not in (None, record.release.digest) and not raced:
            entries.append(Entry(str(expected)))
        if not (raced and entries[-1].digest == record.release.digest):  # two runs that set it to the same image
            entries.append(Entry(record.release.digest, record))
        expected, later = record.release.was[tag], record
    if expected is not None:
        entries.append(Entry(expected))
    return tuple(entries)


def earlier_image(history: TagHistory, to: str | None) -> Entry:
    """Return the entry to go back to: by its number or (the beginning of) its digest, by default the one before.

    Raises RegistryError when there is none or its image is gone, Refused when the tag is there already, SettingsError
    for a text that is neither.
    """
    if history.current is None and not history.entries:
        raise unknown_tag(history)
    earlier = [(number, entry) for number, entry in history.numbered if number > 0]
    if not earlier:
        raise RegistryError(
            f"Nothing is recorded of what {history.place} was before {short_digest(history.current)}.",
            f"Name the image: `inv promote sha256:… --tag {history.tag}` (`inv images` lists what is there).",
        )
    entry = _chosen(history, earlier, to or "1")
    if entry.digest == history.current:
        raise Refused(
            f"{history.place} is {short_digest(entry.digest)} already.",
            f"Choose another image with --to (`inv history {history.tag}` lists them).",
        )
    _check_there(history, entry)
    return entry


def _chosen(history: TagHistory, earlier: Sequence[tuple[int, Entry]], to: str) -> Entry:
    if _NUMBER.fullmatch(to):
        if int(to) == 0:
            raise Refused(f"{history.place} is number 0 now.", "Count back from 1, which is what it was before.")
        found = next((entry for number, entry in earlier if number == int(to)), None)
        if found is None:
            raise RegistryError(
                f"There is no number {to} in what is known of {history.place}: the oldest is {earlier[-1][0]}.",
                f"Choose one that `inv history {history.tag}` lists.",
            )
        return found
    wanted = to if to.startswith("sha256:") else f"sha256:{to}"
    if not _DIGEST.fullmatch(wanted):
        raise SettingsError(
            f"--to {to[:100]!r} is neither a number nor a digest.",
            f"Write a number of `inv history {history.tag}`, or sha256: and 7 digits at least.",
        )
    matches = {entry.digest: entry for _, entry in history.numbered if entry.digest.startswith(wanted)}
    if len(matches) > 1:
        raise SettingsError(f"Several images begin with {to}.", "Write more of the digest.")
    if not matches:
        raise RegistryError(
            f"{history.place} never was {to[:80]}, as far as is recorded.",
            f"To set it on any image: `inv promote sha256:… --tag {history.tag}`.",
        )
    return next(iter(matches.values()))


def _check_there(history: TagHistory, entry: Entry) -> None:
    """Raise RegistryError for an image that was deleted or archived."""
    image = history.images.get(entry.digest)
    there = [str(number) for number, item in history.numbered if number and _is_usable(history, item)]
    others = f"Others are still there: --to {' or '.join(there[:3])}." if there else "Build that commit again."
    if image is None:
        raise RegistryError(
            f"{entry.digest}, which {history.place} was, is gone: a lifecycle policy or a person deleted it.", others
        )
    if image.status != "ACTIVE":
        raise RegistryError(
            f"{entry.digest}, which {history.place} was, is {image.status.lower()} in ECR.",
            f"Restore it first, with `inv restore {entry.digest}`.{f' {others}' if there else ''}",
        )


def _is_usable(history: TagHistory, entry: Entry) -> bool:
    image = history.images.get(entry.digest)
    return image is not None and image.status == "ACTIVE" and entry.digest != history.current


def unknown_tag(history: TagHistory) -> EcrTasksError:
    """Return the error for a tag that does not exist and of which no record says that it did."""
    return RegistryError(
        f"There is no tag {history.tag} in {history.repository.name}, and no record of one.",
        "Check the tag and the repository (`inv images` lists what is there).",
    )


def last_promoted(histories: Mapping[str, TagHistory]) -> tuple[str, ...]:
    """Return the images whose tag the last release set: the newest record's run may have been for some of them only.

    Runs that completed what an earlier one had begun are one release with it. Of a rollback that ended half way, they
    are those that it didn't come to. Empty when none of the tags is where a recorded release put it.
    """
    records = {
        key: history.entries[0].record
        for key, history in histories.items()
        if history.current is not None and history.entries and history.entries[0].record is not None
    }
    newest = max((record for record in records.values() if record), key=lambda record: record.pushed, default=None)
    if newest is None:
        return ()
    chosen = {key for key, record in records.items() if record and record.release.run == newest.release.run}
    while more := {key for key in histories.keys() - chosen if any(_is_one(histories, key, one) for one in chosen)}:
        chosen |= more
    releases = [record.release for key in chosen if (record := records.get(key))]
    rollbacks = [release for release in releases if release.task == "rollback"]
    left = [key for key, item in histories.items() if any(_is_left(one, item) for one in rollbacks)]
    return tuple(left) or tuple(key for key in histories if key in chosen)


def _is_left(rollback: Release, history: TagHistory) -> bool:
    """Return whether a rollback was to put an image back whose tag is where it found it."""
    move = rollback.together.get(history.repository.name, {}).get(history.tag)
    return move is not None and move.was == history.current


def _is_one(histories: Mapping[str, TagHistory], one: str, other: str) -> bool:
    """Return whether one of these images got its tag by what the run of the other one was to do."""
    return _completes(histories[one], histories[other]) or _completes(histories[other], histories[one])


def _completes(history: TagHistory, begun: TagHistory) -> bool:
    """Return whether what an image has under a tag is what the run that set another one's was to set there, and that
    run didn't record it: it may have set it, or a later one.
    """
    record = begun.entries[0].record if begun.entries else None
    move = record.release.together.get(history.repository.name, {}).get(history.tag) if record is not None else None
    if record is None or move is None or len(history.entries) < 2 or history.current is None:
        return False
    own = history.entries[0].record
    was = own.release.was[history.tag] if own is not None else history.entries[1].digest
    runs = {entry.record.release.run for entry in history.entries if entry.record is not None}
    return move == Move(was, history.entries[0].digest) and record.release.run not in runs
