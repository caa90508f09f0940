"""A request's parameters, checked against the limits of the API model, and the page of a list that they select."""

from __future__ import annotations

import base64
import json
import re
from itertools import islice

from ..errors import EcrError, invalid
from ..json_text import parse_json
from ..names import REPOSITORY_PATTERN, is_repository

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    from ..registry import Registry
    from ..store.repositories import Repository

    T = TypeVar("T")


class Params:
    """The JSON document of a request for ``operation``, or a structure in it.

    Every method raises InvalidParameterException or SerializationException for values that ECR refuses.
    """

    def __init__(self, values: dict[str, Any], operation: str = "") -> None:
        self._values = values
        self._operation = operation
        self.caller = ""
        """The ARN of who signed the request."""

    def has(self, name: str) -> bool:
        """Return whether the parameter is present and not null."""
        return self._values.get(name) is not None

    def _get(self, name: str, kind: type, kind_name: str) -> Any:
        value = self._values.get(name)
        if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
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
        """Return a string or None. ``minimum`` and ``maximum`` limit its length."""
        value: str | None = self._get(name, str, "a string")
        if value is None:
            return None
        _check_length(name, value, minimum, maximum)
        if pattern is not None and re.fullmatch(pattern, value) is None:
            raise invalid(name, f"must satisfy regular expression '{pattern}'")
        if choices is not None and value not in choices:
            raise invalid(name, f"Member must satisfy enum value set: [{', '.join(choices)}]")
        return value

    def text(self, name: str, **limits: Any) -> str:
        """Return a string that is required. ``limits`` are those of ``optional_text``."""
        return _required(name, self.optional_text(name, **limits))

    def optional_integer(self, name: str, minimum: int, maximum: int | None = None) -> int | None:
        """Return an integer or None."""
        value: int | None = self._get(name, int, "an integer")
        if value is not None and value < minimum:
            raise invalid(name, f"Member must have value greater than or equal to {minimum}")
        if value is not None and maximum is not None and value > maximum:
            raise invalid(name, f"Member must have value less than or equal to {maximum}")
        return value

    def integer(self, name: str) -> int:
        """Return an integer that is required, 0 or more."""
        return _required(name, self.optional_integer(name, 0))

    def flag(self, name: str, *, required: bool = False) -> bool:
        """Return a boolean; false if it is absent and not ``required``."""
        value = self._get(name, bool, "a boolean")
        return bool(_required(name, value) if required else value)

    def structure(self, name: str, *, required: bool = False) -> Params:
        """Return a structure; empty if it is absent and not ``required``."""
        value = self._get(name, dict, "a structure")
        return Params(_required(name, value) if required else value or {})

    def optional_list(self, name: str, minimum: int = 1, maximum: int | None = None) -> list[Any] | None:
        """Return a list or None."""
        value: list[Any] | None = self._get(name, list, "a list")
        _check_length(name, value, minimum, maximum)
        return value

    def texts(
        self,
        name: str,
        minimum: int = 1,
        maximum: int | None = None,
        *,
        shortest: int = 0,
        longest: int | None = None,
    ) -> list[str]:
        """Return a list of strings that is required. ``shortest`` and ``longest`` limit the length of each."""
        value = _required(name, self.optional_list(name, minimum, maximum))
        if not all(isinstance(item, str) for item in value):
            raise EcrError("SerializationException", f"'{name}' must be a list of strings")
        for item in value:
            _check_length(name, item, shortest, longest)
        return value

    def structures(
        self, name: str, minimum: int = 1, maximum: int | None = None, *, required: bool = False
    ) -> list[Params]:
        """Return a list of structures; empty if it is absent and not ``required``."""
        value = self.optional_list(name, minimum, maximum)
        value = _required(name, value) if required else value or []
        if not all(isinstance(item, dict) for item in value):
            raise EcrError("SerializationException", f"'{name}' must be a list of structures")
        return [Params(item) for item in value]

    def image_ids(self, *, required: bool = True) -> list[Params]:
        """Return the request's list of ImageIdentifiers. What else is wrong with one is a failure of its own."""
        items = self.structures("imageIds", 1, 100, required=required)
        for item in items:
            item.optional_text("imageDigest")
            item.optional_text("imageTag", minimum=1, maximum=300)
        return items

    def identity(self) -> dict[str, str]:
        """Return this structure, an ImageIdentifier, for the response."""
        members = {member: self.optional_text(member) for member in ("imageDigest", "imageTag")}
        return {member: value for member, value in members.items() if value is not None}

    def repository_name(self) -> str:
        """Return the repository's name, which is required."""
        name = self.text("repositoryName", minimum=2, maximum=256)
        if not is_repository(name):
            raise invalid("repositoryName", f"must satisfy regular expression '{REPOSITORY_PATTERN}'")
        return name

    def repository_names(self, minimum: int, maximum: int) -> list[str]:
        """Return the names of several repositories, a list that is required."""
        names = self.texts("repositoryNames", minimum, maximum)
        if not all(is_repository(name) for name in names):
            raise invalid("repositoryNames", f"must satisfy regular expression '{REPOSITORY_PATTERN}'")
        return names

    def repository(self, registry: Registry) -> Repository:
        """Return the repository that the request names. Raises RepositoryNotFoundException."""
        return registry.store.repositories.get(self.repository_name())

    def has_instead_of_page(self, name: str) -> bool:
        """Return whether the request lists its items in the parameter ``name``; it must not select a page then."""
        if self.has(name) and (self.has("maxResults") or self.has("nextToken")):
            raise invalid("maxResults", f"cannot be used, nor nextToken, when {name} is given")
        return self.has(name)

    def page(
        self,
        items: list[T] | Callable[[list[Any]], Iterable[T]],
        key: Callable[[T], list[Any]],
        *,
        key_types: tuple[type, ...] = (str,),
        default: int = 100,
        maximum: int = 1000,
    ) -> tuple[list[T], dict[str, str]]:
        """Return the page of ``items`` that the request selects, and ``{"nextToken": …}`` if more follow.

        The token has the operation and the key of the last item. ``items`` must be in ascending order of ``key``, a
        list of ``key_types`` (strings, integers), so that pages stay correct when items come or go between requests.
        It can also be a function that returns the items from a key on (``[]``: all; earlier items are skipped), so
        that a long list is not read again for each page.
        """
        size, after = self.selected_page(key_types, default=default, maximum=maximum)
        candidates = items(after) if callable(items) else items
        selected = list(islice((item for item in candidates if key(item) > after), size + 1))
        if len(selected) <= size:
            return selected, {}
        del selected[size:]
        text = json.dumps([self._operation, key(selected[-1])], separators=(",", ":"))
        return selected, {"nextToken": base64.urlsafe_b64encode(text.encode()).decode()}

    def selected_page(
        self, key_types: tuple[type, ...] = (str,), *, default: int = 100, maximum: int = 1000
    ) -> tuple[int, list[Any]]:
        """Return the size of the page that the request selects, and the key of the last item before it, or []."""
        size = self.optional_integer("maxResults", 1, maximum) or default
        token = self.optional_text("nextToken")
        return size, [] if token is None else self._key(token, key_types)

    def _key(self, token: str, key_types: tuple[type, ...]) -> list[Any]:
        try:
            operation, key = parse_json(base64.urlsafe_b64decode(token.encode()))
        except (ValueError, TypeError):
            operation = key = None
        if operation != self._operation or not isinstance(key, list) or tuple(map(type, key)) != key_types:
            raise invalid("nextToken", "Invalid pagination token")
        return key


def _check_length(name: str, value: str | list[Any] | None, minimum: int, maximum: int | None) -> None:
    if value is not None and len(value) < minimum:
        raise invalid(name, f"Member must have length greater than or equal to {minimum}")
    if value is not None and maximum is not None and len(value) > maximum:
        raise invalid(name, f"Member must have length less than or equal to {maximum}")


def _required(name: str, value: T | None) -> T:
    if value is None:
        raise invalid(name, "Member must not be null")
    return value
