"""Retries of API calls that AWS could not answer at the moment: throttled, failed on its side, or cut off.

The loop is botocore's, whose own waits begin at a twentieth of a second, end after three seconds and report nothing.
What waiting can't mend (nobody listens, an unknown name, other errors) is left to botocore.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import THROTTLING_CODES
from ecr_tasks.clients.retry import Backoff, Retrier

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse

API = Backoff(attempts=11, first=0.25)
"""For a call of ECR's API: waits of 46 to 92 seconds in all."""

BOTOCORE_ATTEMPTS = 4
"""How often botocore tries what is left to it: for a second at most, or four times its timeout."""

TRANSIENT_STATUSES = (500, 502, 503, 504)
"""The HTTP statuses that botocore's standard mode retries."""


def botocore_attempts(retrier: Retrier) -> int:
    """Return how often botocore itself may try."""
    return min(BOTOCORE_ATTEMPTS, retrier.attempts(API))


def retry_transient(client: Any, retrier: Retrier) -> None:
    """Make a client repeat calls that failed for a transient reason, with the retrier's waits."""
    service = client.meta.service_model.service_id

    def delay(response: Any, attempts: int, operation: Any, caught_exception: Any, **_: Any) -> float | None:
        reason = transient_reason(service, operation.name, response, caught_exception)
        # The wait is over when this returns: botocore's own could not be interrupted in a thread.
        return 0.0 if reason is not None and retrier.wait(API, attempts, reason) else None

    # Before botocore's own handler: the first answer that is not None counts.
    client.meta.events.register_first(f"needs-retry.{service.hyphenize()}", delay)


def transient_reason(
    service: str, operation: str, response: tuple[AWSResponse, Any] | None, error: Exception | None
) -> str | None:
    """Return why a call failed when another attempt may succeed, else None."""
    from botocore.exceptions import ConnectionClosedError

    if isinstance(error, ConnectionClosedError):
        return f"the connection to {service} ended in the middle of {operation}"
    if response is None:
        return None
    http, document = response
    code = str(document.get("Error", {}).get("Code", "")) if isinstance(document, dict) else ""
    if _is_truncated(http):
        return f"{service}'s answer to {operation} was cut off"
    if code in THROTTLING_CODES or http.status_code == 429:
        return f"{service} asks to slow down ({code or http.status_code} at {operation})"
    if http.status_code in TRANSIENT_STATUSES:
        suffix = f", {code}" if code and not code.isdecimal() else ""
        return f"{service} has trouble ({http.status_code}{suffix} at {operation})"
    return None


def reject_truncated(client: Any) -> None:
    """Make a client raise ConnectionClosedError for an answer that was cut off, once it is not retried any more.

    botocore asks urllib3 not to compare an answer's length with its Content-Length, and takes JSON that ends in the
    middle for an empty document: a repository would then be missing, and every tag free.
    """
    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"after-call.{service}", _reject)


def _reject(http_response: AWSResponse, **_: Any) -> None:
    from botocore.exceptions import ConnectionClosedError

    if _is_truncated(http_response):
        raise ConnectionClosedError(endpoint_url=http_response.url)


def _is_truncated(response: AWSResponse) -> bool:
    """Return whether an answer's body is shorter than its head announced."""
    announced = response.headers.get("Content-Length", "")
    return announced.isdecimal() and len(response.content) < int(announced)
