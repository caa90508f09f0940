"""API operations on a registry's own settings: account settings, and the registry policy."""

from __future__ import annotations

from .. import account_settings, resource_policy
from ..errors import EcrError, invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from .params import Params

_POLICY = "registry policy"
"""The name of the registry policy among the settings of a store."""


def get_account_setting(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer GetAccountSetting."""
    name = _setting_name(params)
    return {"name": name, "value": account_settings.read(registry, name)}


def put_account_setting(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer PutAccountSetting."""
    name = _setting_name(params)
    value = params.text("value", choices=account_settings.VALUES[name])
    account_settings.write(registry, name, value)
    return {"name": name, "value": value}


def _setting_name(params: Params) -> str:
    return params.text("name", minimum=1, maximum=64, choices=tuple(account_settings.VALUES))


def put_registry_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer PutRegistryPolicy: keep the text; IAM is not checked."""
    text = params.text("policyText", maximum=10240)
    if not resource_policy.is_valid(text, has_resource=True):
        raise invalid("PolicyText", "Invalid registry policy provided")
    registry.store.db.set(_POLICY, text)
    return {"registryId": registry.account, "policyText": text}


def get_registry_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer GetRegistryPolicy."""
    text = registry.store.db.setting(_POLICY)
    if text is None:
        message = f"Registry policy does not exist in the registry with id '{registry.account}'"
        raise EcrError("RegistryPolicyNotFoundException", message)
    return {"registryId": registry.account, "policyText": text}


def delete_registry_policy(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DeleteRegistryPolicy."""
    response = get_registry_policy(registry, params)
    registry.store.db.execute("DELETE FROM setting WHERE name = ?", _POLICY)
    return response
