"""Which tags are locked: a repository's mutability and its exclusion filters."""

from __future__ import annotations

import re

from .errors import invalid
from .wildcard import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MUTABILITIES = ("IMMUTABLE", "MUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION")
_FILTER = re.compile(r"[0-9a-zA-Z._*-]{1,128}")
_PARAMETER = "imageTagMutabilityExclusionFilters"


def is_locked(mutability: str, filters: list[str], tag: str) -> bool:
    """Return whether ``tag`` cannot be moved to another image once it is set.

    A filter is a wildcard over the whole tag; a tag that matches one is locked in a MUTABLE repository, and
    not locked in an IMMUTABLE one.
    """
    immutable = mutability.startswith("IMMUTABLE")
    if mutability.endswith("_WITH_EXCLUSION") and any(matches(pattern, tag) for pattern in filters):
        return not immutable
    return immutable


def check_filters(mutability: str, filters: list[Any] | None) -> list[str]:
    """Return the wildcards of a request's exclusion filters.

    Raises InvalidParameterException if the mutability needs filters and there are not 1 to 5, if it has none and
    there are some, or if one is not of type WILDCARD, not ``[0-9a-zA-Z._*-]{1,128}``, or has more than two ``*``.
    """
    if not mutability.endswith("_WITH_EXCLUSION"):
        if filters:
            raise invalid(_PARAMETER, f"must not be given when imageTagMutability is {mutability}")
        return []
    if not filters or len(filters) > 5:
        raise invalid(_PARAMETER, f"must have 1 to 5 members when imageTagMutability is {mutability}")
    wildcards = []
    for number, item in enumerate(filters, 1):
        member = f"{_PARAMETER}.{number}.member"
        if not isinstance(item, dict) or item.get("filterType") != "WILDCARD":
            raise invalid(f"{member}.filterType", "Member must satisfy enum value set: [WILDCARD]")
        value = item.get("filter")
        if not isinstance(value, str) or _FILTER.fullmatch(value) is None:
            raise invalid(f"{member}.filter", "must satisfy regular expression '^[0-9a-zA-Z._*-]{1,128}$'")
        if value.count("*") > 2:
            raise invalid(f"{member}.filter", "must have at most two wildcards (*)")
        wildcards.append(value)
    return wildcards
