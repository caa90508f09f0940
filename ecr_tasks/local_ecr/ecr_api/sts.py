"""STS and a part of IAM in the query protocol: who calls, and temporary credentials for a role."""

from __future__ import annotations

import base64
import contextlib
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
from ..roles import account_of, caller, denial, may_assume
from . import iam
from .xml import elements

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..http.messages import Request
    from ..registry import Registry

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/(?:.*/)?([\w+=,.@-]{1,64})", re.ASCII)
_SESSION = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_BODY_LIMIT = 128 << 10
_ACTIONS = ("AssumeRole", "AssumeRoleWithWebIdentity", "GetCallerIdentity")


def handle(registry: Registry, request: Request) -> Response:
    """Answer a POST with a form. Sets ``request.operation``."""
    form = dict(parse_qsl(request.read(_BODY_LIMIT).decode("utf-8", "replace"), keep_blank_values=True))
    action = form.get("Action", "")
    request_id = f"<RequestId>{os.urandom(16).hex()}</RequestId>"
    namespace = iam.NAMESPACE if action in iam.ACTIONS else _NAMESPACE
    try:
        result = _answer(registry, request, action, form)
    except EcrError as error:
        status = error.status
        body = (
            f'<ErrorResponse xmlns="{namespace}"><Error><Type>Sender</Type>'
            f"{elements(Code=error.name, Message=error.message)}</Error>{request_id}</ErrorResponse>"
        )
    else:
        status = 200
        body = (
            f'<{action}Response xmlns="{namespace}"><{action}Result>{result}</{action}Result>'
            f"<ResponseMetadata>{request_id}</ResponseMetadata></{action}Response>"
        )
    return Response(status, body.encode(), {"Content-Type": "text/xml"})


def _answer(registry: Registry, request: Request, action: str, form: dict[str, str]) -> str:
    if action not in _ACTIONS and action not in iam.ACTIONS:
        raise EcrError("NotImplemented", f"The local ECR does not implement the operation '{action}'.", status=501)
    request.operation = action  # only a known one: calls are counted by operation
    try:
        principal = caller(registry, request)
        if action in iam.ACTIONS:
            return iam.answer(registry, principal, action, form)
        if action == "GetCallerIdentity":
            return _caller(registry, request, principal)
        if action == "AssumeRole":
            external_id = form.get("ExternalId")
            if external_id is not None and _EXTERNAL_ID.fullmatch(external_id) is None:
                raise EcrError("ValidationError", "1 validation error detected: 'externalId' is not valid.")
            return _role_session(registry, form, principal, {"sts:ExternalId": external_id} if external_id else {})
        return _web_identity_session(registry, form)
    except sqlite3.Error as error:
        problem = storage_problem(error)
        if problem is None:
            raise
        status, message = problem
        raise EcrError("ServiceUnavailable", message, status=status) from error


def _caller(registry: Registry, request: Request, principal: str) -> str:
    key, _ = signer(request.headers.get("Authorization")) or ("", "")
    user = registry.store.db.value("SELECT user_id FROM session WHERE access_key = ?", key)
    return elements(Arn=principal, UserId=user or "AIDALOCALECRLOCALECR0", Account=account_of(principal))


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
    provider = str(claims.get("iss", "local")).removeprefix("https://")
    facts = {"provider": provider, "account": account_of(form.get("RoleArn", ""))}
    facts |= {f"{provider}:{claim}": str(claims[claim]) for claim in ("sub", "aud") if claim in claims}
    return _role_session(registry, form, "", facts) + elements(
        SubjectFromWebIdentityToken=str(claims.get("sub", "local")),
        Provider=provider,
        Audience=str(claims.get("aud", "sts.amazonaws.com")),
    )


def _role_session(registry: Registry, form: dict[str, str], principal: str, facts: dict[str, str]) -> str:
    role, name = form.get("RoleArn", ""), form.get("RoleSessionName", "")
    role_match = _ROLE.fullmatch(role) if len(role) <= 2048 else None
    if role_match is None or _SESSION.fullmatch(name) is None:
        parameter = "roleArn" if role_match is None else "roleSessionName"
        raise EcrError("ValidationError", f"1 validation error detected: '{parameter}' is not valid.")
    account, action = role_match[1], f"sts:{form['Action']}"
    if not may_assume(registry, principal, role, facts, action):
        message = denial(principal, action, role).message if principal else f"Not authorized to perform {action}"
        raise EcrError("AccessDenied", message, status=403)
    duration = parse_number(form.get("DurationSeconds", "3600"))
    if duration is None or not 900 <= duration <= 43200:
        raise EcrError("ValidationError", "'durationSeconds' must be from 900 to 43200.")
    key = "ASIA" + base64.b32encode(os.urandom(10)).decode()
    arn = f"arn:{role.split(':')[1]}:sts::{account}:assumed-role/{role_match[2]}/{name}"
    identity = f"AROALOCALECRLOCALECR0:{name}"
    registry.store.db.execute("INSERT INTO session VALUES (?, ?, ?)", key, arn, identity)
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + duration))
    credentials = elements(
        AccessKeyId=key,
        SecretAccessKey=base64.b64encode(os.urandom(30)).decode(),
        SessionToken=base64.b64encode(os.urandom(96)).decode(),
        Expiration=expires,
    )
    user = elements(AssumedRoleId=identity, Arn=arn)
    return f"<Credentials>{credentials}</Credentials><AssumedRoleUser>{user}</AssumedRoleUser>"
