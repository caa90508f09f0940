"""STS in the query protocol: the caller's identity, and temporary credentials for a role of this account."""

from __future__ import annotations

import base64
import contextlib
import html
import os
import re
import sqlite3
import time
from urllib.parse import parse_qsl

from ..auth import signer
from ..errors import EcrError, storage_problem
from ..http.messages import Response
from ..json_text import parse_json
from ..numbers import parse_number
from ..regions import partition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..http.messages import Request
    from ..registry import Registry

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/(?:.*/)?([\w+=,.@-]{1,64})", re.ASCII)
_SESSION = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2: Char
_BODY_LIMIT = 128 << 10
_ACTIONS = ("AssumeRole", "AssumeRoleWithWebIdentity", "GetCallerIdentity")


def handle(registry: Registry, request: Request) -> Response:
    """Answer a POST with a form. Sets ``request.operation``."""
    form = dict(parse_qsl(request.read(_BODY_LIMIT).decode("utf-8", "replace"), keep_blank_values=True))
    action = form.get("Action", "")
    request_id = f"<RequestId>{os.urandom(16).hex()}</RequestId>"
    try:
        result = _answer(registry, request, action, form)
    except EcrError as error:
        status = error.status
        body = (
            f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type>'
            f"{_elements(Code=error.name, Message=error.message)}</Error>{request_id}</ErrorResponse>"
        )
    else:
        status = 200
        body = (
            f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result>{result}</{action}Result>'
            f"<ResponseMetadata>{request_id}</ResponseMetadata></{action}Response>"
        )
    return Response(status, body.encode(), {"Content-Type": "text/xml"})


def _answer(registry: Registry, request: Request, action: str, form: dict[str, str]) -> str:
    if action not in _ACTIONS:
        raise EcrError("NotImplemented", f"The local ECR does not implement the operation '{action}'.", status=501)
    request.operation = action  # only a known one: calls are counted by operation
    try:
        if action == "GetCallerIdentity":
            return _caller(registry, request)
        if action == "AssumeRole":
            return _role_session(registry, form)
        return _web_identity_session(registry, form)
    except sqlite3.Error as error:
        problem = storage_problem(error)
        if problem is None:
            raise
        status, message = problem
        raise EcrError("ServiceUnavailable", message, status=status) from error


def _caller(registry: Registry, request: Request) -> str:
    key, _ = signer(request.headers.get("Authorization")) or ("", "")
    arn, user = registry.store.db.row("SELECT arn, user_id FROM session WHERE access_key = ?", key) or (
        f"arn:{partition(registry.region)}:iam::{registry.account}:user/local",
        "AIDALOCALECRLOCALECR0",
    )
    return _elements(Arn=arn, UserId=user, Account=registry.account)


def _web_identity_session(registry: Registry, form: dict[str, str]) -> str:
    """Return the credentials for an OpenID Connect token, of 4 to 20,000 characters (STS API reference).

    No signature is checked, and a text that is no JWT is accepted too. The claims of a JWT are a JSON object in
    base64url (RFC 7519, section 7.2). Raises InvalidIdentityToken.
    """
    token = form.get("WebIdentityToken", "")
    claims: object = None
    try:
        payload = token.split(".")[1]
        text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    except (IndexError, ValueError):
        text = b"{}"
    with contextlib.suppress(ValueError):
        claims = parse_json(text) if 4 <= len(token) <= 20_000 else None
    if not isinstance(claims, dict):
        raise EcrError("InvalidIdentityToken", "The ID Token provided is not a valid JWT.")
    return _role_session(registry, form) + _elements(
        SubjectFromWebIdentityToken=str(claims.get("sub", "local")),
        Provider=str(claims.get("iss", "local")).removeprefix("https://"),
        Audience=str(claims.get("aud", "sts.amazonaws.com")),
    )


def _role_session(registry: Registry, form: dict[str, str]) -> str:
    role, name = form.get("RoleArn", ""), form.get("RoleSessionName", "")
    role_match = _ROLE.fullmatch(role) if len(role) <= 2048 else None
    if role_match is None or _SESSION.fullmatch(name) is None:
        parameter = "roleArn" if role_match is None else "roleSessionName"
        raise EcrError("ValidationError", f"1 validation error detected: '{parameter}' is not valid.")
    if role_match[1] != registry.account:
        message = f"The local ECR has no role outside account {registry.account}: sts:{form['Action']} on {role}"
        raise EcrError("AccessDenied", message, status=403)
    duration = parse_number(form.get("DurationSeconds", "3600"))
    if duration is None or not 900 <= duration <= 43200:
        raise EcrError("ValidationError", "'durationSeconds' must be from 900 to 43200.")
    key = "ASIA" + base64.b32encode(os.urandom(10)).decode()
    arn = f"arn:{partition(registry.region)}:sts::{registry.account}:assumed-role/{role_match[2]}/{name}"
    identity = f"AROALOCALECRLOCALECR0:{name}"
    registry.store.db.execute("INSERT INTO session VALUES (?, ?, ?)", key, arn, identity)
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + duration))
    credentials = _elements(
        AccessKeyId=key,
        SecretAccessKey=base64.b64encode(os.urandom(30)).decode(),
        SessionToken=base64.b64encode(os.urandom(96)).decode(),
        Expiration=expires,
    )
    user = _elements(AssumedRoleId=identity, Arn=arn)
    return f"<Credentials>{credentials}</Credentials><AssumedRoleUser>{user}</AssumedRoleUser>"


def _elements(**values: str) -> str:
    texts = {name: html.escape(_NOT_XML.sub("\ufffd", value), quote=False) for name, value in values.items()}
    return "".join(f"<{name}>{text}</{name}>" for name, text in texts.items())
