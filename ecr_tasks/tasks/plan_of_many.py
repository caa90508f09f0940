"""The plan of many images: what is the same for several of them is said once, with their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from ecr_tasks.console import Column, Styled, Text
from ecr_tasks.model.manifest import INPUTS_TAG
from ecr_tasks.model.wording import name_some

if TYPE_CHECKING:
    from ecr_tasks.plan.planned_image import PlannedImage
    from ecr_tasks.plan.tag_states import PlannedTag

NAMES = 12
"""How many names of images a line has in passing; `inv plan` shows all."""

MOST = 6
"""How many lines of a kind there are where images really differ; the others are counted."""

Parts = tuple[str | Styled, ...]
State = Callable[["PlannedTag"], Parts]

OWN_NAME, OWN_FOLDER = "IMAGE", "FOLDER"
"""What stands for an image's own name, and for its own folder, in what is said of several."""

_IN_JSON = "which `inv plan --json` has"

_WORD = re.compile(r"[^\s,;]+")
_NAME_BEFORE, _NAME_AFTER = re.compile(r"[\w.-]\Z"), re.compile(r"[\w-]")
"""What makes the place of a repository's name in a text a part of another name."""


def show_many(
    items: Sequence[PlannedImage],
    build_line: Callable[[PlannedImage], Parts],
    place_lines: Callable[[PlannedImage], Iterable[Parts]],
    state: State,
    line: Callable[..., None],
    grid: Callable[..., None],
    *,
    all_names: bool,
) -> None:
    """Print the plan of many images: which are built and why, where they go, and their tags.

    ``build_line`` returns the line about an image's build, with its reason last, ``place_lines`` the others, and
    ``state`` a tag's state in words. What is alike but for an image's own name and folder is one line, with the names
    in the order of the file, all of them with ``all_names``. Tags come in one table for all images that get the same,
    with the number of images for each state. Of a kind there are at most MOST lines or tables, however many images
    there are, and a count of the others.
    """
    building = [item for item in items if item.build_needed]
    line(
        (
            Styled(f"{len(items)} images", "strong"),
            f": {len(building)} to build, {len(items) - len(building)} with nothing to build",
        )
    )

    def show(groups: Mapping[Parts, Sequence[str]], most: int, others: str) -> None:
        shown = _chosen(groups, most)
        for parts in shown:
            line((*parts, f": {_names(groups[parts], len(items), all_names=all_names)}"))
        left = list(dict.fromkeys(name for parts, names in groups.items() if parts not in shown for name in names))
        if left:
            line(f"{others}, {_IN_JSON}: {_names(left, len(items), all_names=False)}")

    for same, words in (
        (building, "build, for other reasons"),
        ([item for item in items if not item.build_needed], "nothing to build, for other reasons"),
    ):
        groups: dict[Parts, list[str]] = {}
        for item in same:
            *before, reason = build_line(item)
            groups.setdefault((*before, *_in_general((reason,), item, general_reason)), []).append(item.image.name)
        show(groups, MOST, words)
    places = [(item, list(place_lines(item))) for item in items]
    groups = {}
    for item, lines in places:
        for parts in lines:
            groups.setdefault(_in_general(parts, item, general), []).append(item.image.name)
    show(groups, MOST + max((len(lines) for _, lines in places), default=0), "also to other places")
    tables = _by_tags(items)
    for same in tables[:MOST]:
        names = [item.image.name for item in same]
        which = "all images" if len(tables) == 1 else _names(names, len(items), all_names=all_names)
        line(Styled(f"The tags of {which}:", "dim"))
        now = (Column("now", 3),) if same[0].view is not None else ()
        grid((Column("tag"), *now, Column("kind", 1), Column("because", 2)), [*_rows(same, state)], indent=2)
    if left := [item.image.name for same in tables[MOST:] for item in same]:
        line(f"Other tags, {_IN_JSON}: {_names(left, len(items), all_names=False)}")


def general(text: str, item: PlannedImage) -> str:
    """Return a text about one image as it is of all: without its own name in its repository's, or its inputs' tag."""
    repository, name = item.image.repository, item.image.name
    if repository.endswith(name):
        # Without a pattern of each image's own, which takes long to make.
        first, *others = text.split(repository)
        text, own = first, f"{repository.removesuffix(name)}{OWN_NAME}"
        for piece in others:
            text += (repository if _NAME_BEFORE.search(text) or _NAME_AFTER.match(piece) else own) + piece
    tag = item.image.inputs.tag if item.image.inputs else None
    return text.replace(tag, f"{INPUTS_TAG}…") if tag else text


