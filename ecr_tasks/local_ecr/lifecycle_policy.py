"""Lifecycle policies: their validation, and which images they would expire or archive. Pure functions.

The rules of evaluation are those of ECR's user guide ("Lifecycle policy evaluation rules"): every rule sees all
images; one rule at most applies to an image; an image that matches the tagging requirement of a rule is not affected
by a rule of higher rulePriority; an image that an index lists is not removed before the index; an image that has a
subject is removed with it.
"""

from __future__ import annotations

import json

from .errors import invalid
from .json_text import parse_json
from .wildcard import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeGuard

MAX_RULES = 50
MAX_WILDCARDS = 4
DAY = 86_400.0

# User guide, "Lifecycle policy properties": the storage class of each countType, and sinceImagePulled and
# sinceImageTransitioned have one action each ("Lifecycle policy evaluation rules"; github.com/aws/containers-roadmap,
# issue 921). The third member is the minimum of countNumber: an archived image stays for 90 days at least
# (github.com/cloudposse/terraform-aws-ecr, pull request 159; github.com/cloud-gov/terraform-provision, 2353).
SCHEMAS: dict[str, tuple[str, tuple[str, ...], int]] = {
    "imageCountMoreThan": ("standard", ("expire", "transition"), 1),
    "sinceImagePushed": ("standard", ("expire", "transition"), 1),
    "sinceImagePulled": ("standard", ("transition",), 1),
    "sinceImageTransitioned": ("archive", ("expire",), 90),
}
# github.com/hashicorp/terraform-provider-aws, pull request 45909.
_NO_SCHEMA = "instance failed to match exactly one schema (matched 0 out of 4)"
_SELECTION = {"tagStatus", "tagPatternList", "tagPrefixList", "storageClass", "countType", "countUnit", "countNumber"}


class Rule:
    """One rule. ``patterns`` are wildcards over a whole tag: each must match at least one tag of an image."""

    def __init__(self, priority: int, selection: dict[str, Any], action: str) -> None:
        self.priority = priority
        self.action = action
        self.tag_status: str = selection["tagStatus"]
        self.count_type: str = selection["countType"]
        self.count: int = selection["countNumber"]
        self.archived = SCHEMAS[self.count_type][0] == "archive"
        self.prefixes = frozenset(selection.get("tagPrefixList", []))
        self.patterns = [
            *selection.get("tagPatternList", []),
            *(f"{prefix}*" for prefix in selection.get("tagPrefixList", [])),
        ]

    def selects(self, tags: list[str]) -> bool:
        """Return whether an image with these tags matches the tagging requirement."""
        if self.tag_status == "untagged":
            return not tags
        if self.tag_status == "any":
            return True
        return bool(tags) and all(any(matches(pattern, tag) for tag in tags) for pattern in self.patterns)


class Candidate:
    """The properties of an image that the rules use. Times are Unix seconds."""

    def __init__(
        self,
        digest: str,
        tags: list[str],
        pushed: float,
        pulled: float | None = None,
        parents: list[str] | None = None,
        subject: str | None = None,
    ) -> None:
        self.digest = digest
        self.tags = tags
        self.pushed = pushed
        self.pulled = pulled
        self.parents = parents or []
        self.subject = subject


