"""All registries with their repositories: the page's first view, which programs that control the server read, too."""

from __future__ import annotations

from .. import contents
from ..constants import PUBLIC_REGION
from ..errors import EcrError, LocalEcrError
from . import version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..access_log import AccessLog
    from ..http.messages import Request
    from ..registries import Registries
    from ..registry import Registry


def document(registries: Registries, log: AccessLog, request: Request) -> dict[str, Any]:
    """Return the default registry's name and address, and each registry with its repositories.

    A registry that can't be served has ``problem``, a sentence, instead of repositories.
    """
    del log, request
    default = registries.default
    return {
        "version": version.of(registries),
        "endpoint": default.endpoint,
        "account": default.account,
        "region": default.region,
        "registries": [_registry(registries, place) for place in registries.describe()],
    }


def _registry(registries: Registries, place: dict[str, str]) -> dict[str, Any]:
    is_public = place["region"] == PUBLIC_REGION
    entry: dict[str, Any] = {**place, "public": is_public, "prefix": "", "repositories": []}
    try:
        registry = registries.find(place["account"], place["region"])
    except (EcrError, LocalEcrError) as error:
        return {**entry, "problem": error.message if isinstance(error, EcrError) else str(error)}
    if registry is None:  # it was closed a moment ago
        return entry
    return {**entry, "prefix": registry.prefix, "repositories": repositories(registry)}


def repositories(registry: Registry) -> list[dict[str, Any]]:
    """Return the repositories of one registry with what they hold."""
    return contents.repositories(registry.store.db)
