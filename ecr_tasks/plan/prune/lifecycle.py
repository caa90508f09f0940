"""Write the rules of `prune` as a lifecycle policy of ECR, as far as ECR can, and tell the differences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from ecr_tasks.model.manifest import CACHE_TAGS
from ecr_tasks.plan.prune.rules import PruneRule
from ecr_tasks.plan.repository.lifecycle_policy import MAX_RULES, MAX_WILDCARDS

_UNREACHABLE = 100_000
"""A number of images that no repository has (ECR service quotas: 20,000 a repository, unless raised)."""

_RELEASES = "*.*.*"
_REFERRERS = "sha256-*"
_ALWAYS = (
    "It looks at no other tag: what a rule matches goes with all of its tags, though another one names no rule, "
    "such as prod.",
    "What one rule matches is left to that rule: a later one that would let it go earlier does not count for it.",
    "It asks nobody what runs: not ECS, not Lambda, not EKS, and no run that is about to set a tag.",
    "It knows no history: an image that `rollback` could put back goes like any other.",
    "It keeps no image for what belongs to it: a platform that is pulled, or a signature of its own.",
    f"What has a tag such as {_REFERRERS} (cosign's signatures) stays, also when its image is gone.",
)


def as_lifecycle_policy(
    rules: Sequence[PruneRule], *, archive: bool = False
) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """Return the policy and the differences; None where ECR can express none of the rules that let something go.

    An image that a rule of a higher priority selects is left to that rule alone (ECR user guide, "Lifecycle policy
    evaluation rules"), so that tags which are to stay come first, in rules that expire nothing.
    """
    guards = [_guard(_RELEASES, "Releases stay"), _guard(_REFERRERS, "What cosign's tags link to an image stays")]
    selections: list[tuple[PruneRule, dict[str, Any]]] = []
    differences = [
        *_ALWAYS,
        f"Only tags such as {_RELEASES} are releases to it; `prune` also knows git's tags and the rules of ECR_TAGS.",
    ]
    for rule in rules:
        if rule.keeps_tags and rule.pattern.count("*") <= MAX_WILDCARDS:
            guards.append(_guard(rule.pattern, rule.text))
        elif (selection := _selection(rule)) is None:
            differences.append(f"ECR can't express this rule, so it is left out: {rule.text}")
        else:
            selections.append((rule, selection))
            differences += _difference(rule)
    ordered = _in_order(selections)
    differences += [
        f"ECR takes one such rule, so this one is left out: {rule.text}"
        for rule, item in selections
        if (rule, item) not in ordered
    ]
    room = max(0, MAX_RULES - len(guards))
    differences += [
        f"ECR takes {MAX_RULES} rules, so this one is left out: {rule.text}" for rule, _ in ordered[room:]
    ]
    ordered = ordered[:room]
    if not ordered:
        return None, tuple(differences)
    action = {"type": "transition", "targetStorageClass": "archive"} if archive else {"type": "expire"}
    found = [
        *guards,
        *(
            {
                "description": rule.text,
                "selection": item,
                "action": {"type": "expire"} if rule.type == "archived" else action,
            }
            for rule, item in ordered
        ),
    ]
    return {"rules": [{"rulePriority": number, **item} for number, item in enumerate(found, 1)]}, tuple(differences)


def _guard(pattern: str, description: str) -> dict[str, Any]:
    selection = {"tagStatus": "tagged", "tagPatternList": [pattern], "countType": "imageCountMoreThan"}
    return {
        "description": f"{description} (this rule keeps them from the others)",
        "selection": {**selection, "countNumber": _UNREACHABLE},
        "action": {"type": "expire"},
    }


def _selection(rule: PruneRule) -> dict[str, Any] | None:
    """Return ECR's selection of a rule; None where it has none that selects the same or less."""
    if rule.type in ("gone", "keep") or (rule.newest and rule.older):
        return None
    tagged = {"tagStatus": "tagged", "tagPatternList": [CACHE_TAGS if rule.type == "cache" else rule.pattern]}
    chosen = {"untagged": {"tagStatus": "untagged"}, "archived": {"tagStatus": "any"}}.get(rule.type, tagged)
    if rule.pattern.count("*") > MAX_WILDCARDS:
        return None
    if rule.newest:
        return {**chosen, "countType": "imageCountMoreThan", "countNumber": rule.newest}
    days = _days(rule)
    if rule.type == "archived":
        chosen = {**chosen, "storageClass": "archive", "countType": "sinceImageTransitioned"}
    else:
        chosen = {**chosen, "countType": "sinceImagePushed"}
    return {**chosen, "countUnit": "days", "countNumber": days}


def _days(rule: PruneRule) -> int:
    return max(1, -(-rule.older // timedelta(days=1)))


def _difference(rule: PruneRule) -> list[str]:
    days = _days(rule)
    rounded = (
        [] if rule.newest or rule.older == timedelta(days=days) else [f"It counts days, here {days}: {rule.text}"]
    )
    return [*rounded, *_difference_of_type(rule)]


def _difference_of_type(rule: PruneRule) -> list[str]:
    if rule.type == "cache":
        return [
            f"A cache is what is tagged {CACHE_TAGS}, and it counts from its push; `prune` knows any cache, and "
            f"counts from its last use: {rule.text}"
        ]
    if rule.newest:
        return [
            "It spares the newest from this rule alone, counts the platforms of indexes as images, and expires also "
            f"what was pushed today: {rule.text}"
        ]
    return []


def _in_order(selections: Sequence[tuple[PruneRule, dict[str, Any]]]) -> list[tuple[PruneRule, dict[str, Any]]]:
    """Return the rules in an order that ECR takes: one for what is untagged, and one for everything at the end."""
    chosen: list[tuple[PruneRule, dict[str, Any]]] = []
    seen: set[str] = set()
    for rule, selection in selections:
        key = selection["tagStatus"] if selection["tagStatus"] != "tagged" else ""
        if key and key in seen:
            continue
        seen.add(key)
        chosen.append((rule, selection))
    return chosen
