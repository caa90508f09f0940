"""The registry tokens of a run: each fetched once, and again before it ends or when the credentials were renewed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Lock

from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.clients.threads import awaiting_answer
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.registry import RegistryToken

Fetch = Callable[[], RegistryToken]
"""Fetches a token (GetAuthorizationToken), or raises EcrTasksError."""


class Tokens:
    """The tokens of one set of credentials, by region.

    ECR accepts a token no longer than the session of the role that it was fetched with, whatever ``expiresAt`` says:
    a token belongs to the access key of that session. ``now`` returns Unix seconds.
    """

    def __init__(self, aws: AwsSession, now: Callable[[], float] = time.time) -> None:
        self._aws, self._now = aws, now
        self._tokens: dict[str, tuple[RegistryToken, str | None]] = {}
        self._lock = Lock()

    def get(self, region: str, fetch: Fetch, refused: RegistryToken | None = None) -> RegistryToken:
        """Return a region's token; ``fetch`` is called where there is none that is fresh and not ``refused``.

        When a token can't be renewed before its end, it is returned. Raises the errors of ``fetch``.
        """
        with awaiting_answer(), self._lock:
            token, key = self._tokens.get(region, (None, None))
            is_refused = token is not None and refused is not None and token.password == refused.password
            try:
                current = self._aws.access_key()  # which renews a role's session first, if need be
                if token is None or is_refused or key != current or token.is_stale(self._now()):
                    token = replace(fetch(), current=lambda refused: self.get(region, fetch, refused))
                    self._tokens[region] = token, current
            except EcrTasksError:
                if token is None or is_refused or self._now() >= token.expires:
                    raise
            return token
