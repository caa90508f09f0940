"""The repository's two JSON documents: read from a file with the place of what is wrong, checked, compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecr_tasks.errors import SettingsError

MAX_RULES = 50
MAX_WILDCARDS = 4
_LIFECYCLE_TEXT = (100, 30_720)
_POLICY_TEXT = (0, 10_240)
"""Characters (ECR's API model, LifecyclePolicyText and RepositoryPolicyText)."""

_KEYS = ("rulePriority", "description", "selection", "action")
_SELECTION = ("tagStatus", "tagPatternList", "tagPrefixList", "storageClass", "countType", "countUnit", "countNumber")
_AGES = ("sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned")

UNTAGGED_DAYS = 14
CACHE_DAYS = 30
"""After these, ECR's default policy of ours lets untagged images and an unused build cache go."""


def default_lifecycle(cache_tag: str) -> str:
    """Lets untagged images and the build cache expire, and nothing else: no image with another tag is selected.

    An index's images are untagged as well, and ECR expires none before its index (user guide, "Lifecycle policy
    evaluation rules"). An overwritten cache is an untagged image (ecr.md, Build cache in ECR).
    """
    rules = [
        _rule(1, f"Untagged for {UNTAGGED_DAYS} days", {"tagStatus": "untagged"}, UNTAGGED_DAYS),
        _rule(
            2,
            f"A build cache that no build has renewed for {CACHE_DAYS} days",
            {"tagStatus": "tagged", "tagPatternList": [cache_tag]},
            CACHE_DAYS,
        ),
    ]
    return json.dumps({"rules": rules}, indent=2)


def _rule(priority: int, description: str, selection: dict[str, object], days: int) -> dict[str, object]:
    count = {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
    return {
        "rulePriority": priority,
        "description": description,
        "selection": {**selection, **count},
        "action": {"type": "expire"},
    }


def read_lifecycle(path: Path, name: str) -> str:
    """A lifecycle policy's file, held to what ECR says of one (user guide, "Lifecycle policy properties").

    ECR itself would say so only after a new repository is created. SettingsError says what is wrong.
    """
    text, document = _read(path, name, _LIFECYCLE_TEXT)
    rules = document.get("rules")
    if not isinstance(rules, list) or not 1 <= len(rules) <= MAX_RULES:
        raise _wrong(path, name, f'must have "rules", a list of 1 to {MAX_RULES}')
    for number, rule in enumerate(rules, 1):
        if problem := _wrong_rule(rule) or _wrong_beside(rule, rules[: number - 1]):
            raise _wrong(path, name, f"has a rule (number {number}) that {problem}")
    last = max(rules, key=lambda rule: int(rule["rulePriority"]))
    early = next((rule for rule in rules if rule["selection"]["tagStatus"] == "any" and rule is not last), None)
    if early is not None and last["selection"]["tagStatus"] != "any":
        priority = early["rulePriority"]
        raise _wrong(path, name, f"has the tagStatus any in the rule of priority {priority}: it must be the last one")
    return text


def _wrong_rule(rule: Any) -> str:
    """What is wrong with one rule of a lifecycle policy, by itself; empty if nothing is."""
    if not isinstance(rule, dict):
        return "is no object"
    if unknown := [key for key in rule if key not in _KEYS]:
        return f"has the key {unknown[0]!r}; it can have {', '.join(_KEYS)}"
    priority, selection, action = rule.get("rulePriority"), rule.get("selection"), rule.get("action")
    if not _is_count(priority):
        return "has no rulePriority from 1"
    if not isinstance(selection, dict) or selection.get("tagStatus") not in ("tagged", "untagged", "any"):
        return "has no selection with the tagStatus tagged, untagged or any"
    if unknown := [key for key in selection if key not in _SELECTION]:
        return f"has the key {unknown[0]!r} in its selection; it can have {', '.join(_SELECTION)}"
    if not isinstance(action, dict) or action.get("type") not in ("expire", "transition"):
        return "has no action of the type expire or transition"
    if (action["type"] == "transition") != (action.get("targetStorageClass") == "archive"):
        return "needs the targetStorageClass archive in an action of the type transition, and only there"
    return _wrong_tags(selection) or _wrong_count(selection)


def _wrong_tags(selection: dict[str, Any]) -> str:
    lists = [key for key in ("tagPatternList", "tagPrefixList") if key in selection]
    if (selection["tagStatus"] == "tagged") != (len(lists) == 1):
        return "needs tagPatternList or tagPrefixList where tagStatus is tagged, and only there"
    for key in lists:
        listed = selection[key]
        if not isinstance(listed, list) or not listed or not all(isinstance(one, str) and one for one in listed):
            return f"has a {key} that is no list of strings"
        if key == "tagPatternList" and any(one.count("*") > MAX_WILDCARDS for one in listed):
            return f"has a pattern with more than the {MAX_WILDCARDS} wildcards that ECR takes"
    return ""


def _wrong_count(selection: dict[str, Any]) -> str:
    kind = selection.get("countType")
    if kind not in ("imageCountMoreThan", *_AGES):
        return f"has no countType that is imageCountMoreThan, {' or '.join((', '.join(_AGES[:-1]), _AGES[-1]))}"
    if not _is_count(selection.get("countNumber")):
        return "has no countNumber from 1"
    if selection.get("countUnit") != ("days" if kind in _AGES else None):
        return f"needs the countUnit days with the countType {' or '.join(_AGES)}, and none with imageCountMoreThan"
    return ""


def _wrong_beside(rule: dict[str, Any], others: Sequence[dict[str, Any]]) -> str:
    """What is wrong with a rule because of those before it; empty if nothing is."""
    priority, status = rule["rulePriority"], rule["selection"]["tagStatus"]
    if any(other["rulePriority"] == priority for other in others):
        return f"has the rulePriority {priority} of another one"
    if status != "tagged" and any(_reach(other) == _reach(rule) for other in others):
        return f"has the tagStatus {status} of another one: ECR takes one such rule"
    return ""


def _reach(rule: dict[str, Any]) -> tuple[object, ...]:
    """Of what ECR takes only one rule: untagged and any images, of a storage class, to one end."""
    selection = rule["selection"]
    return selection["tagStatus"], selection.get("storageClass", "standard"), rule["action"]["type"]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def read_policy(path: Path, name: str) -> str:
    """A repository policy's file: a JSON object with statements. SettingsError says what is wrong."""
    text, document = _read(path, name, _POLICY_TEXT)
    statements = document.get("Statement")
    if not statements:
        raise _wrong(path, name, 'has no "Statement"')
    for number, statement in enumerate(statements if isinstance(statements, list) else [statements], 1):
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise _wrong(path, name, f'has a "Statement" (number {number}) without the Effect Allow or Deny')
    return text


def _read(path: Path, name: str, limits: tuple[int, int]) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(
            f"{path}:{error.lineno}:{error.colno}: this file of {name} is no JSON: {error.msg}.", "Correct it there."
        ) from error
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{path}, the file of {name}, can't be read: {error}.", "Correct it there.") from error
    if not isinstance(document, dict):
        raise _wrong(path, name, "must be a JSON object")
    least, most = limits
    if len(text) < least:  # a small policy that is valid all the same: only its white space is missing
        text = json.dumps(document, indent=4).ljust(least)
    if len(text) > most:
        text = json.dumps(document, separators=(",", ":"))
    if len(text) > most:
        raise _wrong(path, name, f"has {len(text)} characters, and ECR takes {most}")
    return text, document


def _wrong(path: Path, name: str, problem: str) -> SettingsError:
    return SettingsError(f"{path}: the file of {name} {problem}.", "Correct it there; nothing has been changed.")


def same(one: str | None, other: str | None) -> bool:
    """Whether two policies say the same: white space, the order of lists and lists of one don't count."""
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