def parse(text: str) -> list[Rule]:
    """Return the rules of a policy, by priority. Raises InvalidParameterException, with ECR's reason."""
    try:
        document = parse_json(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise _invalid_policy("Could not map policyString into LifecyclePolicy.")
    if unknown := sorted(set(document) - {"rules"}):
        raise _invalid_policy(_not_allowed(unknown))
    items = document.get("rules")
    if items is None:
        raise _invalid_policy(_missing(["rules"]))
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_RULES:
        raise _invalid_policy(f"rules must be a list of 1 to {MAX_RULES}")
    rules = sorted((_rule(item) for item in items), key=lambda rule: rule.priority)
    _check_together(rules)
    return rules


def _check_together(rules: list[Rule]) -> None:
    """Check what no rule can say alone. The sentences are ECR's, which the user guide has in other words.

    ("Lifecycle policy evaluation rules": one rule of a storage class selects untagged images, and the rules of a
    storage class have a unique set of prefixes; "Lifecycle policy properties": ``any`` comes last.)
    """
    priorities = [rule.priority for rule in rules]
    if len(set(priorities)) != len(priorities):
        raise _invalid_policy("every rule must have a rulePriority of its own")
    for archived in (False, True):
        same_class = [rule for rule in rules if rule.archived == archived]
        if sum(rule.tag_status == "untagged" for rule in same_class) > 1:
            raise _invalid_policy("Only one rule can select Untagged images per storage class.")
        if any(rule.tag_status == "any" for rule in same_class[:-1]):
            raise _invalid_policy("Rule for tagStatus=ANY must have the lowest priority per storage class")
        prefixes = [rule.prefixes for rule in same_class if rule.prefixes]
        if len(set(prefixes)) != len(prefixes):
            raise _invalid_policy("every rule of a storage class must have a tagPrefixList of its own")


def _rule(item: Any) -> Rule:
    if not isinstance(item, dict):
        raise _invalid_policy('instance type does not match any allowed primitive type (allowed: ["object"])')
    if missing := sorted({"rulePriority", "selection", "action"} - set(item)):
        raise _invalid_policy(_missing(missing))
    if unknown := sorted(set(item) - {"rulePriority", "description", "selection", "action"}):
        raise _invalid_policy(_not_allowed(unknown))
    priority, selection, action = item["rulePriority"], item["selection"], item["action"]
    if not _is_positive(priority):
        raise _invalid_policy("rulePriority must be an integer from 1")
    if not isinstance(item.get("description", ""), str):
        raise _invalid_policy(f"rule {priority}: description must be a string")
    problems = _schema_problems(selection, action)
    if problem := next(problems, None):
        raise _invalid_policy(f"{_NO_SCHEMA}: rule {priority}: {problem}")
    if problem := _tag_problem(selection):
        raise _invalid_policy(problem)
    return Rule(priority, selection, action["type"].upper())


def _schema_problems(selection: Any, action: Any) -> Iterator[str]:
    """Yield the reasons why a selection and an action match none of ECR's four schemas, one for each countType."""
    if not isinstance(selection, dict) or not isinstance(action, dict):
        yield "selection and action must be objects"
        return
    schema = SCHEMAS.get(str(selection.get("countType")))
    if schema is None:
        yield f"countType must be one of {', '.join(SCHEMAS)}"
        return
    count_type, (storage_class, actions, minimum) = selection["countType"], schema
    if unknown := sorted({*selection} - _SELECTION | {*action} - {"type", "targetStorageClass"}):
        yield f"there is no {', '.join(unknown)}"
    if selection.get("tagStatus") not in ("tagged", "untagged", "any"):
        yield "tagStatus must be tagged, untagged or any"
    if not _is_positive(selection.get("countNumber")) or selection["countNumber"] < minimum:
        yield f"countNumber must be an integer from {minimum} with {count_type}"
    has_unit = count_type != "imageCountMoreThan"
    if ("countUnit" in selection) != has_unit or selection.get("countUnit", "days") != "days":
        yield f"countUnit must be days with {count_type}" if has_unit else f"{count_type} has no countUnit"
    if selection.get("storageClass", "standard") != storage_class:
        yield f"storageClass must be {storage_class} with {count_type}"
    if action.get("type") not in actions:
        yield f"action must be of type {' or '.join(actions)} with {count_type}"
    elif ("targetStorageClass" in action) != (action["type"] == "transition"):
        yield "a transition must have a targetStorageClass, and no other action may"
    elif action.get("targetStorageClass", "archive") != "archive":
        yield "targetStorageClass must be archive"


def _tag_problem(selection: dict[str, Any]) -> str | None:
    status = selection["tagStatus"]
    lists = [name for name in ("tagPatternList", "tagPrefixList") if name in selection]
    if status == "tagged" and not lists:
        return "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED."
    if len(lists) > (status == "tagged"):
        return (
            f"{lists[-1]} cannot be specified together with {lists[0] if len(lists) > 1 else 'tagStatus=' + status}"
        )
    for name in lists:
        items = selection[name]
        if not isinstance(items, list) or not items or not all(isinstance(i, str) and i for i in items):
            return f"{name} must be a list of strings"
        if name == "tagPatternList" and any(item.count("*") > MAX_WILDCARDS for item in items):
            return f"a pattern must have at most {MAX_WILDCARDS} wildcards"
    return None


def _missing(names: list[str]) -> str:
    return f"object has missing required properties ({json.dumps(names)})"


def _not_allowed(names: list[str]) -> str:
    return f"object instance has properties which are not allowed by the schema: ({json.dumps(names)})"


def _is_positive(number: Any) -> TypeGuard[int]:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1


def evaluate(rules: list[Rule], images: list[Candidate], now: float) -> dict[str, Rule]:
    """Return the digests of ``images`` that ``rules`` (by priority) would affect at ``now``, with the rule of each.

    They are in the order of the rules, the newest image of a rule first.
    """
    present = {image.digest for image in images}
    independent = [image for image in images if image.subject not in present]
    newest_first = sorted(independent, key=lambda image: (-image.pushed, image.digest))
    outcomes: dict[str, Rule] = {}
    matched: set[str] = set()
    for rule in rules:
        selected = [] if rule.archived else [image for image in newest_first if rule.selects(image.tags)]
        for image in _over_limit(rule, selected, now):
            if image.digest not in matched:
                outcomes[image.digest] = rule
        matched.update(image.digest for image in selected)
    kept = images
    while kept:  # an index without an outcome keeps its children, and they keep theirs
        with_outcome = [image for image in images if image.digest in outcomes]
        kept = [image for image in with_outcome if (present & {*image.parents}) - {*outcomes}]
        for image in kept:
            del outcomes[image.digest]
    added = images
    while added:  # referrers of images with an outcome, and their own referrers
        added = [image for image in images if image.subject in outcomes and image.digest not in outcomes]
        outcomes.update({image.digest: outcomes[str(image.subject)] for image in added})
    return outcomes


def _over_limit(rule: Rule, selected: list[Candidate], now: float) -> list[Candidate]:
    if rule.count_type == "imageCountMoreThan":
        return selected[rule.count :]
    oldest = now - rule.count * DAY
    if rule.count_type == "sinceImagePulled":
        # ECR counts from the push for an image that was never pulled.
        return [image for image in selected if max(image.pulled or 0.0, image.pushed) < oldest]
    return [image for image in selected if image.pushed < oldest]


def _invalid_policy(problem: str) -> Exception:
    return invalid("LifecyclePolicyText", f"Lifecycle policy validation failure: {problem}")
