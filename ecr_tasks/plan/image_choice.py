"""Choose some of a project's images, by name, by a bake file's group, or by a pattern."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase

from ecr_tasks.errors import SettingsError, nearest
from ecr_tasks.model.wording import name_some

Members = Callable[[str], Sequence[str]]
"""Returns the names of the targets in a group of the project's bake files; none if there is no such group."""

_SHOWN = 20
"""How many names an error lists."""

_SIMILAR = 0.6
"""How alike two names are of which one may be meant by the other, from 0 to 1 (difflib)."""


def no_groups(_group: str) -> Sequence[str]:
    """Return the members of a group where there are no groups."""
    return ()


def chosen_names(names: Sequence[str], choice: Iterable[str], members: Members = no_groups) -> tuple[str, ...]:
    """Return those of the ``names`` that the words of a choice select, in the names' order; all without a word.

    A word is a name, a pattern with ``*``, ``?`` or ``[…]`` for the whole name, or a group. Raises SettingsError for
    one that selects none, and for a group with targets that are no images here.
    """
    words = tuple(choice)
    chosen = {name for word in words for name in _selected(names, word, members)}
    return tuple(name for name in names if name in chosen or not words)


def _selected(names: Sequence[str], word: str, members: Members) -> Sequence[str]:
    if word in names:
        return (word,)
    if any(character in word for character in "*?["):
        if matching := [name for name in names if fnmatchcase(name, word)]:
            return matching
        raise SettingsError(f"No image here has a name like {word[:80]!r}.", _choices(names))
    group = members(word)
    if not group:
        words = [part.strip() for part in word.split(",")]
        if len(words) > 1 and {*words} <= {*names}:
            again = " ".join(f"--image {name}" for name in words)
            raise SettingsError(f"{word[:80]!r} is several images.", f"Say it once for each: {again}.")
        near = nearest(word, names, _SIMILAR)
        meant = f"Did you mean {near}? " if near and len(names) > 1 else ""
        raise SettingsError(f"There is no image {word[:80]!r} here.", f"{meant}{_choices(names)}")
    if tuple(group) == (word,):
        raise SettingsError(
            f"The target {word} makes no image that is published: it is not in the group default, or its profile is "
            "not active.",
            f"Add it to that group, or its profile to COMPOSE_PROFILES. {_choices(names)}",
        )
    if others := [name for name in group if name not in names]:
        raise SettingsError(
            f"The group {word} has {name_some(others)}, which is not published: the group default has it not.",
            "Name the images one by one, or add it to the group default.",
        )
    return group


def _choices(names: Sequence[str]) -> str:
    return f"Choose one of: {name_some(names, _SHOWN)}."
