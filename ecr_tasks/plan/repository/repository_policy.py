"""Repository policies, and reading and comparing any policy as a JSON document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ecr_tasks.documents import parse_json
from ecr_tasks.errors import SettingsError
from ecr_tasks.files import read_text, reading_problem

_MAX_CHARACTERS = 10_240
"""The maximum length of a repository policy (ECR's API model, RepositoryPolicyText)."""


_MEMBERS = ("Version", "Id", "Statement")
_VERSIONS = ("2012-10-17", "2008-10-17")
_STATEMENT = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition")
_RESOURCE = ("Resource", "NotResource")
_PRINCIPALS = ("AWS", "CanonicalUser", "Federated", "Service")


def read_policy(path: Path, setting: str) -> str:
    """Return the text of a repository policy's file. Raises SettingsError for the first mistake in it.

    It follows IAM's grammar (IAM user guide, "Grammar of the IAM JSON policy language"), with a principal in every
    statement and no Resource, which is the repository itself (github.com/awsdocs/amazon-ecr-user-guide, pull request
    20). ECR answers any mistake with "Invalid repository policy provided", when the repository exists already.
    """
    text, document = read_document(path, setting, 0, _MAX_CHARACTERS)
    if problem := policy_problem(document):
        raise policy_error(path, setting, problem)
    return text


def policy_problem(document: Any, *, of_registry: bool = False) -> str:
    """Return the mistake in a policy as the end of a sentence about its file; an empty text if there is none.

    A policy ``of_registry`` has a Resource in every statement, a repository's has none.
    """
    if not isinstance(document, dict):
        return "is no object"
    if unknown := [key for key in document if key not in _MEMBERS]:
        return f"has the key {unknown[0]!r}; it can have {', '.join(_MEMBERS)}"
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        return f'has a "Version" that is none of {", ".join(_VERSIONS)}'
    statements = document.get("Statement")
    if not statements:
        return 'has no "Statement"'
    for number, statement in enumerate(statements if isinstance(statements, list) else [statements], 1):
        if problem := _statement_problem(statement, _RESOURCE if of_registry else ()):
            return f'has a "Statement" (number {number}) {problem}'
    return ""


def _statement_problem(statement: Any, resource: tuple[str, ...]) -> str:
    """Return the mistake in one statement; an empty text if there is none."""
    if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
        return "without the Effect Allow or Deny"
    if unknown := [key for key in statement if key not in (*_STATEMENT, *resource)]:
        return f"with the key {unknown[0]!r}; ECR takes {', '.join((*_STATEMENT, *resource))}"
    if not isinstance(statement.get("Sid", ""), str) or not isinstance(statement.get("Condition", {}), dict):
        return "whose Sid is no text or whose Condition is no object"
    for pair in (("Principal", "NotPrincipal"), ("Action", "NotAction"), *([resource] if resource else [])):
        if sum(key in statement for key in pair) != 1:
            return f"that has not one of {pair[0]} and {pair[1]}"
    if not _is_principal(statement.get("Principal", statement.get("NotPrincipal"))):
        return 'whose principal is neither "*" nor an object such as {"AWS": "arn:aws:iam::123456789012:root"}'
    actions = _texts(statement.get("Action", statement.get("NotAction")))
    foreign = [action for action in actions if action != "*" and not action.lower().startswith("ecr:")]
    if foreign or not actions:
        return f"with the action {foreign[0]!r}, which is none of ECR's" if foreign else "whose actions are no texts"
    return ""


def _is_principal(value: Any) -> bool:
    if not isinstance(value, dict):
        return bool(value == "*")
    return bool(value) and all(key in _PRINCIPALS and _texts(item) for key, item in value.items())


def _texts(value: Any) -> list[str]:
    """Return a text or a list of texts as a list; empty for anything else."""
    items = value if isinstance(value, list) else [value]
    return items if all(isinstance(item, str) and item for item in items) else []


def read_document(path: Path, setting: str, least: int, most: int) -> tuple[str, dict[str, Any]]:
    """Return the text of a JSON file and the object in it. Raises SettingsError.

    A text shorter than ``least`` or longer than ``most`` characters is formatted anew with more or less white space.
    """
    try:
        text = read_text(path, "utf-8-sig")
        document = parse_json(text, unique=True)
    except json.JSONDecodeError as error:
        raise SettingsError(
            f"{path}:{error.lineno}:{error.colno}: this file of {setting} is no JSON: {error.msg}.",
            "Correct it there.",
        ) from error
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{path}, the file of {setting}, can't be read: {reading_problem(error)}.", "Correct it there."
        ) from error
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
        return json.dumps(_sorted(parse_json(text)), sort_keys=True)
    except ValueError:
        return text


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in value.items()}
    if isinstance(value, list):
        items = sorted((_sorted(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
        return items[0] if len(items) == 1 else items
    return value