def general_reason(text: str, item: PlannedImage) -> str:
    """Return a reason for one image as it is of all: without its own folder and name in the paths of files.

    Its digest and its inputs' tag are left out, too. Other words stay, as an image may have the name of one.
    """
    if item.published is not None:
        text = text.replace(item.published.digest, "its digest")
    if item.image.inputs is not None and item.image.inputs.tag is not None:
        text = text.replace(item.image.inputs.tag, f"{INPUTS_TAG}…")
    definition = item.image.definition
    for folder in (PurePath(definition.context), PurePath(definition.context, definition.dockerfile or "").parent):
        parts = [part for part in folder.parts if part not in ("..", folder.anchor)]
        # git names a file from the top of the checkout, of which a folder in full does not know.
        for start in range(len(parts) if folder.is_absolute() else min(1, len(parts))):
            own = "/".join(parts[start:])
            if own not in text:  # which is much quicker, too
                continue
            text, found = re.subn(rf"(?<![\w.-]){re.escape(own)}(?=/)", OWN_FOLDER, text)
            if found:
                break
    if item.image.name not in text:
        return text
    own_name = re.compile(rf"(?<![\w-]){re.escape(item.image.name)}(?![\w-])")

    def replaced(match: re.Match[str]) -> str:
        word = match[0]
        is_path = "/" in word and not (item.registry and item.registry in word)
        return own_name.sub(OWN_NAME, word) if is_path else word

    return _WORD.sub(replaced, text)


def _in_general(parts: Iterable[str | Styled], item: PlannedImage, make: Callable[[str, PlannedImage], str]) -> Parts:
    """Return the parts of a line about one image as they are of all, in the form for a person."""
    return tuple(
        Styled(make(part.text if part.short is None else part.short, item), part.meaning)
        if isinstance(part, Styled)
        else make(part, item)
        for part in parts
    )


def _chosen(groups: Mapping[Parts, Sequence[str]], most: int) -> list[Parts]:
    """Return the lines to show, in their order: what is bad before all, then what most images have."""

    def rank(parts: Parts) -> tuple[bool, int]:
        return not any(isinstance(part, Styled) and part.meaning == "bad" for part in parts), -len(groups[parts])

    kept = {*sorted(groups, key=rank)[:most]}
    return [parts for parts in groups if parts in kept]


def _names(names: Sequence[str], total: int, *, all_names: bool) -> str:
    if len(names) == total:
        return f"all {total}"
    return f"{', '.join(names)} ({len(names)})" if all_names and len(names) > NAMES else name_some(names, NAMES)


def _by_tags(items: Sequence[PlannedImage]) -> list[list[PlannedImage]]:
    """Return the images in groups of the same tags, the largest first, each image's own inputs' tag aside."""
    groups: dict[object, list[PlannedImage]] = {}
    for item in items:
        groups.setdefault((tuple(tag.tag for tag in (item.whole or item).tags), item.view is None), []).append(item)
    return sorted(groups.values(), key=len, reverse=True)


def _rows(items: Sequence[PlannedImage], state: State) -> Iterable[tuple[Text, ...]]:
    for same in zip(*((item.whole or item).tags for item in items), strict=True):
        yield _row(items[0], same[0].tag.name, same, state)
    own = [tag for item in items if (tag := item.inputs_tag) is not None]
    if own:
        yield _row(items[0], f"{INPUTS_TAG}…", own, state)


def _row(first: PlannedImage, name: str, tags: Sequence[PlannedTag], state: State) -> tuple[Text, ...]:
    from ecr_tasks.model.manifest import short_ids, short_tag

    tag = tags[0].tag
    now = (_states(tags, state),) if first.view is not None else ()
    return Styled(name, short=short_tag(name)), *now, tag.kind, Styled(tag.because, short=short_ids(tag.because))


def _states(tags: Sequence[PlannedTag], state: State) -> Text:
    """Return the states that a tag has of several images, each with the number of these."""
    counts = Counter(map(state, tags))
    parts: list[str | Styled] = []
    for words, count in counts.items():
        parts += [", "] if parts else []
        parts += [*words, *([f" in {count}"] if len(counts) > 1 else [])]
    return tuple(parts)
