"""Pages of a list, by a token that has the key of the last item."""

from __future__ import annotations

import base64
import binascii
import json
from itertools import islice

from ..errors import invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    from .params import Params

    T = TypeVar("T")


def page(
    items: list[T] | Callable[[list[Any]], Iterable[T]],
    key: Callable[[T], list[Any]],
    params: Params,
    operation: str,
    *,
    default: int = 100,
    maximum: int = 1000,
) -> tuple[list[T], dict[str, str]]:
    """Return the page of ``items`` that ``params`` selects, and ``{"nextToken": …}`` if more follow.

    ``items`` must be in ascending order of ``key``, a list of strings or numbers, so that the pages stay right
    when items come and go between them; or a function that begins at a key, or before it (``[]``: at the beginning),
    so that a long list is not read again for each page. Raises InvalidParameterException for a token of another kind.
    """
    size = params.optional_integer("maxResults", 1, maximum) or default
    token = params.optional_text("nextToken")
    after = [] if token is None else _read(token, operation)
    candidates = items(after) if callable(items) else items
    selected = list(islice((item for item in candidates if key(item) > after), size + 1))
    if len(selected) <= size:
        return selected, {}
    del selected[size:]
    text = json.dumps([operation, key(selected[-1])], separators=(",", ":"))
    return selected, {"nextToken": base64.urlsafe_b64encode(text.encode()).decode()}


def _read(token: str, operation: str) -> list[Any]:
    try:
        owner, after = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError, TypeError):
        raise invalid("nextToken", "Invalid pagination token") from None
    if owner != operation or not isinstance(after, list):
        raise invalid("nextToken", "Invalid pagination token")
    return after


def refuse_paging_with(params: Params, explicit: str) -> None:
    """Raise InvalidParameterException for ``maxResults`` or ``nextToken`` beside explicit ids (``explicit``)."""
    if params.has(explicit) and (params.has("maxResults") or params.has("nextToken")):
        raise invalid("maxResults", f"cannot be used, nor nextToken, when {explicit} is given")
