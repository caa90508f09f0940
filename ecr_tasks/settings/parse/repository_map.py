"""Parser of the repositories of single images, which no prefix gives."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.lists import split_plain
from ecr_tasks.settings.parse.registry import repository


def repository_map(text: str) -> Mapping[str, str]:
    """Parse ``TARGET=REPOSITORY`` entries; return the repositories' names by target or service.

    A repository may be an address, as in ECR_REPOSITORY. Two targets can't have one repository: their images would
    have the same tags.
    """
    names: dict[str, str] = {}
    messages = []
    for target, written in _entries(text):
        if not target or not written:
            entry = f"{target}={written}" if written else target
            messages.append(f"has {entry[:80]!r} where TARGET=REPOSITORY belongs, like api=team/api")
            continue
        try:
            name = repository(written)
        except Malformed as error:
            messages += [f"has a repository for {target[:80]} that {message}" for message in error.messages]
            continue
        other = next((key for key, value in names.items() if value == name and key != target), None)
        if other is not None:
            messages.append(f"gives {other} and {target} one repository, {name}: each image needs its own")
        elif names.setdefault(target, name) != name:
            messages.append(f"has two repositories for {target}: leave one out")
    if messages:
        raise Malformed(*messages)
    return MappingProxyType(names)


def written_repositories(text: str) -> Mapping[str, str]:
    """Return what is written as each target's repository, a name or an address; entries that are none are left out.

    Raises nothing: the setting's own parser says what is wrong.
    """
    try:
        return {target: written for target, written in _entries(text) if target and written}
    except Malformed:
        return {}


def _entries(text: str) -> list[tuple[str, str]]:
    pairs = (entry.partition("=") for entry in split_plain(text))
    return [(target.strip(), written.strip()) for target, _, written in pairs]
