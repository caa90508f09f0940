"""API operations on a registry's signing configuration: get, put, delete."""

from __future__ import annotations

import json

from ..errors import EcrError
from ..signer import SETTING
from ..store.database import stored_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from .params import Params

# API model: SigningProfileArn, SigningRepositoryFilterValue.
_PROFILE = r"arn:aws(?:-[a-z]+)*:signer:[a-z0-9-]+:[0-9]{12}:/signing-profiles/[a-zA-Z0-9_]{2,}"
_FILTER = r"(?:[a-z0-9*]+(?:[._-][a-z0-9*]+)*/)*[a-z0-9*]+(?:[._-][a-z0-9*]+)*"
_MAX_RULES, _MAX_FILTERS = 10, 100


def get_signing_configuration(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer GetSigningConfiguration."""
    return {"registryId": registry.account, "signingConfiguration": _existing(registry)}


def put_signing_configuration(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer PutSigningConfiguration."""
    document = params.structure("signingConfiguration", required=True)
    rules = []
    for rule in document.structures("rules", 0, _MAX_RULES, required=True):
        filters = [
            {
                "filter": item.text("filter", minimum=1, maximum=256, pattern=_FILTER),
                "filterType": item.text("filterType", choices=("WILDCARD_MATCH",)),
            }
            for item in rule.structures("repositoryFilters", 1, _MAX_FILTERS)
        ]
        profile = rule.text("signingProfileArn", maximum=200, pattern=_PROFILE)
        rules.append({"signingProfileArn": profile, **({"repositoryFilters": filters} if filters else {})})
    registry.store.db.set(SETTING, json.dumps({"rules": rules}))
    return {"signingConfiguration": {"rules": rules}}


def delete_signing_configuration(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DeleteSigningConfiguration."""
    configuration = _existing(registry)
    registry.store.db.execute("DELETE FROM setting WHERE name = ?", SETTING)
    return {"registryId": registry.account, "signingConfiguration": configuration}


def _existing(registry: Registry) -> dict[str, Any]:
    text = registry.store.db.setting(SETTING)
    if text is None:
        message = f"The signing configuration does not exist in the registry with id '{registry.account}'"
        raise EcrError("SigningConfigurationNotFoundException", message)
    configuration: dict[str, Any] = stored_json(text)
    return configuration
