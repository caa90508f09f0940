"""When an image was last pulled, and the principals whose pulls are not recorded (pull-time update exclusions)."""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .registry import Registry
    from .store.images import Image

PRINCIPAL = r"arn:aws(-[a-z]+)*:iam::[0-9]{12}:(role|user)/[\w+=,.@-]+(/[\w+=,.@-]+)*"
"""A principal's ARN (API model, PrincipalArn)."""

_SESSION = re.compile(r"arn:[a-z-]+:sts::([0-9]{12}):assumed-role/([^/]+)/.*")
_KEY = "pull time exclusions"


def exclusions(registry: Registry) -> dict[str, float]:
    """Return the excluded principals with the times of their registration (Unix seconds)."""
    stored: dict[str, float] = json.loads(registry.store.db.setting(_KEY) or "{}")
    return stored


def set_exclusions(registry: Registry, principals: dict[str, float]) -> None:
    """Store the excluded principals."""
    registry.store.db.set(_KEY, json.dumps(principals))


def record(registry: Registry, image: Image, principal: str) -> None:
    """Record a pull, unless its principal is excluded. A session is its role's, whose path its ARN doesn't have."""
    session = _SESSION.fullmatch(principal)
    account, name = (session[1], session[2]) if session else ("", "")
    for arn in exclusions(registry):
        kind, _, rest = arn.partition("::")[2].partition(":")[2].partition("/")
        is_role = session is not None and kind == "role" and rest.rpartition("/")[2] == name
        if arn == principal or (is_role and f"::{account}:" in arn):
            return
    registry.store.images.record_pull(image)
