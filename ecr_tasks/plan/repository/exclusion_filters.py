"""Mutability and exclusion filters from the tag rules: lock fixed tags and not moving ones, as far as ECR can.

ECR accepts one to five filters with at most two ``*`` (API model, ImageTagMutabilityExclusionFilters). If five
filters can match every moving tag and no fixed one, the repository is immutable except for them. Branch names can be
anything, so that it is usually mutable except for filters that match the fixed tags. In doubt a tag is not locked: a
locked moving tag would make a push fail, whereas `push` never moves a fixed tag even if it is not locked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.registry import Mutability
from ecr_tasks.plan.repository.tag_patterns import as_filter, is_too_broad, overlap
from ecr_tasks.plan.repository.tag_shapes import MAJOR, Shape
from ecr_tasks.settings.parse.registry import MAX_FILTERS

_UNLOCKED = "ECR does not lock them; push still never moves them"

_BRANCHES = ("q", "q-q", "q-q-q")
"""Names of branches that begin as no rule's tags do: a filter that matches their tags matches those of most."""


@dataclass(frozen=True)
class Locking:
    """The mutability of a repository; ``notes`` are sentences about tags that five filters can't express."""

    mutability: Mutability
    filters: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def locking(shapes: Sequence[Shape], releases: Iterable[int] = (), actual: Sequence[str] = ()) -> Locking:
    """Return the mutability and the filters for these shapes of tags.

    ``releases`` are the major versions in git; ``actual`` are the repository's present filters, whose major versions
    are never lowered, even if a clone has fewer releases.
    """
    fixed = [shape for shape in shapes if shape.kind == "fixed"]
    moving = [shape for shape in shapes if shape.kind == "moving"]
    if not fixed:
        return Locking("MUTABLE", notes=("The tag rules give no fixed tags, so there is nothing to lock.",))
    movable = _unique(as_filter(shape.text) for shape in moving)
    clashes = any(overlap(_with_any_major(shape.text), pattern) for shape in fixed for pattern in movable)
    if len(movable) <= MAX_FILTERS and not clashes:
        return Locking("IMMUTABLE_WITH_EXCLUSION", movable)
    return _locked_by_filters(fixed, moving, _highest_major(fixed, releases, actual))


def _locked_by_filters(fixed: Sequence[Shape], moving: Sequence[Shape], highest: int) -> Locking:
    """Return a mutable repository with filters that match, and so lock, the fixed tags."""
    notes: list[str] = []
    plain: list[str] = []
    versions: list[str] = []
    for shape in fixed:
        general = _with_any_major(shape.text) if MAJOR in shape.text else as_filter(shape.text)
        clash = next((other for other in moving if not other.dirty and _is_locked_too(general, shape, other)), None)
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


def _is_locked_too(general: str, shape: Shape, other: Shape) -> bool:
    """Return whether the filter for a fixed shape would also lock a moving tag: of a branch (``*``), that of most.

    Where it would lock only that of a branch with an odd name, such as ``sha-x``, or what its own rule gives for a
    git tag that is no version, there is a note.
    """
    if "*" in other.text and shape.rule == other.rule:
        return False
    texts = [other.text.replace("*", name) for name in _BRANCHES] if "*" in other.text else [other.text]
    return any(overlap(general, text) for text in texts)


def _filters_within_limit(
    plain: Sequence[str], versions: Sequence[str], highest: int, notes: list[str]
) -> tuple[tuple[str, ...], list[str]]:
    """Return the filters up to ECR's limit, and the shapes without a filter; sentences are added to ``notes``."""
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
    """Return the highest major version of git and of the present filters (less one, kept as room); -1 if none."""
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
