"""The account settings of one registry (PutAccountSetting): their values, and what follows from them."""

from __future__ import annotations

from .constants import PUBLIC_REGION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .registry import Registry
    from .store.repositories import Repository

# API model, PutAccountSettingRequest: the values that each setting takes; the first is the default.
VALUES = {
    "BASIC_SCAN_TYPE_VERSION": ("AWS_NATIVE",),
    "BLOB_MOUNTING": ("DISABLED", "ENABLED"),
    "REGISTRY_POLICY_SCOPE": ("V2",),
}


def read(registry: Registry, name: str) -> str:
    """Return the value of an account setting."""
    return registry.store.db.setting(_key(name)) or VALUES[name][0]


def write(registry: Registry, name: str, value: str) -> None:
    """Set an account setting."""
    registry.store.db.set(_key(name), value)


def can_mount(registry: Registry, source: Repository, target: Repository) -> bool:
    """Return whether a blob of ``source`` can be mounted into ``target``.

    ECR user guide, "Blob mounting in Amazon ECR": it is off until the account setting is ENABLED, and both
    repositories must have the same encryption type and key. It is a feature of private registries.
    """
    is_enabled = registry.region != PUBLIC_REGION and read(registry, "BLOB_MOUNTING") == "ENABLED"
    return is_enabled and source.encryption == target.encryption


def _key(name: str) -> str:
    return f"account {name}"
