"""The file that says how a registry is to be: YAML or JSON, in the names of ECR's API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecr_tasks.documents import parse_json
from ecr_tasks.errors import SettingsError, nearest
from ecr_tasks.files import read_text
from ecr_tasks.model.registry_settings import KEYS, PARTS, POLICIES, Part
from ecr_tasks.yaml_documents import limited_loader, yaml_mistake

SETTING = "ECR_REGISTRY_FILE"
_NOTHING_CHANGED = "Correct it there; nothing has been changed."


def read_registry_file(path: Path) -> dict[Part, Any]:
    """Return the parts that a file names, with policies as documents. Raises SettingsError for what is none.

    Only the names of the parts are checked here: ECR's API model says what they may hold (``clients/ecr``).
    """
    import yaml

    class Loader(limited_loader()):  # type: ignore[misc]
        """Reads dates as texts, which "Version: 2012-10-17" of a policy is."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    text = ""
    try:
        text = read_text(path, "utf-8-sig")
        document = parse_json(text, unique=True) if path.suffix == ".json" else yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or yaml_mistake(error, text)
        remedy = "Name a file that is there and can be read." if isinstance(error, OSError) else "Correct it there."
        raise SettingsError(f"{path}, the registry's file, can't be read: {reason}.", remedy) from error
    if not isinstance(document, dict) or not document:
        raise file_error(path, f"names nothing of the registry; it can have {', '.join(PARTS)}")
    for name in document:
        if name not in PARTS:
            if "settings" in document:
                raise file_error(path, "has more than the registry's settings: write what is below settings, alone")
            similar = nearest(str(name), PARTS, 0.5)
            hint = f"; did you mean {similar}?" if similar else f"; it can have {', '.join(PARTS)}"
            raise file_error(path, f"has the key {name!r}{hint}")
    return {part: _with_documents(path, part, document[part]) for part in PARTS if part in document}


def file_error(path: Path, problem: str) -> SettingsError:
    """Return the error for a mistake in a registry's file; ``problem`` ends its sentence."""
    return SettingsError(
        f"{path}: the registry's file {problem}{'' if problem.endswith('?') else '.'}", _NOTHING_CHANGED
    )


def _with_documents(path: Path, part: Part, value: Any) -> Any:
    """Return a part's value with its policies as documents, where they are written as texts."""
    if part == "registryPolicy":
        return _document(path, part, value)
    if part not in KEYS or not isinstance(value, list):
        return value
    return [
        {
            key: _document(path, f"{part}[{number}].{key}", member) if key in POLICIES else member
            for key, member in item.items()
        }
        if isinstance(item, Mapping)
        else item
        for number, item in enumerate(value)
    ]


def _document(path: Path, place: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return parse_json(value)
    except ValueError as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else error
        raise file_error(path, f"has a text in {place} that is no JSON: {reason}") from error
