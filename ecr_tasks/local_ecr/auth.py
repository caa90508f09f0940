"""Tokens: those of GetAuthorizationToken, which the registry accepts, and those in download URLs.

They are signed with a secret in the data folder, so that they survive a restart without being stored.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import os
import re
import time

from .constants import SECRET_FILE
from .files import replace_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

LIFETIME = 12 * 3600
"""Seconds for which an authorization token is valid, as in ECR."""

DOWNLOAD_LIFETIME = 600
"""Seconds for which a URL from GetDownloadUrlForLayer is valid."""

USER = "AWS"

EXPIRED = "Your authorization token has expired. Reauthenticate and try again."
NOT_AUTHORIZED = "Not Authorized"


# Signature version 4: access key, date, region, service and a fixed word.
_CREDENTIAL = re.compile(r"(\w{1,128})/[0-9]{8}/([^/,\s]{1,100})/", re.ASCII)


class Denied(Exception):
    """The credentials are missing, invalid or (``expired``) too old."""

    def __init__(self, message: str, *, expired: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.expired = expired


def signer(header: str | None) -> tuple[str, str] | None:
    """Return access key and region of a signed request's ``Authorization`` header; the signature is not checked."""
    # Only the first place is tried: a search could try the rest of the header at each of many.
    match = _CREDENTIAL.match((header or "").partition("Credential=")[2])
    return None if match is None else (match[1], match[2])


class Tokens:
    """Create and check tokens with the secret of a data folder; the first use creates the secret.

    A token is valid for one ``scope``: a region, or an empty string for the default region.
    """

    def __init__(self, root: Path, scope: str = "") -> None:
        self._secret = _secret(root / SECRET_FILE)
        self._password_purpose = f"registry {scope}".rstrip()
        self._download_purpose = f"download {scope}".rstrip()
        self.store_id = hmac.digest(self._secret, b"store", "sha256").hex()[:16]

    def password(self, expires: int, principal: str = "") -> str:
        """Return a registry password for a principal (ARN) that is valid until ``expires`` (Unix seconds)."""
        text = f"1.{expires}.{os.urandom(12).hex()}.{principal.encode().hex()}"
        return base64.urlsafe_b64encode(f"{text}.{self._sign(self._password_purpose, text)}".encode()).decode()

    def authorization_token(self, principal: str = "") -> tuple[str, int]:
        """Return an authorizationToken (base64 of ``AWS:password``), and when it expires (Unix seconds)."""
        expires = int(time.time()) + LIFETIME
        return base64.b64encode(f"{USER}:{self.password(expires, principal)}".encode()).decode(), expires

    def check_basic(self, header: str | None) -> str:
        """Check an ``Authorization: Basic`` header and return the password's principal. Raises Denied."""
        scheme, _, value = (header or "").partition(" ")
        try:
            user, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except ValueError:
            raise Denied(NOT_AUTHORIZED) from None
        if scheme.lower() != "basic" or user != USER:
            raise Denied(NOT_AUTHORIZED)
        return self.check_password(password)

    def check_password(self, password: str) -> str:
        """Check a registry password and return its principal; empty for anybody. Raises Denied."""
        try:
            text, _, signature = base64.urlsafe_b64decode(password.encode()).decode().rpartition(".")
        except ValueError:
            raise Denied(NOT_AUTHORIZED) from None
        if not hmac.compare_digest(signature.encode(), self._sign(self._password_purpose, text).encode()):
            raise Denied(NOT_AUTHORIZED)
        _, expires, _, *principal = text.split(".")
        if int(expires) <= time.time():
            raise Denied(EXPIRED, expired=True)
        return bytes.fromhex("".join(principal)).decode()

    def download_token(self, repository: str, digest: str) -> str:
        """Return a download URL's token for one layer of one repository."""
        expires = int(time.time()) + DOWNLOAD_LIFETIME
        return f"{expires}.{self._sign(self._download_purpose, f'{expires}.{repository}.{digest}')}"

    def check_download_token(self, token: str, repository: str, digest: str) -> None:
        """Check a download URL's token. Raises Denied."""
        expires, _, signature = token.partition(".")
        expected = self._sign(self._download_purpose, f"{expires}.{repository}.{digest}")
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            raise Denied(NOT_AUTHORIZED)
        if int(expires) <= time.time():
            raise Denied("Request has expired", expired=True)

    def check_admin_token(self, token: str | None, action: str) -> None:
        """Check the token of ``admin_token``. Raises Denied."""
        if not hmac.compare_digest((token or "").encode(), admin_token(self._secret, action).encode()):
            raise Denied(NOT_AUTHORIZED)

    def _sign(self, purpose: str, text: str) -> str:
        return _signature(self._secret, purpose, text)


def admin_token(secret: bytes, action: str) -> str:
    """Return the token with which who can read the data folder's secret may ``reset`` or ``stop`` the server."""
    return _signature(secret, "administration", action)


def _signature(secret: bytes, purpose: str, text: str) -> str:
    return hmac.digest(secret, f"{purpose}\n{text}".encode(), "sha256").hex()


def _secret(path: Path) -> bytes:
    with contextlib.suppress(FileNotFoundError):
        secret = path.read_bytes()
        if len(secret) == 32:
            path.chmod(0o600)
            return secret
    secret = os.urandom(32)
    replace_file(path, secret)
    return secret
