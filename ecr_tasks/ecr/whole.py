"""An answer that was cut off is no answer.

botocore asks urllib3 not to compare an answer's length with its Content-Length, and takes JSON that ends in the
middle for a document with nothing in it. A repository would then not be there, and no tag taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse

ATTEMPTS = 4
"""How often a call is tried, whatever the reason."""


def insist(client: Any) -> None:
    """Has a client repeat a call whose answer was cut off, and raise ConnectionClosedError if it stays so."""
    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"needs-retry.{service}", _again)
    client.meta.events.register(f"after-call.{service}", _check)


def _again(response: tuple[AWSResponse, Any] | None, attempts: int, **_: Any) -> float | None:
    """The seconds to wait before the next attempt, or None for no opinion."""
    cut = response is not None and attempts < ATTEMPTS and is_cut(response[0])
    return 0.25 * 2**attempts if cut else None


def _check(http_response: AWSResponse, **_: Any) -> None:
    from botocore.exceptions import ConnectionClosedError

    if is_cut(http_response):
        raise ConnectionClosedError(endpoint_url=http_response.url)


def is_cut(response: AWSResponse) -> bool:
    """Whether less has come than the answer's head announced."""
    announced = response.headers.get("Content-Length", "")
    return announced.isdecimal() and len(response.content) < int(announced)
