"""Lifecycle policies: their validation, and which images they would expire or archive. Pure functions.

The rules of evaluation are those of ECR's user guide ("Lifecycle policy evaluation rules"): every rule sees all
images; one rule at most applies to an image; an image that matches the tagging requirement of a rule is not affected
by a rule of higher rulePriority; an image that an index lists is not removed before the index; an image that has a
subject is removed with it.
"""

from __future__ import annotations

import itertools
import json

from .errors import invalid
from .wildcard import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeGuard

MAX_RULES = 50
MAX_WILDCARDS = 4
DAY = 86_400.0

_COUNT_TYPES = ("imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned")
_SELECTION = {"tagStatus", "tagPatternList", "tagPrefixList", "storageClass", "countType", "countUnit", "countNumber"}


class Rule:
    """One rule. ``patterns`` are wildcards over a whole tag: each must match at least one tag of an image."""

    def __init__(self, priority: int, selection: dict[str, Any], action: str) -> None:
        self.priority = priority
        self.action = action
        self.tag_status: str = selection["tagStatus"]
        self.count_type: str = selection["countType"]
        self.count: int = selection["countNumber"]
        self.archived = selection.get("storageClass") == "archive" or self.count_type == "sinceImageTransitioned"
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
    """Return the rules of a policy, by priority. Raises InvalidParameterException, with the reason."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise _invalid_policy("it is not JSON") from None
    items = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(items, list) or not 1 <= len(items) <= MAX_RULES:
        raise _invalid_policy(f"it must have 1 to {MAX_RULES} rules")
    rules = sorted((_rule(item) for item in items), key=lambda rule: rule.priority)
    priorities = [rule.priority for rule in rules]
    if len(set(priorities)) != len(priorities):
        raise _invalid_policy("every rule must have a rulePriority of its own")
    for action, status in itertools.product(("EXPIRE", "TRANSITION"), ("any", "untagged")):
        if sum((rule.action, rule.tag_status, rule.archived) == (action, status, False) for rule in rules) > 1:
            raise _invalid_policy(f"only one rule may have tagStatus {status} for an action and a storage class")
    for rule, next_rule in itertools.pairwise(rules):
        if rule.tag_status == "any" and next_rule.tag_status != "any":
            raise _invalid_policy("a rule with tagStatus any must have the highest rulePriority")
    return rules


def _rule(item: Any) -> Rule:
    if not isinstance(item, dict):
        raise _invalid_policy("a rule must be an object")
    priority, selection, action = item.get("rulePriority"), item.get("selection"), item.get("action")
    if not _is_positive(priority):
        raise _invalid_policy("rulePriority must be an integer from 1")
    if not isinstance(selection, dict) or not isinstance(action, dict):
        raise _invalid_policy(f"rule {priority}: selection and action must be given")
    for problem in _problems(item, selection, action):
        raise _invalid_policy(f"rule {priority}: {problem}")
    return Rule(priority, selection, action["type"].upper())


def _problems(item: dict[str, Any], selection: dict[str, Any], action: dict[str, Any]) -> Iterator[str]:
    if unknown := set(item) - {"rulePriority", "description", "selection", "action"}:
        yield f"there is no {', '.join(sorted(unknown))}"
    if unknown := set(selection) - _SELECTION:
        yield f"selection has no {', '.join(sorted(unknown))}"
    status = selection.get("tagStatus")
    if status not in ("tagged", "untagged", "any"):
        yield "tagStatus must be tagged, untagged or any"
    lists = [name for name in ("tagPatternList", "tagPrefixList") if name in selection]
    if (status == "tagged") != (len(lists) == 1):
        yield "tagStatus tagged must have tagPatternList or tagPrefixList, and no other may"
    for name in lists:
        items = selection[name]
        if not isinstance(items, list) or not items or not all(isinstance(i, str) and i for i in items):
            yield f"{name} must be a list of strings"
        if name == "tagPatternList" and any(item.count("*") > MAX_WILDCARDS for item in items):
            yield f"a pattern must have at most {MAX_WILDCARDS} wildcards"
    count_type = selection.get("countType")
    if count_type not in _COUNT_TYPES:
        yield f"countType must be one of {', '.join(_COUNT_TYPES)}"
    if not _is_positive(selection.get("countNumber")):
        yield "countNumber must be an integer from 1"
    if count_type == "imageCountMoreThan":
        if "countUnit" in selection:
            yield "imageCountMoreThan has no countUnit"
    elif selection.get("countUnit") != "days":
        yield "countUnit must be days"
    if selection.get("storageClass", "standard") not in ("standard", "archive"):
        yield "storageClass must be standard or archive"
    if action.get("type") == "transition":
        if action.get("targetStorageClass") != "archive":
            yield "a transition must have targetStorageClass archive"
    elif action.get("type") != "expire" or "targetStorageClass" in action:
        yield "action must be of type expire or transition"


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
