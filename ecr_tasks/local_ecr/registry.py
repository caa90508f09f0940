"""One registry: an account in a region, with its identity and its store."""

from __future__ import annotations

from .errors import invalid
from .names import parse_repository_arn, repository_arn
from .scanner import Scanner
from .signer import Signer
from .store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Protocol

    from .auth import Tokens
    from .http.limits import Limits
    from .http.messages import Request, Response
    from .misbehaviour import Misbehaviour

    class AllRegistries(Protocol):
        """All registries of one local ECR, as far as one of them needs the others (``registries.Registries``)."""

        root: Path
        host: str | None
        public_alias: str
        limits: Limits
        misbehaviour: Misbehaviour
        default: Registry

        def find(self, account: str, region: str) -> Registry | None: ...
        def create(self, account: str, region: str) -> Registry: ...
        def check_reachable(self, account: str, region: str) -> None: ...
        def replicate(self, source: Registry) -> None: ...
        def resume_replication(self, source: Registry) -> None: ...


class Registry:
    """The registry of ``account`` in ``region``, kept in ``root``, reached at ``address`` (host:port).

    ``name`` is ``account/region``; ``challenge`` is the WWW-Authenticate header of a refusal (RFC 9110, section
    11.6.1).
    """

    prefix = ""
    """The text before a repository's name in the registry's paths."""

    def __init__(
        self, root: Path, registries: AllRegistries, *, account: str, region: str, address: str, tokens: Tokens
    ) -> None:
        self.root = root
        self.registries = registries
        self.account = account
        self.region = region
        self.name = f"{account}/{region}"
        self.address = address
        self.endpoint = f"http://{address}"
        self.challenge = f'Basic realm="{self.endpoint}/",service="ecr.amazonaws.com"'
        self.tokens = tokens
        self.store = Store(root, account)
        self.scanner = Scanner(registries.root, self.store)
        self.signer = Signer(registries.root, self.store)

    def arn(self, name: str) -> str:
        """Return the ARN of a repository."""
        return repository_arn(name, self.account, self.region)

    def repository_name(self, arn: str) -> str:
        """Return the repository's name in an ARN.

        Raises InvalidParameterException if ``arn`` is no repository's, and RepositoryNotFoundException for one
        of another registry.
        """
        parsed = parse_repository_arn(arn)
        if parsed is None:
            raise invalid("resourceArn", "Invalid ARN")
        region, account, name = parsed
        if (region, account) != (self.region, self.account):
            raise self.store.repositories.not_found(name, account)
        return name

    def authorize(self, request: Request) -> None:
        """Check the credentials of a request to ``/v2/``, and set its ``principal``. Raises Denied."""
        request.principal = self.tokens.check_basic(request.headers.get("Authorization"))

    def handle(self, request: Request) -> Response | None:
        """Answer a request that only this kind of registry supports; None for all others."""
        del request
        return None

    def close(self) -> None:
        """Close the store."""
        self.store.close()
