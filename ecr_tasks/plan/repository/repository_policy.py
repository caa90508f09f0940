"""Repository policies, and reading and comparing any policy as a JSON document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ecr_tasks.errors import SettingsError
from ecr_tasks.files import read_text

_MAX_CHARACTERS = 10_240
"""The maximum length of a repository policy (ECR's API model, RepositoryPolicyText)."""


def read_policy(path: Path, setting: str) -> str:
    """Return the text of a repository policy's file. Raises SettingsError when it has no valid statements."""
    text, document = read_document(path, setting, 0, _MAX_CHARACTERS)
    statements = document.get("Statement")
    if not statements:
        raise policy_error(path, setting, 'has no "Statement"')
    for number, statement in enumerate(statements if isinstance(statements, list) else [statements], 1):
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise policy_error(path, setting, f'has a "Statement" (number {number}) without the Effect Allow or Deny')
    return text


def read_document(path: Path, setting: str, least: int, most: int) -> tuple[str, dict[str, Any]]:
    """Return the text of a JSON file and the object in it. Raises SettingsError.

    A text shorter than ``least`` or longer than ``most`` characters is formatted anew with more or less white space.
    """
    try:
        text = read_text(path, "utf-8-sig")
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(
            f"{path}:{error.lineno}:{error.colno}: this file of {setting} is no JSON: {error.msg}.",
            "Correct it there.",
        ) from error
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{path}, the file of {setting}, can't be read: {error}.", "Correct it there.") from error
    if not isinstance(document, dict):
        raise policy_error(path, setting, "must be a JSON object")
    if len(text) < least:
        text = json.dumps(document, indent=4).ljust(least)
    if len(text) > most:
        text = json.dumps(document, separators=(",", ":"))
    if len(text) > most:
        raise policy_error(path, setting, f"has {len(text)} characters, and ECR takes {most}")
    return text, document


def policy_error(path: Path, setting: str, problem: str) -> SettingsError:
    """Return the error for a mistake in a policy's file."""
    return SettingsError(f"{path}: the file of {setting} {problem}.", "Correct it there; nothing has been changed.")


def same(one: str | None, other: str | None) -> bool:
    """Return whether two policies are equal, ignoring white space, list order and lists around one value."""
    return _canonical(one) == _canonical(other)


def _canonical(text: str | None) -> str:
    if text is None:
        return ""
    try:
        return json.dumps(_sorted(json.loads(text)), sort_keys=True)
    except ValueError:
        return text


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in value.items()}
    if isinstance(value, list):
        items = sorted((_sorted(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
        return items[0] if len(items) == 1 else items
    return value
