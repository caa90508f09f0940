"""The differences between the registry that a file wants and the one that ECR has, as data and as text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ecr_tasks.model.registry_settings import KEYS, PARTS, Part, RegistryChange
from ecr_tasks.model.repository import Difference

_DEFAULTS: Mapping[Part, Any] = MappingProxyType(
    {
        "accountSettings": {"BLOB_MOUNTING": "DISABLED"},
        "scanningConfiguration": {"scanType": "BASIC", "rules": []},
        "signingConfiguration": {"rules": []},
        "replicationConfiguration": {"rules": []},
    }
)
"""What a registry has that nobody has set up (API model, PutAccountSetting and the descriptions of each part)."""


def registry_changes(now: Mapping[Part, Any], wanted: Mapping[Part, Any]) -> tuple[RegistryChange, ...]:
    """Return what must change for the wanted parts, in the order in which it must be set.

    Parts that aren't wanted stay as they are, and so do members that a wanted part or item doesn't name. Lists are as
    they are wanted, except for their order.
    """
    changes: list[RegistryChange] = []
    for part in PARTS:
        if part in wanted:
            changes += (
                _keyed(part, now[part], wanted[part]) if part in KEYS else _whole(part, now[part], wanted[part])
            )
    return tuple(changes)


def lines_of(value: Any) -> tuple[str, ...]:
    """Return a part's value as the lines of YAML that a file would have, its smallest collections on a line each."""
    if value in (None, [], {}):
        return ()
    value = in_order(value)
    entries = [{key: item} for key, item in value.items()] if isinstance(value, dict) else [[item] for item in value]
    return tuple(line for entry in entries for line in _dump(entry).splitlines())


def _dump(entry: dict[str, Any] | list[Any]) -> str:
    import yaml

    (content,) = entry.values() if isinstance(entry, dict) else entry
    flow = None if isinstance(content, (dict, list)) else False
    text = yaml.safe_dump(entry, sort_keys=False, default_flow_style=flow, width=1_000_000, allow_unicode=True)
    return str(text)


def in_order(value: Any) -> Any:
    """Return a value with its lists in one order: in none of these does it mean anything."""
    if isinstance(value, Mapping):
        return {key: in_order(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return sorted((in_order(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def key_of(part: Part, item: Mapping[str, Any]) -> str:
    """Return the name of a part's item; a slash at its end is always assumed (API model, Prefix)."""
    return str(item[KEYS[part]]).rstrip("/")


def _whole(part: Part, now: Any, wanted: Any) -> list[RegistryChange]:
    desired = {**now, **wanted} if isinstance(now, Mapping) and part != "registryPolicy" else wanted
    return _change(part, part, now, desired, _DEFAULTS.get(part))


def _keyed(part: Part, now: Sequence[Any], wanted: Sequence[Any]) -> list[RegistryChange]:
    present, items = ({key_of(part, item): item for item in some} for some in (now, wanted))
    changes: list[RegistryChange] = []
    for key in [*(key for key in present if key not in items), *items]:
        before, item = present.get(key), items.get(key)
        desired = {**(_kept(before, item) if before else {}), **item} if item is not None else None
        if before is not None and desired is not None:
            desired[KEYS[part]] = before[KEYS[part]]
        changes += _change(part, f"{part}: {key}", before, desired, None)
    return changes


def _kept(before: Mapping[str, Any], item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the members that stay unless an item names them: none of a cache rule that gets another upstream.

    Its secret is for the registry that it was made for.
    """
    url = "upstreamRegistryUrl"
    return before if item.get(url, before.get(url)) == before.get(url) else {}


def _change(part: Part, title: str, now: Any, desired: Any, default: Any) -> list[RegistryChange]:
    if _canonical(now) == _canonical(desired):
        return []
    before, after = (lines_of(_without_defaults(value)) for value in (now, desired))
    kept = {*after, *lines_of(default)}
    removes = tuple(line for line in before if line not in kept)
    return [RegistryChange(part, now, desired, Difference(title, before, after), removes)]


def _canonical(value: Any) -> str:
    value = _without_defaults(value)
    return "" if value in (None, [], {}) else json.dumps(_single(in_order(value)), sort_keys=True)


def _single(value: Any) -> Any:
    """Return a value with lists of one text as that text, which they mean in a policy."""
    if isinstance(value, dict):
        return {key: _single(item) for key, item in value.items()}
    if isinstance(value, list):
        return value[0] if len(value) == 1 and isinstance(value[0], str) else [_single(item) for item in value]
    return value


def _without_defaults(value: Any) -> Any:
    """Return a value without the members that mean nothing: empty ones, and a deletion that isn't replicated."""
    if isinstance(value, Mapping):
        members = {key: _without_defaults(item) for key, item in value.items()}
        members = {key: item for key, item in members.items() if item is not None and item != ""}
        return {
            key: item for key, item in members.items() if (key, item) != ("deleteReplication", {"enabled": False})
        }
    return [_without_defaults(item) for item in value] if isinstance(value, (list, tuple)) else value
