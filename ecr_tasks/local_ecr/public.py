"""ECR Public: a registry that anybody may read, whose repositories have the registry's alias before their names.

As at public.ecr.aws a client is told to fetch a bearer token, which it gets without credentials for reading, and
with those of ecr-public's GetAuthorizationToken for writing. Loaded only where there is a public registry.
"""

from __future__ import annotations

import re
import time

from .auth import LIFETIME, NOT_AUTHORIZED, Denied, Tokens
from .constants import PUBLIC_REGION
from .distribution.errors import RegistryError, denied, unsupported
from .errors import EcrError, invalid
from .http.messages import json_response
from .registry import Core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from .http.messages import Request, Response
    from .registry import Registries

# API model of ecr-public: RepositoryName, RegistryAliasName.
_REPOSITORY = re.compile(r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*")
_ARN = re.compile(r"arn:aws:ecr-public::([0-9]{12}):repository/(.+)")

_READ = ("manifest", "blob", "tags", "referrers")
_TOKEN_PATH = "/token/"  # noqa: S105  (a path)


class PublicCore(Core):
    """The public registry of ``account``."""

    def __init__(self, root: Path, registries: Registries, *, account: str, registry: str) -> None:
        tokens = Tokens(registries.root, PUBLIC_REGION)
        super().__init__(root, registries, account=account, region=PUBLIC_REGION, registry=registry, tokens=tokens)
        self.alias = registries.public_alias
        self.prefix = f"{self.alias}/"
        self.challenge = f'Bearer realm="{self.endpoint}{_TOKEN_PATH}",service="public.ecr.aws",scope="aws"'
        self._anonymous = Tokens(registries.root, f"{PUBLIC_REGION} anonymous")

    def arn(self, name: str) -> str:
        return f"arn:aws:ecr-public::{self.account}:repository/{name}"

    def name_in(self, arn: str) -> str:
        found = _ARN.fullmatch(arn)
        if found is None:
            raise invalid("resourceArn", "must be the ARN of a public repository")
        if found[1] != self.account:
            raise self.store.repositories.not_found(found[2], found[1])
        return found[2]

    def authorize(self, request: Request) -> None:
        header = request.headers.get("authorization")
        reads = request.method in ("GET", "HEAD") and request.kind in _READ
        scheme, _, value = (header or "").partition(" ")
        if scheme.lower() == "bearer":
            try:
                self._anonymous.check_password(value)
            except Denied as error:
                if error.expired:
                    raise
                self.tokens.check_password(value)
            else:
                if not reads and request.kind != "base":
                    raise Denied(NOT_AUTHORIZED)
        elif header is not None or not reads:
            self.tokens.check_basic(header)

    def handle(self, request: Request) -> Response | None:
        """Answer what a private registry does not have: where bearer tokens are fetched."""
        if request.path.rstrip("/") != _TOKEN_PATH.rstrip("/"):
            return None
        request.kind = "token"
        header = request.headers.get("authorization")
        try:
            if request.method != "GET":
                raise unsupported(request.method, "a token")
            if header is not None:
                self.tokens.check_basic(header)
            tokens = self._anonymous if header is None else self.tokens
            token = tokens.password(int(time.time()) + LIFETIME)
            return json_response(200, {"token": token, "expires_in": LIFETIME})
        except Denied as error:
            return denied(error, self.challenge).response()
        except RegistryError as error:
            return error.response()


def check_name(name: str) -> None:
    """Raises InvalidParameterException for what is no name of a public repository."""
    # The length first, as the pattern can backtrack.
    if not 2 <= len(name) <= 205 or _REPOSITORY.fullmatch(name) is None:
        raise invalid("repositoryName", f"must satisfy regular expression '{_REPOSITORY.pattern}'")


def check_region(operation: str | None, region: str | None) -> None:
    """Raises UnsupportedCommandException: there are endpoints in two regions, and tokens in one."""
    if region in (None, "us-east-1") or (region == "us-west-2" and operation != "GetAuthorizationToken"):
        return
    raise EcrError("UnsupportedCommandException", f"{operation} command is only supported in us-east-1.")
