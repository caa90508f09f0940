"""ECR Public: a registry that anybody may read, whose repositories have the registry's alias before their names.

As at public.ecr.aws a client must fetch a bearer token, which it gets without credentials for reading, and
with the credentials of ecr-public's GetAuthorizationToken for writing. Imported only if there is a public registry.
"""

from __future__ import annotations

import re
import time

from .auth import LIFETIME, NOT_AUTHORIZED, Denied, Tokens
from .constants import PUBLIC_REGION
from .distribution.errors import RegistryError, denied, unsupported
from .errors import EcrError, invalid
from .http.messages import json_response
from .registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from .http.messages import Request, Response
    from .registry import AllRegistries

# API model of ecr-public: RepositoryName, RegistryAliasName.
_REPOSITORY = re.compile(r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*")
_ARN = re.compile(r"arn:aws:ecr-public::([0-9]{12}):repository/(.+)")

_TOKEN_PATH = "/token/"  # noqa: S105  (a path)
_READABLE_KINDS = ("manifest", "blob", "tags", "referrers", "catalog")


class PublicRegistry(Registry):
    """The public registry of ``account``."""

    def __init__(self, root: Path, registries: AllRegistries, *, account: str, address: str) -> None:
        tokens = Tokens(registries.root, PUBLIC_REGION)
        super().__init__(root, registries, account=account, region=PUBLIC_REGION, address=address, tokens=tokens)
        self.prefix = f"{registries.public_alias}/"
        self.challenge = f'Bearer realm="{self.endpoint}{_TOKEN_PATH}",service="public.ecr.aws",scope="aws"'
        self._anonymous_tokens = Tokens(registries.root, f"{PUBLIC_REGION} anonymous")

    def arn(self, name: str) -> str:
        """Return the ARN of a repository."""
        return f"arn:aws:ecr-public::{self.account}:repository/{name}"

    def repository_name(self, arn: str) -> str:
        """Return the repository's name in an ARN. Raises the same as ``Registry.repository_name``."""
        match = _ARN.fullmatch(arn)
        if match is None:
            raise invalid("resourceArn", "Invalid ARN")
        account, name = match.groups()
        if account != self.account:
            raise self.store.repositories.not_found(name, account)
        return name

    def authorize(self, request: Request) -> None:
        """Check the credentials of a request to ``/v2/``; reading needs none. Raises Denied."""
        header = request.headers.get("Authorization")
        is_read = request.method in ("GET", "HEAD") and request.kind in _READABLE_KINDS
        scheme, _, value = (header or "").partition(" ")
        if scheme.lower() == "bearer":
            try:
                self._anonymous_tokens.check_password(value)
            except Denied as error:
                if error.expired:
                    raise
                self.tokens.check_password(value)
            else:
                if not is_read and request.kind != "base":
                    raise Denied(NOT_AUTHORIZED)
        elif header is not None or not is_read:
            self.tokens.check_basic(header)

    def handle(self, request: Request) -> Response | None:
        """Answer a request for a bearer token, which only a public registry has; None for other paths."""
        if request.path.rstrip("/") != _TOKEN_PATH.rstrip("/"):
            return None
        request.kind = "token"
        header = request.headers.get("Authorization")
        try:
            if request.method != "GET":
                raise unsupported(request.method, "a token")
            if header is not None:
                self.tokens.check_basic(header)
            tokens = self._anonymous_tokens if header is None else self.tokens
            token = tokens.password(int(time.time()) + LIFETIME)
            return json_response(200, {"token": token, "expires_in": LIFETIME})
        except Denied as error:
            return denied(error, self.challenge).response()
        except RegistryError as error:
            return error.response()


def check_name(name: str) -> None:
    """Raise InvalidParameterException if ``name`` cannot be a public repository's."""
    # The length is checked first, as the pattern can backtrack.
    if not 2 <= len(name) <= 205 or _REPOSITORY.fullmatch(name) is None:
        raise invalid("repositoryName", f"must satisfy regular expression '{_REPOSITORY.pattern}'")


def check_region(operation: str | None, region: str | None) -> None:
    """Raise UnsupportedCommandException if ecr-public has no endpoint for the operation in the region."""
    if region in (None, "us-east-1") or (region == "us-west-2" and operation != "GetAuthorizationToken"):
        return
    raise EcrError("UnsupportedCommandException", f"{operation} command is only supported in us-east-1.")
