"""The tokens of the private configuration, which are renewed before they end and when a registry refuses them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from itertools import count
from threading import Lock

from ecr_tasks.clients.docker import errors
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.docker.process import ProcessResult
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.denial import name_registry
from ecr_tasks.model.registry import RegistryToken

SESSION_SECONDS = 15 * 60
"""The shortest session of a role (STS API reference, AssumeRole): a token that is newer is refused for its rights."""

RENEWALS = 4
"""How often a command that was refused is run once more."""


class ValidTokens:
    """The tokens that docker gets; ``mask`` is called with each before."""

    def __init__(self, config: PrivateConfig, mask: Callable[[RegistryToken], None], retrier: Retrier) -> None:
        self._config = config
        self._mask = mask
        self._retrier = retrier
        self._renewing = Lock()

    def authorize(self, token: RegistryToken) -> None:
        """Add a token to the private configuration."""
        self._mask(token)
        name_registry(token.host)
        self._config.authorize(token)

    def run(self, command: Callable[[], ProcessResult], reference: str = "") -> ProcessResult:
        """Run a command with tokens that are valid, and once more when one ended meanwhile.

        A push of hours may outlive several tokens, as each ends with its role's session.
        """
        self.renew(reference)
        for number in count(1):
            start = time.monotonic()
            result = command()
            refused = () if result.code == 0 else errors.refused_tokens(result.lines, self._config.tokens)
            can_have_ended = number == 1 or time.monotonic() - start > SESSION_SECONDS
            if number > RENEWALS or not can_have_ended or not refused or not self.renew(reference, refused):
                break
            self._retrier.report("the registry refuses the token or the request: once more with a new token")
        return result

    def renew(self, reference: str = "", refused: Collection[RegistryToken] = ()) -> bool:
        """Replace the tokens that are about to end or were ``refused``; return whether any was replaced.

        Raises EcrTasksError when there is no token for the registry of ``reference``. Without one for another
        registry, docker goes on with what it has.
        """
        renewed = False
        with self._renewing:  # one of several threads that push renews a token for all
            tokens = self._config.tokens
            kept = {token.host: token for token in tokens}
            renewed = any(token.host in kept and kept[token.host] != token for token in refused)
            for token in tokens:
                try:
                    current = token.renewed(refused=token in refused)
                except EcrTasksError:
                    if reference.startswith(f"{token.host}/"):
                        raise
                    continue
                if current.password != token.password:
                    self.authorize(current)
                    renewed = True
        return renewed
