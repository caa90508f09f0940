"""An answer that was cut off is no answer.

botocore asks urllib3 not to compare an answer's length with its Content-Length, and takes JSON that ends in the
middle for a document with nothing in it. A repository would then not be there, and no tag taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse


def insist(client: Any) -> None:
    """Has a client raise ConnectionClosedError for an answer that was cut off, once it is tried no more."""
    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"after-call.{service}", _check)


def _check(http_response: AWSResponse, **_: Any) -> None:
    from botocore.exceptions import ConnectionClosedError

    if is_cut(http_response):
        raise ConnectionClosedError(endpoint_url=http_response.url)


def is_cut(response: AWSResponse) -> bool:
    """Whether less has come than the answer's head announced."""
    announced = response.headers.get("Content-Length", "")
    return announced.isdecimal() and len(response.content) < int(announced)
