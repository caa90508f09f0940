"""The difference between the repository that is wanted and the one that is there, as data and as lines to read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ecr_tasks.model.registry import Mutability
from ecr_tasks.model.repository import Aspect, Desired, Difference, RepositoryState
from ecr_tasks.plan.repository.policies import same


def differences(state: RepositoryState, wanted: Desired) -> tuple[Difference, ...]:
    """Everything that is not as wanted, in the order in which it is changed."""
    found = [
        _mutability(state, wanted),
        _scan(state, wanted),
        _tags(state.tags, wanted.tags),
        _document("repository-policy", state.policy, wanted.policy),
        _lifecycle(state.lifecycle, wanted.lifecycle),
        _encryption(state, wanted),
    ]
    return tuple(difference for difference in found if difference is not None)


def describe_mutability(mutability: Mutability, filters: Sequence[str]) -> str:
    """Which tags are locked, in words."""
    listed = ", ".join(filters)
    return {
        "MUTABLE": "every tag can move",
        "IMMUTABLE": "every tag is locked",
        "IMMUTABLE_WITH_EXCLUSION": f"every tag is locked but {listed}",
        "MUTABLE_WITH_EXCLUSION": f"locked are {listed}; every other tag can move",
    }[mutability]


def describe_lifecycle(text: str | None) -> tuple[str, ...]:
    """A lifecycle policy's rules, a line each."""
    if text is None:
        return ("no policy",)
    rules = json.loads(text).get("rules", [])
    return tuple(_rule(rule) for rule in sorted(rules, key=lambda rule: int(rule["rulePriority"])))


def describe_encryption(state: RepositoryState) -> str:
    """How images are encrypted."""
    return f"{state.encryption} with {state.kms_key}" if state.kms_key else state.encryption


def _mutability(state: RepositoryState, wanted: Desired) -> Difference | None:
    there = state.repository
    if there.mutability == wanted.mutability and set(there.exclusions) == set(wanted.filters):
        return None
    now = describe_mutability(there.mutability, there.exclusions)
    return Difference("mutability", (now,), (describe_mutability(wanted.mutability, wanted.filters),))


def _scan(state: RepositoryState, wanted: Desired) -> Difference | None:
    if state.scan_on_push == wanted.scan_on_push:
        return None
    return Difference("scan-on-push", (_on(state.scan_on_push),), (_on(wanted.scan_on_push),))


def _on(value: bool) -> str:
    return "on" if value else "off"


def _tags(now: Mapping[str, str], wanted: Mapping[str, str]) -> Difference | None:
    """Only the tags that are wanted count: others are those of whoever set them."""
    wrong = [key for key in wanted if now.get(key) != wanted[key]]
    if not wrong:
        return None
    there = tuple(f"{key}={now[key]}" for key in wrong if key in now)
    return Difference("tags", there, tuple(f"{key}={wanted[key]}" for key in wrong))


def _document(aspect: Aspect, now: str | None, wanted: str | None) -> Difference | None:
    if wanted is None or same(now, wanted):
        return None
    return Difference(aspect, _pretty(now), _pretty(wanted))


def _pretty(text: str | None) -> tuple[str, ...]:
    return tuple(json.dumps(json.loads(text), indent=2).splitlines()) if text else ()


def _lifecycle(now: str | None, wanted: str | None) -> Difference | None:
    if wanted is None or same(now, wanted):
        return None
    return Difference("lifecycle-policy", describe_lifecycle(now), describe_lifecycle(wanted))


def _rule(rule: Mapping[str, Any]) -> str:
    selection, action = rule["selection"], rule["action"]
    named = selection.get("tagPatternList") or [f"{one}*" for one in selection.get("tagPrefixList", [])]
    what = f"images tagged {' and '.join(named)}" if named else f"{selection['tagStatus']} images"
    what = what.replace("any images", "all images")
    count, kind = selection.get("countNumber"), selection.get("countType")
    limit = f"beyond the newest {count}" if kind == "imageCountMoreThan" else f"{count} days {_since(str(kind))}"
    described = f" ({rule['description']})" if rule.get("description") else ""
    return f"{rule['rulePriority']}: {action['type']} {what} {limit}{described}"


def _since(kind: str) -> str:
    return {
        "sinceImagePushed": "after they were pushed",
        "sinceImagePulled": "after they were last pulled",
        "sinceImageTransitioned": "after they were archived",
    }.get(kind, kind)


def _encryption(state: RepositoryState, wanted: Desired) -> Difference | None:
    if wanted.kms_key is None or _is_key(state, wanted.kms_key):
        return None
    return Difference("encryption", (describe_encryption(state),), (f"KMS with {wanted.kms_key}",), changeable=False)


def _is_key(state: RepositoryState, key: str) -> bool:
    """Whether a repository's key can be the one that is wanted: only KMS knows which key an alias is."""
    if not state.encryption.startswith("KMS"):
        return False
    there = state.kms_key or ""
    if there in ("", key) or there.endswith((f"/{key}", f":{key}")):
        return True
    alias, other = ("alias/" in text for text in (key, there))
    return alias != other
