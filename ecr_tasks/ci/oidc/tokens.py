"""Functions that fetch and check OpenID Connect tokens.

A token can be exchanged for a role's credentials: it is never printed, put in an error or passed as an argument.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from ecr_tasks.documents import parse_json
from ecr_tasks.errors import AwsError
from ecr_tasks.files import read_text
from ecr_tasks.frozen import dataclass
from ecr_tasks.redaction import keep_secret

AUDIENCE = "sts.amazonaws.com"
"""The audience that we request, where a CI lets the job choose: the one that AWS's own tools request."""

TRIES = 3
TIMEOUT = 10
"""Seconds to wait for a token service's answer."""


@dataclass(frozen=True)
class TokenSource:
    """The name that messages give a token's issuer, and a function that fetches a new token or raises AwsError."""

    issuer: str
    fetch: Callable[[], str] = field(repr=False)


def variable_source(name: str, issuer: str) -> Callable[[Mapping[str, str]], TokenSource | None]:
    """Return an Issuer's ``token_source`` for tokens in a variable."""

    def token_source(environ: Mapping[str, str]) -> TokenSource | None:
        value = environ.get(name)
        return TokenSource(issuer, lambda: checked_token(value, name)) if value else None

    return token_source


def file_source(path: str, variable: str) -> TokenSource:
    """Return the source for the token in the file that a variable names; the file is read at each fetch."""

    def fetch() -> str:
        try:
            text = read_text(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise AwsError(
                f"The token file {path} can't be read: {reason}.", f"Correct {variable}, or unset it."
            ) from None
        return checked_token(text, variable)

    return TokenSource(variable, fetch)


def checked_token(token: str, where: str) -> str:
    """Return the token without the white space around it.

    Raises AwsError when it is no JWT, that is, three parts with dots between them (RFC 7519); ``where`` names the
    token's source in the error, which contains no part of the token.
    """
    token = token.strip()
    keep_secret(token)
    if token.count(".") != 2 or any(char.isspace() or not char.isascii() for char in token):
        raise AwsError(
            f"What {where} holds is no OpenID Connect token.", "It must be a JWT as the CI hands it out, whole."
        )
    return token


def claims(token: str) -> dict[str, str]:
    """Return the token's ``iss``, ``sub`` and ``aud`` without verification; {} when the token is unreadable."""
    try:
        payload = token.split(".")[1]
        document = parse_json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    if not isinstance(document, dict):
        return {}
    texts = {}
    for name in ("iss", "sub", "aud"):
        value = document.get(name)
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")
        if text:
            texts[name] = "".join(char if char.isprintable() else "?" for char in text)
    return texts


def request_token(issuer: str, url: str, headers: Mapping[str, str], data: bytes | None, key: str, hint: str) -> str:
    """Return the token under ``key`` in a token service's JSON answer; ``data`` None means GET, else POST.

    Tries again without an answer or after a status of 500 or more. Raises AwsError when all attempts fail, or, with
    ``hint`` as its remedy, when the service refuses. Redirects are not followed: their target would get our token.
    """
    if not url.startswith(("https://", "http://")):
        raise AwsError(f"{issuer} names no web address to get a token from.", hint)
    for tries_left in reversed(range(TRIES)):
        status, body = _send(url, headers, data)
        if 0 < status < 500:
            break
        if tries_left:
            time.sleep(2 - tries_left / 2)
    if status != 200:
        failure = f"answered with HTTP status {status}" if status else "could not be reached"
        network_remedy = "Run it again; if it stays so, check the network and the proxy settings of the runner."
        raise AwsError(
            f"{issuer} gave no token: its token service {failure}.", hint if 0 < status < 500 else network_remedy
        )
    try:
        token = parse_json(body)[key]
    except (ValueError, KeyError, TypeError):
        token = None
    return checked_token(token if isinstance(token, str) else "", issuer)


def _send(url: str, headers: Mapping[str, str], data: bytes | None) -> tuple[int, bytes]:
    """Return the answer's status and body, at most 1 MiB; (0, b"") when there is no answer."""
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class NoRedirect(HTTPRedirectHandler):
        def redirect_request(self, *arguments: Any) -> None:
            return None

    request = Request(url, data, dict(headers))  # noqa: S310 - http(s), checked
    try:
        with build_opener(NoRedirect).open(request, timeout=TIMEOUT) as response:
            return response.status, response.read(1 << 20)
    except HTTPError as error:
        with error:
            return error.code, b""
    except (OSError, HTTPException):
        return 0, b""
