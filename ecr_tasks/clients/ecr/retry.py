"""Retries of API calls that failed for a transient reason: throttling, a server error or a truncated response.

botocore runs the loop, but its own waits begin at 0.05 seconds, end after three seconds and are silent. Errors
that waiting does not mend are left to botocore: a refused connection, an unknown host name and others. Where a client
has had an answer before, the address is right: the network or its names are away for a while, or a registry on this
machine is restarted.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import THROTTLING_CODES
from ecr_tasks.clients.retry import Backoff, Retrier
from ecr_tasks.model.ecr_host import is_on_this_machine

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse

API = Backoff(attempts=11, first_wait=0.25)
"""The waits for one call of ECR's API: 46 to 92 seconds in all."""

BOTOCORE_ATTEMPTS = 4
"""How often botocore tries a call whose errors are left to it: for a second at most, or four times its timeout."""

TRANSIENT_STATUSES = (500, 502, 503, 504)
"""The HTTP statuses that botocore's standard mode retries."""


_before_again: ContextVar[Callable[[], object] | None] = ContextVar("before_again", default=None)


@contextmanager
def before_each_retry(call: Callable[[], object]) -> Iterator[None]:
    """Make each further attempt of the API call in the block wait for ``call``, which may raise an error instead."""
    token = _before_again.set(call)
    try:
        yield
    finally:
        _before_again.reset(token)


def _begin_attempt(request: Any, **_: Any) -> None:
    call = _before_again.get()
    if call is None or request.context["retries"]["attempt"] == 1:
        return
    token = _before_again.set(None)  # for what it asks itself
    try:
        call()
    finally:
        _before_again.reset(token)


def botocore_attempts(retrier: Retrier) -> int:
    """Return how often botocore itself may try a call."""
    return min(BOTOCORE_ATTEMPTS, retrier.attempts(API))


def retry_transient(client: Any, retrier: Retrier) -> None:
    """Make a client repeat calls that failed for a transient reason, with the retrier's waits.

    Whoever has a call tried again, its further attempts keep to :func:`before_each_retry`.
    """
    service = client.meta.service_model.service_id
    here = is_on_this_machine(client.meta.endpoint_url)
    answered = threading.Event()

    def delay(response: Any, attempts: int, operation: Any, caught_exception: Any, **_: Any) -> float | None:
        # The waits happen here: botocore's own wait could not be interrupted in a thread.
        reason = transient_reason(service, operation.name, response, caught_exception)
        if response is not None:
            answered.set()
        if reason is not None:
            return 0.0 if retrier.wait(API, attempts, reason) else None
        if answered.is_set() and (reason := _unreached_reason(service, caught_exception)) is not None:
            again = retrier.wait_for_restart(attempts, reason) if here else retrier.wait(API, attempts, reason)
            return 0.0 if again else None
        return None

    # Registered before botocore's own handler, because the first result that is not None counts.
    client.meta.events.register_first(f"needs-retry.{service.hyphenize()}", delay)
    # After the wait for the rate limit, which is a handler of the same event.
    client.meta.events.register_last(f"request-created.{service.hyphenize()}", _begin_attempt)


def transient_reason(
    service: str, operation: str, response: tuple[AWSResponse, Any] | None, error: Exception | None
) -> str | None:
    """Return the reason of a failure that another attempt may mend, or None for other failures."""
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


def _unreached_reason(service: str, error: Exception | None) -> str | None:
    """Return the reason of a failure to connect, or None for other failures."""
    from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError

    if isinstance(error, ConnectTimeoutError | EndpointConnectionError | ProxyConnectionError):
        return f"{service} can't be reached any more"
    return None


def reject_truncated(client: Any) -> None:
    """Make a client raise ConnectionClosedError for a truncated response, when no retry is left.

    A web page is a ResponseParserError: the login page of a network or a proxy may answer in AWS's place.

    botocore tells urllib3 not to compare a body's length with its Content-Length, and parses truncated JSON as an
    empty document: a repository would then seem to be missing, and every tag to be unused.
    """
    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"after-call.{service}", _check_response)


def _check_response(http_response: AWSResponse, **_: Any) -> None:
    from botocore.exceptions import ConnectionClosedError
    from botocore.parsers import ResponseParserError

    if _is_truncated(http_response):
        raise ConnectionClosedError(endpoint_url=http_response.url)
    if re.match(rb"\s*<(?:!doctype )?html", http_response.content, re.IGNORECASE):
        raise ResponseParserError("a web page")


def _is_truncated(response: AWSResponse) -> bool:
    """Return whether a response's body is shorter than its Content-Length."""
    content_length = response.headers.get("Content-Length", "")
    return content_length.isdecimal() and len(response.content) < int(content_length)
