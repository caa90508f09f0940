"""A request's parameters, checked against the limits of the API model."""

from __future__ import annotations

import re

from ..errors import EcrError, invalid
from ..names import DIGEST_PATTERN, REPOSITORY_PATTERN, is_repository

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from ..store.repositories import Repository


class Params:
    """The JSON document of one request. Every method raises InvalidParameterException for what ECR refuses."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        """Return whether the parameter is there and not null."""
        return self._values.get(name) is not None

    def _get(self, name: str, kind: type, kind_name: str) -> Any:
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise EcrError("SerializationException", f"'{name}' must be {kind_name}")
        return value

    def optional_text(
        self,
        name: str,
        *,
        minimum: int = 0,
        maximum: int | None = None,
        pattern: str | None = None,
        choices: tuple[str, ...] | None = None,
    ) -> str | None:
        """Return a string or None."""
        value: str | None = self._get(name, str, "a string")
        if value is None:
            return None
        if len(value) < minimum:
            raise invalid(name, f"Member must have length greater than or equal to {minimum}")
        if maximum is not None and len(value) > maximum:
            raise invalid(name, f"Member must have length less than or equal to {maximum}")
        if pattern is not None and re.fullmatch(pattern, value) is None:
            raise invalid(name, f"must satisfy regular expression '{pattern}'")
        if choices is not None and value not in choices:
            raise invalid(name, f"Member must satisfy enum value set: [{', '.join(choices)}]")
        return value

    def text(
        self,
        name: str,
        *,
        minimum: int = 0,
        maximum: int | None = None,
        pattern: str | None = None,
        choices: tuple[str, ...] | None = None,
    ) -> str:
        """Return a string that is required."""
        value = self.optional_text(name, minimum=minimum, maximum=maximum, pattern=pattern, choices=choices)
        if value is None:
            raise invalid(name, "Member must not be null")
        return value

    def optional_integer(self, name: str, minimum: int, maximum: int | None = None) -> int | None:
        """Return an integer or None."""
        value: int | None = self._get(name, int, "an integer")
        if value is not None and (value < minimum or (maximum is not None and value > maximum)):
            limits = f"between {minimum} and {maximum}" if maximum is not None else f"at least {minimum}"
            raise invalid(name, f"Member must be {limits}")
        return value

    def integer(self, name: str, minimum: int = 0) -> int:
        """Return an integer that is required."""
        value = self.optional_integer(name, minimum)
        if value is None:
            raise invalid(name, "Member must not be null")
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean; false if it is absent."""
        return bool(self._get(name, bool, "a boolean"))

    def structure(self, name: str) -> Params:
        """Return a structure; empty if it is absent."""
        return Params(self._get(name, dict, "a structure") or {})

    def optional_list(self, name: str, minimum: int = 1, maximum: int | None = None) -> list[Any] | None:
        """Return a list or None."""
        value: list[Any] | None = self._get(name, list, "a list")
        if value is not None and (len(value) < minimum or (maximum is not None and len(value) > maximum)):
            raise invalid(name, f"Member must have {minimum} to {maximum} members")
        return value

    def texts(self, name: str, minimum: int = 1, maximum: int | None = None) -> list[str]:
        """Return a list of strings that is required."""
        value = self.optional_list(name, minimum, maximum)
        if value is None:
            raise invalid(name, "Member must not be null")
        if not all(isinstance(item, str) for item in value):
            raise EcrError("SerializationException", f"'{name}' must be a list of strings")
        return value

    def structures(
        self, name: str, minimum: int = 1, maximum: int | None = None, *, required: bool = False
    ) -> list[Params]:
        """Return a list of structures; empty if it is absent and not ``required``."""
        value = self.optional_list(name, minimum, maximum)
        if value is None and required:
            raise invalid(name, "Member must not be null")
        value = value or []
        if not all(isinstance(item, dict) for item in value):
            raise EcrError("SerializationException", f"'{name}' must be a list of structures")
        return [Params(item) for item in value]

    def identity(self) -> dict[str, str]:
        """Return this structure, an ImageIdentifier, for the response."""
        members = {member: self.optional_text(member) for member in ("imageDigest", "imageTag")}
        return {member: value for member, value in members.items() if value is not None}

    def digest(self, name: str) -> str:
        """Return a digest that is required."""
        return self.text(name, pattern=DIGEST_PATTERN)

    def repository_name(self) -> str:
        """Return the repository's name, which is required."""
        name = self.text("repositoryName", minimum=2, maximum=256)
        if not is_repository(name):
            raise invalid("repositoryName", f"must satisfy regular expression '{REPOSITORY_PATTERN}'")
        return name

    def repository(self, registry: Registry) -> Repository:
        """Return the repository that the request names. Raises RepositoryNotFoundException."""
        return registry.store.repositories.get(self.repository_name())
