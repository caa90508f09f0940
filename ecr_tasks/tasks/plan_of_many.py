"""The plan of many images: what is the same for several of them is said once, with their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ecr_tasks.console import Column, Meaning, Styled, Text
from ecr_tasks.model.manifest import INPUTS_TAG
from ecr_tasks.model.wording import name_some

if TYPE_CHECKING:
    from ecr_tasks.plan.planned_image import PlannedImage
    from ecr_tasks.plan.tag_states import PlannedTag

NAMES = 12
"""How many names of images a line has in passing; `inv plan` shows all."""

Parts = tuple[str | Styled, ...]

OWN_NAME = "IMAGE"
"""What stands for an image's own name in what is said of several."""

_STATES: Mapping[str | None, tuple[str, Meaning | None]] = {
    None: ("not asked", "dim"),
    "new": ("new", "add"),
    "present": ("present", "dim"),
    "moves": ("moves", "warning"),
    "locked": ("locked", "bad"),
}


def show_many(
    items: Sequence[PlannedImage],
    lines_of: Callable[[PlannedImage], Iterable[Parts]],
    line: Callable[..., None],
    grid: Callable[..., None],
    *,
    all_names: bool,
) -> None:
    """Print the plan of many images; ``lines_of`` returns the lines about one, which :func:`general` has made alike.

    Images with a line are named in the order of the file, all of them with ``all_names``. Tags come in one table
    for all images that get the same, with the number of images for each state.
    """
    building = sum(item.build_needed for item in items)
    line(
        (
            Styled(f"{len(items)} images", "strong"),
            f": {building} to build, {len(items) - building} with nothing to build",
        )
    )
    groups: dict[Parts, list[str]] = {}
    for item in sorted(items, key=lambda item: not item.build_needed):
        for parts in lines_of(item):
            groups.setdefault(parts, []).append(item.image.name)
    for parts, names in groups.items():
        line((*parts, f": {_names(names, len(items), all_names=all_names)}"))
    tables = _by_tags(items)
    for same in tables.values():
        names = [item.image.name for item in same]
        which = "all images" if len(tables) == 1 else _names(names, len(items), all_names=all_names)
        line(Styled(f"The tags of {which}:", "dim"))
        now = (Column("now", 3),) if same[0].view is not None else ()
        grid((Column("tag"), *now, Column("kind", 1), Column("because", 2)), [*_rows(same)], indent=2)


def general(text: str, item: PlannedImage) -> str:
    """Return a text about one image as it is of all: without its own name, or that of its inputs' tag."""
    repository, name = item.image.repository, item.image.name
    if repository.endswith(name):
        text = text.replace(repository, f"{repository.removesuffix(name)}{OWN_NAME}")
    tag = item.image.inputs.tag if item.image.inputs else None
    return text.replace(tag, f"{INPUTS_TAG}…") if tag else text


def generalized(parts: Iterable[str | Styled], item: PlannedImage) -> Parts:
    """Return the parts of a line about one image as they are of all, in the form for a person."""
    return tuple(
        Styled(general(part.text if part.short is None else part.short, item), part.meaning)
        if isinstance(part, Styled)
        else general(part, item)
        for part in parts
    )


def _names(names: Sequence[str], total: int, *, all_names: bool) -> str:
    if len(names) == total:
        return f"all {total}"
    return f"{', '.join(names)} ({len(names)})" if all_names and len(names) > NAMES else name_some(names, NAMES)


def _by_tags(items: Sequence[PlannedImage]) -> dict[object, list[PlannedImage]]:
    """Return the images by the tags that they get, each image's own inputs' tag aside."""
    groups: dict[object, list[PlannedImage]] = {}
    for item in items:
        groups.setdefault((tuple(tag.tag for tag in (item.whole or item).tags), item.view is None), []).append(item)
    return groups


def _rows(items: Sequence[PlannedImage]) -> Iterable[tuple[Text, ...]]:
    for same in zip(*((item.whole or item).tags for item in items), strict=True):
        yield _row(items[0], same[0].tag.name, same)
    own = [tag for item in items if (tag := item.inputs_tag) is not None]
    if own:
        yield _row(items[0], f"{INPUTS_TAG}…", own)


def _row(first: PlannedImage, name: str, tags: Sequence[PlannedTag]) -> tuple[Text, ...]:
    from ecr_tasks.model.manifest import short_ids, short_tag

    tag = tags[0].tag
    now = (_states(tags),) if first.view is not None else ()
    return Styled(name, short=short_tag(name)), *now, tag.kind, Styled(tag.because, short=short_ids(tag.because))


def _states(tags: Sequence[PlannedTag]) -> Text:
    """Return the states that a tag has of several images, each with the number of these."""
    counts = Counter(tag.state for tag in tags)
    parts: list[str | Styled] = []
    for state, count in counts.items():
        word, meaning = _STATES[state]
        parts += [", "] if parts else []
        parts.append(Styled(word if len(counts) == 1 else f"{word} in {count}", meaning))
    return tuple(parts)
