"""Read the file that says which findings of scans are accepted, why and until when (ECR_SCAN_ACCEPTED)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_tasks.errors import SettingsError, nearest
from ecr_tasks.files import read_text, reading_problem
from ecr_tasks.model.scan import AcceptedFinding
from ecr_tasks.yaml_documents import limited_loader, yaml_mistake

if TYPE_CHECKING:
    from yaml import SafeLoader

_KEYS = ("id", "package", "reason", "until")
_EXAMPLE = "- id: CVE-2024-1234, with `reason:` and perhaps `package:` and `until: 2026-12-31` below it"


def read_accepted_findings(path: Path) -> tuple[AcceptedFinding, ...]:
    """Read a file and return its entries. Raises SettingsError with everything that is wrong in it."""
    shown = _shown(path)
    try:
        text = read_text(path)
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f"ECR_SCAN_ACCEPTED is {shown}, which can't be read: {reading_problem(error)}.",
            "Correct the name, or unset it.",
        ) from error
    return parse_accepted_findings(text, shown)


def parse_accepted_findings(text: str, shown: str) -> tuple[AcceptedFinding, ...]:
    """Return the entries of a YAML text: a list of mappings with ``id``, ``reason``, ``package`` and ``until``.

    ``shown`` names the file in errors. Raises SettingsError with everything that is wrong.
    """
    entries: list[AcceptedFinding] = []
    problems: list[str] = []
    for line, data in _load(text, shown):
        place = f"{shown}:{line}"
        found = list(_problems(data))
        problems += [f"{place}: {problem}." for problem in found]
        if found:
            continue
        entry = AcceptedFinding(
            data["id"].strip(), data["reason"].strip(), data.get("package"), _day(data.get("until")), place
        )
        earlier = [other for other in entries if (other.name, other.package) == (entry.name, entry.package)]
        if earlier:
            problems.append(f"{place}: {entry} stands in line {earlier[0].place.rpartition(':')[2]} already.")
        entries.append(entry)
    if problems:
        remedy = f"Write each entry as {_EXAMPLE}."
        if len(problems) == 1:
            raise SettingsError(problems[0], remedy)
        raise SettingsError(f"{shown} has entries that are wrong:", remedy, problems)
    return tuple(entries)


def _load(text: str, shown: str) -> Iterator[tuple[int, Any]]:
    """Yield each entry of the list and its line."""
    import yaml

    try:
        loader = _loader()(text)
        try:
            node = loader.get_single_node()
            data = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SettingsError(
            f"{shown} can't be read: {yaml_mistake(error, text)}.", "Correct it there and run the task again."
        ) from error
    if node is None or data is None:
        return
    if not isinstance(data, list):
        raise SettingsError(f"{shown} is no list of accepted findings.", f"Begin each entry with {_EXAMPLE}.")
    for item, value in zip(node.value, data, strict=True):
        yield item.start_mark.line + 1, value


@cache
def _loader() -> type[SafeLoader]:
    """Return a loader that leaves days as texts: one that no calendar has is then a problem of its entry."""

    class Loader(limited_loader()):  # type: ignore[misc]
        pass

    Loader.add_constructor("tag:yaml.org,2002:timestamp", limited_loader().construct_yaml_str)
    return Loader


def _problems(data: Any) -> Iterator[str]:
    if not isinstance(data, Mapping):
        yield "an entry has an id and a reason, and this is none"
        return
    for key in data:
        if key not in _KEYS:
            guess = nearest(str(key), _KEYS, 0.6)
            yield f"there is no {str(key)[:40]!r} in an entry{f' (did you mean {guess}?)' if guess else ''}"
    for key, what in (("id", "the finding's, such as CVE-2024-1234"), ("reason", "why it is accepted")):
        if data.get(key) is None or data[key] == "":
            yield f"it has no {key} ({what})"
        else:
            yield from _no_text(key, data[key])
    if data.get("package", "") is None or data.get("package") == "":
        yield "its package is empty; without the line it is accepted in every package"
    elif "package" in data:
        yield from _no_text("package", data["package"])
    if data.get("until", "") is None:
        yield "its until is empty; without the line it is accepted for good"
    elif "until" in data and _day(data["until"]) is None:
        yield f"its until is {_shown_value(data['until'])}, which is no day such as 2026-12-31"


def _no_text(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.strip():
        return
    quotes = ": put it in quotes" if isinstance(value, (bool, int, float)) else ""
    yield f"its {key} is {_shown_value(value)}, which is no text{quotes}"


def _shown_value(value: Any) -> str:
    """Return a value as YAML writes it, cut."""
    return repr(value)[:40] if isinstance(value, (str, list, dict)) else json.dumps(value, default=str)[:40]


def _day(value: Any) -> date | None:
    """Return a day as ISO 8601 writes it; None for anything else."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-12-31") else None
    except ValueError:
        return None


def _shown(path: Path) -> str:
    """Return a path relative to the working directory, if it is in there."""
    folder = Path(os.path.realpath(Path.cwd()))
    real = Path(os.path.realpath(path))
    return str(real.relative_to(folder) if real.is_relative_to(folder) else path)
