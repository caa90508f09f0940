"""The differences between the desired and the actual state of a repository, as data and as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from ecr_tasks.documents import parse_json
from ecr_tasks.model.registry import Mutability
from ecr_tasks.model.repository import Aspect, DesiredRepository, Difference, RepositoryState
from ecr_tasks.plan.repository.lifecycle_policy import describe_lifecycle
from ecr_tasks.plan.repository.repository_policy import same


def differences(state: RepositoryState, desired: DesiredRepository) -> tuple[Difference, ...]:
    """Return the differences from the desired state, in the order in which they must be changed."""
    aspects = [
        _mutability(state, desired),
        _scan(state, desired),
        _tags(state.tags, desired.tags),
        _policy("repository-policy", state.policy, desired.policy, _lines),
        _policy("lifecycle-policy", state.lifecycle, desired.lifecycle, describe_lifecycle),
        _encryption(state, desired),
    ]
    return tuple(difference for difference in aspects if difference is not None)


def describe_mutability(mutability: Mutability, filters: Sequence[str]) -> str:
    """Return a text that says which tags are locked."""
    listed = ", ".join(filters)
    return {
        "MUTABLE": "every tag can move",
        "IMMUTABLE": "every tag is locked",
        "IMMUTABLE_WITH_EXCLUSION": f"every tag is locked but {listed}",
        "MUTABLE_WITH_EXCLUSION": f"locked are {listed}; every other tag can move",
    }[mutability]


def describe_encryption(state: RepositoryState) -> str:
    """Return a text that says how images are encrypted."""
    return f"{state.encryption} with {state.kms_key}" if state.kms_key else state.encryption


def _mutability(state: RepositoryState, desired: DesiredRepository) -> Difference | None:
    repository = state.repository
    if repository.mutability == desired.mutability and set(repository.exclusions) == set(desired.filters):
        return None
    now = describe_mutability(repository.mutability, repository.exclusions)
    return Difference("mutability", (now,), (describe_mutability(desired.mutability, desired.filters),))


def _scan(state: RepositoryState, desired: DesiredRepository) -> Difference | None:
    now, wanted = ("on" if value.scan_on_push else "off" for value in (state, desired))
    return Difference("scan-on-push", (now,), (wanted,)) if now != wanted else None


def _tags(now: Mapping[str, str], wanted: Mapping[str, str]) -> Difference | None:
    """Return the difference in the desired AWS tags; other tags are ignored, because somebody else set them."""
    changes = [key for key in wanted if now.get(key) != wanted[key]]
    if not changes:
        return None
    current = tuple(f"{key}={now[key]}" for key in changes if key in now)
    return Difference("tags", current, tuple(f"{key}={wanted[key]}" for key in changes))


def _policy(
    aspect: Aspect, now: str | None, wanted: str | None, lines: Callable[[str | None], tuple[str, ...]]
) -> Difference | None:
    return None if wanted is None or same(now, wanted) else Difference(aspect, lines(now), lines(wanted))


def _lines(text: str | None) -> tuple[str, ...]:
    return tuple(json.dumps(parse_json(text), indent=2).splitlines()) if text else ()


def _encryption(state: RepositoryState, desired: DesiredRepository) -> Difference | None:
    if desired.kms_key is None or _may_have_key(state, desired.kms_key):
        return None
    return Difference("encryption", (describe_encryption(state),), (f"KMS with {desired.kms_key}",), changeable=False)


def _may_have_key(state: RepositoryState, key: str) -> bool:
    """Return whether a repository's key may be the desired one; an alias and a key id can't be compared here."""
    if not state.encryption.startswith("KMS"):
        return False
    current = state.kms_key or ""
    if current in ("", key) or current.endswith((f"/{key}", f":{key}")):
        return True
    return ("alias/" in key) != ("alias/" in current)
