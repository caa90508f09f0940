"""Mutability and exclusion filters from the tag rules: fixed tags are locked and moving ones not, as far as ECR can.

ECR takes one to five filters of at most two ``*`` (API model, ImageTagMutabilityExclusionFilters). Where five
match every moving tag and no fixed one, the repository is immutable except for those. Branches have any name, so
that it is mostly mutable except for filters that match the fixed tags. A moving tag that is locked would stop a
push, and a fixed one that isn't still never moves under `push`: in doubt nothing is locked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ecr_tasks.model.registry import Mutability
from ecr_tasks.plan.repository.tag_patterns import as_filter, is_too_broad, overlap
from ecr_tasks.plan.repository.tag_shapes import MAJOR, Shape
from ecr_tasks.settings.parse.registry import MAX_FILTERS

_UNLOCKED = "ECR does not lock them; push still never moves them"


@dataclass(frozen=True)
class Locking:
    """Which tags a repository locks, and in sentences which ones five filters can't express."""

    mutability: Mutability
    filters: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def locking(shapes: Sequence[Shape], releases: Iterable[int] = (), actual: Sequence[str] = ()) -> Locking:
    """Return what to lock for these shapes of tags.

    ``releases`` are the major versions that git knows; ``actual`` are the filters that the repository has: their
    major versions go up only, also where a clone knows fewer releases.
    """
    fixed = [shape for shape in shapes if shape.kind == "fixed"]
    moving = [shape for shape in shapes if shape.kind == "moving"]
    if not fixed:
        return Locking("MUTABLE", notes=("The tag rules give no fixed tags, so there is nothing to lock.",))
    movable = _unique(as_filter(shape.text) for shape in moving)
    clashes = any(overlap(_with_any_major(shape.text), one) for shape in fixed for one in movable)
    if len(movable) <= MAX_FILTERS and not clashes:
        return Locking("IMMUTABLE_WITH_EXCLUSION", movable)
    return _locked_by_filters(fixed, moving, _highest_major(fixed, releases, actual))


def _locked_by_filters(fixed: Sequence[Shape], moving: Sequence[Shape], highest: int) -> Locking:
    """Return a mutable repository, except for filters that match the fixed tags."""
    notes: list[str] = []
    plain: list[str] = []
    versions: list[str] = []
    for shape in fixed:
        general = _with_any_major(shape.text) if MAJOR in shape.text else as_filter(shape.text)
        clash = next((other for other in moving if not other.dirty and _is_locked_too(general, other)), None)
        if is_too_broad(as_filter(shape.text.replace(MAJOR, "0"))):
            notes.append(f"Tags of the rule {shape.rule} look like anything, and so can moving ones: {_UNLOCKED}.")
        elif clash is not None:
            notes.append(f"Tags of the rule {shape.rule} can look like those of {clash.rule}: {_UNLOCKED}.")
        elif MAJOR in shape.text:
            versions.append(shape.text)
        else:
            plain.append(general)
    filters, left_out = _filters_within_limit(_unique(plain), _unique(versions), highest, notes)
    if left_out:
        notes.append(f"ECR takes {MAX_FILTERS} filters, so there is none for {', '.join(left_out)}: {_UNLOCKED}.")
    if not filters:
        return Locking("MUTABLE", notes=tuple(notes))
    if any("*" in shape.text and any(overlap(one, shape.text) for one in filters) for shape in moving):
        notes.append(f"A branch whose tag looks like one of {', '.join(filters)} is locked too: name it otherwise.")
    if any(shape.dirty and any(overlap(one, shape.text) for one in filters) for shape in moving):
        notes.append(
            "Tags of uncommitted trees (-dirty) are locked too: push deletes one before it publishes the next, "
            "which needs ecr:BatchDeleteImage."
        )
    return Locking("MUTABLE_WITH_EXCLUSION", filters, tuple(notes))


def _is_locked_too(general: str, other: Shape) -> bool:
    """Return whether a moving tag would be locked with the fixed ones; branches, which have any name, get a note."""
    return "*" not in other.text and overlap(general, other.text)


def _filters_within_limit(
    plain: Sequence[str], versions: Sequence[str], highest: int, notes: list[str]
) -> tuple[tuple[str, ...], list[str]]:
    """Return the filters that there is room for, and the shapes without one; ``notes`` are added to."""
    chosen, left_out = list(plain[:MAX_FILTERS]), list(plain[MAX_FILTERS:])
    for number, shape in enumerate(versions):
        room = (MAX_FILTERS - len(chosen)) // (len(versions) - number)
        if room < 1:
            left_out.append(shape.replace(MAJOR, "*"))
            continue
        first = max(0, highest + 2 - room)
        chosen += [as_filter(shape.replace(MAJOR, str(major))) for major in range(first, first + room)]
        several = f"{first} to {first + room - 1}" if room > 1 else f"{first}"
        notes.append(
            f"Of releases ({shape.replace(MAJOR, 'N')}) the filters have room for the major versions {several}, "
            "which `inv repo.ensure` moves on with git's tags; ECR does not lock the others."
        )
    return tuple(chosen), left_out


def _highest_major(fixed: Sequence[Shape], releases: Iterable[int], actual: Sequence[str]) -> int:
    """Return the highest major version of git and of the present filters, which have room for one more; -1: none."""
    majors = [-1, *releases]
    for shape in fixed:
        if MAJOR in shape.text:
            pattern = re.compile(re.escape(shape.text).replace(re.escape(MAJOR), r"(\d{1,6})"))
            majors += [int(match[1]) - 1 for one in actual if (match := pattern.fullmatch(one))]
    return max(majors)


def _with_any_major(shape: str) -> str:
    return shape.replace(MAJOR, "#")


def _unique(filters: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filters))
