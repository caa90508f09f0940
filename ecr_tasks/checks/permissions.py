"""The check of the IAM actions that the configured tasks need."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from ecr_tasks.errors import EcrTasksError, ExitCode
from ecr_tasks.model.account import Permission, Verdict
from ecr_tasks.model.finding import Finding, Section
from ecr_tasks.model.wording import name_some

Key = TypeVar("Key")

PERMISSIONS = Section("Permissions", ExitCode.AWS)
_SHOWN = 6


def check_permissions(
    permissions: Sequence[Permission] | EcrTasksError, identity: str | None = None
) -> Iterator[Finding]:
    """Yield which actions are missing, with the statement to add, which are allowed, and which could not be asked.

    They are the caller's, or those of a destination's ``identity``.
    """
    who, name = (identity[:1].upper() + identity[1:], identity) if identity else ("The caller", "actions")
    if isinstance(permissions, EcrTasksError):
        yield PERMISSIONS.unknown(name, permissions.cause)
        return
    for required in (True, False):
        for (resource, how), actions in _grouped(permissions, "denied", _place, required=required).items():
            purposes = {item.need.purpose: None for item in permissions if item.need.action in actions}
            statement = json.dumps({"Effect": "Allow", "Action": actions, "Resource": resource})
            state = PERMISSIONS.wrong if required else PERMISSIONS.warning
            yield state(
                name,
                f"{who} may not do {', '.join(actions)} on {resource} ({how}); it is there to "
                f"{name_some([*filter(None, purposes)])}.",
                f"Add to its policy: {statement}",
            )
    for how, actions in _grouped(permissions, "allowed", lambda item: item.how).items():
        yield PERMISSIONS.fine(name, f"{name_some(actions, _SHOWN)}: allowed ({how})")
    for reason, actions in _grouped(permissions, "unknown", lambda item: item.how).items():
        yield PERMISSIONS.unknown(name, f"{reason} ({name_some(actions, _SHOWN)})")


def _place(item: Permission) -> tuple[str, str]:
    return item.need.resource, item.how


def _grouped(
    items: Iterable[Permission], verdict: Verdict, key: Callable[[Permission], Key], *, required: bool | None = None
) -> dict[Key, list[str]]:
    """Return the actions with a verdict by what they have in common, each once."""
    groups: dict[Key, dict[str, None]] = {}
    for item in items:
        if item.verdict == verdict and required in (None, item.need.required):
            groups.setdefault(key(item), {})[item.need.action] = None
    return {name: list(actions) for name, actions in groups.items()}
