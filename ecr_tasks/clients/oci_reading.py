"""Reads manifests, blobs and referrers from a registry by its own HTTP API (OCI distribution specification 1.1).

It is for registries whose cloud API gives none of these, such as ECR Public's.
"""

from __future__ import annotations

import base64
import http.client
import re
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import Request, urlopen

from ecr_tasks.clients.retry import Backoff, Retrier
from ecr_tasks.clients.threads import awaiting_answer
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import RegistryError
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.ecr_host import is_on_this_machine
from ecr_tasks.model.inventory import referrer_tag
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES, MANIFEST_MEDIA_TYPES
from ecr_tasks.model.registry import RegistryToken
from ecr_tasks.redaction import keep_secret

SECONDS = 30.0
"""How long a registry may send nothing."""

_WAITS = Backoff(6, 1.0)
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
_PARAMETER = re.compile(r'\b(\w+)="([^"]*)"')
_MANIFESTS = ", ".join([*INDEX_MEDIA_TYPES, *MANIFEST_MEDIA_TYPES])

_MAX_DOCUMENT = 16 * 1024 * 1024
"""The most bytes of a list or of a token's answer."""


class OciReading:
    """Reads from one registry; ``login`` returns the credentials, or None where everybody may read.

    Names of repositories are those in addresses. An error is a RegistryError.
    """

    def __init__(self, host: str, login: Callable[[], RegistryToken | None], retrier: Retrier) -> None:
        self._host, self._login, self._retrier = host, login, retrier
        self._base = f"{'http' if is_on_this_machine(f'//{host}') else 'https'}://{host}"
        self._authorization: str | None = None
        self._challenge = ""
        self._lock = Lock()

    def manifest(self, name: str, reference: str, limit: int) -> str | None:
        """Return a manifest as the registry stores it, or None without one."""
        content = self._get(f"/v2/{name}/manifests/{reference}", limit, _MANIFESTS)
        try:
            return content[0].decode() if content is not None else None
        except UnicodeDecodeError as error:
            raise self._unreadable(f"the manifest {reference} of {name} is no text") from error

    def blob(self, name: str, digest: str, limit: int) -> bytes | None:
        """Return a blob, or None without one. Raises RegistryError for other bytes than the digest's."""
        content = self._get(f"/v2/{name}/blobs/{digest}", limit)
        if content is not None and sha256_digest(content[0]) != digest:
            raise self._unreadable(f"{digest} of {name} came with other bytes")
        return content[0] if content is not None else None

    def referrers(self, name: str, digest: str) -> list[Mapping[str, Any]]:
        """Return the descriptors of the manifests that have an image as their subject.

        Of a registry without such a list, those in the index of the referrers tag schema.
        """
        path: str | None = f"/v2/{name}/referrers/{digest}"
        found: list[Mapping[str, Any]] = []
        while path is not None:
            content = self._get(path, _MAX_DOCUMENT, INDEX_MEDIA_TYPES[0])
            if content is None:
                text = self.manifest(name, referrer_tag(digest), _MAX_DOCUMENT)
                return self._descriptors(name, text) if text is not None else []
            found += self._descriptors(name, content[0])
            path = _next(content[1], path)
        return found

    def _descriptors(self, name: str, text: str | bytes) -> list[Mapping[str, Any]]:
        try:
            document = parse_json(text if isinstance(text, str) else text.decode())
            return [item for item in document.get("manifests") or () if isinstance(item["digest"], str)]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._unreadable(f"the list of what refers to an image of {name} is none") from error

    def _get(self, path: str, limit: int, accept: str = "*/*") -> tuple[bytes, str] | None:
        """Return the body and the Link of an answer, or None for 404."""
        challenge: str | None = None
        sent: str | None = None
        attempt = 0
        while True:
            attempt += 1
            try:
                if challenge:
                    self._authorize(challenge, sent)
                    challenge = ""
                sent = self._authorization
                return self._request(urljoin(self._base, path), limit, accept, sent)
            except HTTPError as error:
                with error:
                    if error.code == 404:
                        return None
                    if error.code == 401 and challenge is None:
                        challenge, attempt = error.headers.get("WWW-Authenticate") or "Basic", 0
                        continue
                    reason = f"{self._host} answers {error.code} to a read"
                    if error.code in _TRANSIENT and self._retrier.wait(_WAITS, attempt, reason):
                        continue
                    raise self._unreadable(f"it answers {error.code} {error.reason} to {path}") from error
            except (OSError, http.client.HTTPException) as error:
                if self._retrier.wait(_WAITS, attempt, f"{self._host} can't be read ({error})"):
                    continue
                raise self._unreadable(str(error)) from error

    def _request(self, url: str, limit: int, accept: str, authorization: str | None) -> tuple[bytes, str]:
        request = Request(url, headers={"Accept": accept, "User-Agent": "ecr-tasks"})  # noqa: S310 - http(s) by _base
        if authorization is not None:  # not for the storage that a blob's address leads to
            request.add_unredirected_header("Authorization", authorization)
        with awaiting_answer(), urlopen(request, timeout=SECONDS) as response:  # noqa: S310
            body: bytes = response.read(limit + 1)
            if len(body) > limit:
                raise self._unreadable(f"{url} has more than {limit} bytes")
            return body, response.headers.get("Link", "")

    def _authorize(self, challenge: str, refused: str | None) -> None:
        """Get what a challenge asks for in place of what was refused, unless another thread has done it meanwhile."""
        with self._lock:
            if self._authorization == refused or challenge != self._challenge:
                self._authorization, self._challenge = self._asked_for(challenge), challenge

    def _asked_for(self, challenge: str) -> str | None:
        """Return what a challenge asks for: a bearer token, with our login if there is one, or the login itself."""
        login = self._login()
        basic = f"Basic {login.auth}" if login is not None else None
        scheme, _, rest = challenge.partition(" ")
        parameters = dict(_PARAMETER.findall(rest))
        realm = parameters.pop("realm", "")
        if scheme.lower() != "bearer" or not _is_safe(realm, self._base):
            return basic
        query = urlencode({key: text for key, text in parameters.items() if key in ("service", "scope")})
        body, _ = self._request(f"{realm}?{query}", _MAX_DOCUMENT, "application/json", basic)
        try:
            document = parse_json(body.decode())
            token = str(document.get("token") or document["access_token"])
        except (AttributeError, KeyError, ValueError) as error:
            raise self._unreadable("its token can't be read") from error
        keep_secret(token, base64.b64encode(token.encode()).decode())
        return f"Bearer {token}"

    def _unreadable(self, reason: str) -> RegistryError:
        return RegistryError(f"{self._host} can't be read: {reason}.", "Run it again.")


def _is_safe(realm: str, base: str) -> bool:
    """Return whether a token may be asked for at an address: our login goes there, so only to the registry itself."""
    return urlsplit(realm)[:2] == urlsplit(base)[:2]


def _next(link: str, path: str) -> str | None:
    """Return the path of the next page (RFC 8288), if there is one."""
    match = re.match(r"<([^>]+)>;\s*rel=\"?next\"?", link)
    following = urljoin(path, match[1]) if match else None
    return following if following is not None and following.startswith("/v2/") and following != path else None
