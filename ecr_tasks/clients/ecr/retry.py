"""Tries a call again that AWS could not answer now: throttled, failed on its side, or cut off in the middle.

The loop is botocore's; its own waits begin at a twentieth of a second, end after three and say nothing. What can't
get better by waiting (nobody listens, an unknown name, other errors) is left to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import THROTTLED
from ecr_tasks.clients.ecr.reject_truncated import is_cut
from ecr_tasks.clients.retry import Backoff, Patience

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse

QUICK = 4
"""How often botocore tries what is left to it: for a second at most, or four times its timeout."""

FAILED = (500, 502, 503, 504)
"""What counts as a passing failure: botocore's standard mode's list."""


def quick(patience: Patience) -> int:
    """How often botocore itself may try."""
    return min(QUICK, patience.attempts(API))


def persist(client: Any, patience: Patience) -> None:
    """Has a client try such calls again, as long as a run's patience lasts."""
    service = client.meta.service_model.service_id

    def again(
        response: tuple[AWSResponse, Any] | None,
        attempts: int,
        operation: Any,
        caught_exception: Exception | None,
        **_: Any,
    ) -> float | None:
        why = trouble(service, operation.name, response, caught_exception)
        # The wait is over when this returns: botocore's own could not be interrupted in a thread.
        return 0.0 if why is not None and patience.again(API, attempts, why) else None

    # Before botocore's own handler: the first that has an opinion is heard.
    client.meta.events.register_first(f"needs-retry.{service.hyphenize()}", again)


def trouble(
    service: str, operation: str, response: tuple[AWSResponse, Any] | None, error: Exception | None
) -> str | None:
    """What a call suffers from, if it is something that passes."""
    from botocore.exceptions import ConnectionClosedError

    if isinstance(error, ConnectionClosedError):
        return f"the connection to {service} ended in the middle of {operation}"
    if response is None:
        return None
    http, parsed = response
    code = str(parsed.get("Error", {}).get("Code", "")) if isinstance(parsed, dict) else ""
    if is_cut(http):
        return f"{service}'s answer to {operation} was cut off"
    if code in THROTTLED or http.status_code == 429:
        return f"{service} asks to slow down ({code or http.status_code} at {operation})"
    if http.status_code in FAILED:
        said = f", {code}" if code and not code.isdecimal() else ""
        return f"{service} has trouble ({http.status_code}{said} at {operation})"
    return None


API = Backoff(attempts=11, first=0.25)
"""For a call of ECR's API: waits of 46 to 92 seconds in all."""
