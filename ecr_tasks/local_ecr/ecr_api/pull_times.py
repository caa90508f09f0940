"""API operations on the principals whose pulls are not recorded."""

from __future__ import annotations

import time

from ..errors import EcrError
from ..pull_times import PRINCIPAL, exclusions, set_exclusions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from .params import Params

_MOST = 100
"""How many principals a registry can exclude (API model, PullTimeUpdateExclusionList)."""


def register(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer RegisterPullTimeUpdateExclusion."""
    arn = _principal(params)
    with registry.store.db.transaction():
        principals = exclusions(registry)
        if arn in principals:
            message = f"The pull time update exclusion for '{arn}' already exists in the registry"
            raise EcrError("ExclusionAlreadyExistsException", message)
        if len(principals) >= _MOST:
            raise EcrError("LimitExceededException", f"A registry can exclude {_MOST} principals from pull times")
        principals[arn] = round(time.time(), 3)
        set_exclusions(registry, principals)
    return {"principalArn": arn, "createdAt": principals[arn]}


def deregister(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DeregisterPullTimeUpdateExclusion."""
    arn = _principal(params)
    with registry.store.db.transaction():
        principals = exclusions(registry)
        if principals.pop(arn, None) is None:
            message = f"The pull time update exclusion for '{arn}' does not exist in the registry"
            raise EcrError("ExclusionNotFoundException", message)
        set_exclusions(registry, principals)
    return {"principalArn": arn}


def list_exclusions(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer ListPullTimeUpdateExclusions."""
    page, token = params.page(sorted(exclusions(registry)), lambda arn: [arn])
    return {"pullTimeUpdateExclusions": page, **token}


def _principal(params: Params) -> str:
    return params.text("principalArn", minimum=0, maximum=200, pattern=PRINCIPAL)
