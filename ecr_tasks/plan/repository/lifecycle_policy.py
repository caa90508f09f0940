"""Lifecycle policies: the default policy, a policy from a file (validated), and a text for a policy's rules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ecr_tasks.documents import parse_json
from ecr_tasks.model.tag import PART_TAG
from ecr_tasks.plan.repository.repository_policy import policy_error, read_document

MAX_RULES = 50
MAX_WILDCARDS = 4
ARCHIVE_DAYS = 90
_MIN_CHARACTERS, _MAX_CHARACTERS = 100, 30_720
"""The length of a policy's text (ECR's API model, LifecyclePolicyText)."""

_KEYS = ("rulePriority", "description", "selection", "action")
_SELECTION = ("tagStatus", "tagPatternList", "tagPrefixList", "storageClass", "countType", "countUnit", "countNumber")
_AGES = ("sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned")

UNTAGGED_DAYS = 14
CACHE_DAYS = 30
PART_DAYS = 14
"""The days after which the default policy expires untagged images, an unused build cache, and parts of no image."""


def default_lifecycle(cache_tags: str) -> str:
    """Return the policy that expires untagged images, build caches and parts, but no image with another tag.

    ``cache_tags`` is the pattern of the caches' tags.

    The images of an index are untagged too, but ECR expires none of them before the index (user guide, "Lifecycle
    policy evaluation rules"). So a part, too, stays as long as an image needs it. An overwritten build cache is an
    untagged image.
    """
    unused = f"A build cache that no build has renewed for {CACHE_DAYS} days"
    parts = f"A part of an image that no runner has completed within {PART_DAYS} days"
    rules = [
        _expire(1, f"Untagged for {UNTAGGED_DAYS} days", {"tagStatus": "untagged"}, UNTAGGED_DAYS),
        _expire(2, unused, {"tagStatus": "tagged", "tagPatternList": [cache_tags]}, CACHE_DAYS),
        _expire(3, parts, {"tagStatus": "tagged", "tagPatternList": [f"{PART_TAG}*"]}, PART_DAYS),
    ]
    return json.dumps({"rules": rules}, indent=2)


def _expire(priority: int, description: str, selection: dict[str, object], days: int) -> dict[str, object]:
    selection = {**selection, "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
    rule = {"rulePriority": priority, "description": description, "selection": selection}
    return {**rule, "action": {"type": "expire"}}


def read_lifecycle(path: Path, setting: str) -> str:
    """Return the text of a lifecycle policy's file, validated by ECR's rules.

    The rules are in the user guide, "Lifecycle policy properties". ECR itself validates a policy only when it is set,
    when a new repository exists already. Raises SettingsError for the first mistake.
    """
    text, document = read_document(path, setting, _MIN_CHARACTERS, _MAX_CHARACTERS)
    if problem := lifecycle_problem(document):
        raise policy_error(path, setting, problem)
    return text


def lifecycle_problem(document: Any) -> str:
    """Return the mistake in a policy as the end of a sentence about its file; an empty text if there is none."""
    if not isinstance(document, dict):
        return "is no object"
    if unknown := [key for key in document if key != "rules"]:
        return f'has the key {unknown[0]!r}; it can have "rules"'
    rules = document.get("rules")
    if not isinstance(rules, list) or not 1 <= len(rules) <= MAX_RULES:
        return f'must have "rules", a list of 1 to {MAX_RULES}'
    for number, rule in enumerate(rules, 1):
        if problem := _rule_problem(rule) or _conflict(rule, rules[: number - 1]):
            return f"has a rule (number {number}) that {problem}"
    for storage_class in ("standard", "archive"):
        ordered = sorted((rule for rule in rules if _storage_class(rule) == storage_class), key=_priority)
        if early := [rule for rule in ordered[:-1] if rule["selection"]["tagStatus"] == "any"]:
            where = f"the rule of priority {_priority(early[0])}"
            return f"has the tagStatus any in {where}: it must be the last one of the storage class {storage_class}"
    return ""


def _rule_problem(rule: Any) -> str:
    """Return the mistake in one rule, apart from the others; an empty text if there is none."""
    if not isinstance(rule, dict):
        return "is no object"
    if unknown := [key for key in rule if key not in _KEYS]:
        return f"has the key {unknown[0]!r}; it can have {', '.join(_KEYS)}"
    if not isinstance(rule.get("description", ""), str):
        return "has a description that is no text"
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
    return _tag_problem(selection) or _count_problem(selection) or _class_problem(selection, action["type"])


def _tag_problem(selection: dict[str, Any]) -> str:
    lists = [key for key in ("tagPatternList", "tagPrefixList") if key in selection]
    if (selection["tagStatus"] == "tagged") != (len(lists) == 1):
        return "needs tagPatternList or tagPrefixList where tagStatus is tagged, and only there"
    for key in lists:
        patterns = selection[key]
        is_list = isinstance(patterns, list) and patterns
        if not is_list or not all(isinstance(one, str) and one for one in patterns):
            return f"has a {key} that is no list of strings"
        if key == "tagPatternList" and any(one.count("*") > MAX_WILDCARDS for one in patterns):
            return f"has a pattern with more than the {MAX_WILDCARDS} wildcards that ECR takes"
    return ""


def _count_problem(selection: dict[str, Any]) -> str:
    kind = selection.get("countType")
    if kind not in ("imageCountMoreThan", *_AGES):
        return f"has no countType that is imageCountMoreThan, {' or '.join((', '.join(_AGES[:-1]), _AGES[-1]))}"
    if not _is_count(selection.get("countNumber")):
        return "has no countNumber from 1"
    if selection.get("countUnit") != ("days" if kind in _AGES else None):
        return f"needs the countUnit days with the countType {' or '.join(_AGES)}, and none with imageCountMoreThan"
    return ""


def _class_problem(selection: dict[str, Any], action: str) -> str:
    """Return the mistake in what a countType asks of storage class, action and countNumber; else an empty text.

    ECR has a schema for each countType (user guide, "Lifecycle policy properties"): sinceImagePulled only archives
    (github.com/aws/containers-roadmap, issue 921), sinceImageTransitioned only expires what has been archived for 90
    days at least (github.com/cloudposse/terraform-aws-ecr, pull request 159).
    """
    kind = selection["countType"]
    archived = kind == "sinceImageTransitioned"
    if selection.get("storageClass", "standard") != ("archive" if archived else "standard"):
        return "needs the storageClass archive with the countType sinceImageTransitioned, and only there"
    if kind == "sinceImagePulled" and action != "transition":
        return "has the countType sinceImagePulled, with which ECR takes only an action of the type transition"
    if archived and action != "expire":
        return "has the countType sinceImageTransitioned, with which ECR takes only an action of the type expire"
    if archived and selection["countNumber"] < ARCHIVE_DAYS:
        return f"has a countNumber below {ARCHIVE_DAYS}, the days for which an archived image stays at least"
    return ""


def _conflict(rule: dict[str, Any], earlier: Sequence[dict[str, Any]]) -> str:
    """Return the conflict of a rule with the earlier rules; an empty text if there is none."""
    priority, status = rule["rulePriority"], rule["selection"]["tagStatus"]
    if any(other["rulePriority"] == priority for other in earlier):
        return f"has the rulePriority {priority} of another one"
    same_class = [other["selection"] for other in earlier if _storage_class(other) == _storage_class(rule)]
    if status != "tagged" and any(other["tagStatus"] == status for other in same_class):
        return f"has the tagStatus {status} of another one: ECR takes one such rule for a storage class"
    prefixes = rule["selection"].get("tagPrefixList")
    if prefixes and any(set(other.get("tagPrefixList", [])) == set(prefixes) for other in same_class):
        return "has the tagPrefixList of another one: ECR takes one such rule for a storage class"
    return ""


def _storage_class(rule: dict[str, Any]) -> str:
    return str(rule["selection"].get("storageClass", "standard"))


def _priority(rule: dict[str, Any]) -> int:
    return int(rule["rulePriority"])


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def describe_lifecycle(text: str | None) -> tuple[str, ...]:
    """Return a line of text for each rule of a lifecycle policy."""
    if text is None:
        return ("no policy",)
    rules = parse_json(text).get("rules", [])
    return tuple(_describe_rule(rule) for rule in sorted(rules, key=lambda rule: int(rule["rulePriority"])))


def _describe_rule(rule: Mapping[str, Any]) -> str:
    selection, action = rule["selection"], rule["action"]
    patterns = selection.get("tagPatternList") or [f"{one}*" for one in selection.get("tagPrefixList", [])]
    images = f"images tagged {' and '.join(patterns)}" if patterns else f"{selection['tagStatus']} images"
    images = images.replace("any images", "all images")
    count, kind = selection.get("countNumber"), str(selection.get("countType"))
    event = {
        "sinceImagePushed": "after they were pushed",
        "sinceImagePulled": "after they were last pulled",
        "sinceImageTransitioned": "after they were archived",
    }.get(kind, kind)
    limit = f"beyond the newest {count}" if kind == "imageCountMoreThan" else f"{count} days {event}"
    description = f" ({rule['description']})" if rule.get("description") else ""
    return f"{rule['rulePriority']}: {action['type']} {images} {limit}{description}"
