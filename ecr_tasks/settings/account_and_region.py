"""The account and the region that a repository's address brings along, where no setting says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from ecr_tasks.model.destination import PUBLIC_REGION
from ecr_tasks.settings.errors import Malformed, Problems
from ecr_tasks.settings.parse.address import Address, parse_address
from ecr_tasks.settings.parse.repository_map import written_repositories
from ecr_tasks.settings.setting import Origin, SettingValue

HOLDERS = ("ECR_REPOSITORY", "ECR_REPOSITORY_PREFIX", "ECR_REPOSITORY_MAP")
"""The settings in which names of repositories stand, or their addresses."""

_ENDPOINTS = ("AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL")


def take_apart(
    effective: Mapping[str, SettingValue], problems: Problems
) -> tuple[dict[str, SettingValue], list[str]]:
    """Return the settings that follow from the addresses of repositories in the settings, and warnings.

    Adds to ``problems`` an address that contradicts a setting, whichever place that stands in. The local ECR's
    settings contradict nothing: they replace the address's account and region, too. Nor does another region than ECR
    Public's, which is that of other services then.
    """
    derived: dict[str, SettingValue] = {}
    warnings = []
    addresses = (
        (holder, effective[holder], address)
        for holder in HOLDERS
        if holder in effective
        for text in written_names(holder, effective[holder].text)
        if (address := _address(text)) is not None
    )
    for holder, value, address in addresses:
        if address.is_local and not _is_local(effective):
            message = (
                f"is in {address.host}, and the settings lead to AWS: write {address.name}, or run `inv local …`"
            )
            problems.add_at(value.origin, holder, f"{message}.")
        origin = Origin("derived", f"{holder} ({value.origin})")
        for name, part in _parts(address).items():
            other = effective.get(name) or derived.get(name)
            if other is None:
                derived[name] = SettingValue(part, origin)
            elif not address.alias and other.origin.kind != "override" and other.text.strip() != part:
                place = other.origin
                words = f"{place.name} ({place})" if place.kind == "file" else str(place)
                message = f"is in {part}, and {words} says {other.text.strip()}: keep the one that is meant."
                problems.add_at(value.origin, holder, message)
        if address.endpoint_variant and address.endpoint_variant not in effective:
            warnings.append(
                f"{holder} ({value.origin}) has the host {address.host}, and images go to the host that ECR's API "
                f"names; {address.endpoint_variant}=true asks for that kind of API endpoints."
            )
    return derived, warnings


def written_names(holder: str, text: str) -> tuple[str, ...]:
    """Return the names and addresses of repositories that stand in one of these settings."""
    return tuple(written_repositories(text).values()) if holder == "ECR_REPOSITORY_MAP" else (text,)


def _address(text: str) -> Address | None:
    try:
        return parse_address(text)
    except Malformed:  # the setting's own parser says what is wrong
        return None


def _parts(address: Address) -> dict[str, str]:
    """Return the settings in an address; the region is set under both of its names."""
    region = PUBLIC_REGION if address.alias else address.region
    parts = {"AWS_ACCOUNT_ID": address.account, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    return {name: text for name, text in parts.items() if text}


def _is_local(effective: Mapping[str, SettingValue]) -> bool:
    """Return whether ECR's API is one on this machine, such as the local ECR's."""
    endpoint = next((effective[name].text for name in _ENDPOINTS if name in effective), "")
    try:
        return bool(endpoint) and Address(urlsplit(endpoint).netloc, "").is_local
    except ValueError:  # the setting's own parser says what is wrong
        return False
