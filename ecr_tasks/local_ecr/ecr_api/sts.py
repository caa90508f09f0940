"""STS in the query protocol: the caller's identity, and temporary credentials for a role of this account."""

from __future__ import annotations

import base64
import json
import os
import re
import time
from urllib.parse import parse_qsl

from ..http.messages import Response
from ..names import partition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..http.messages import Request
    from ..registry import Registry

OPERATIONS = ("GetCallerIdentity", "AssumeRole", "AssumeRoleWithWebIdentity")

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/(?:.*/)?([\w+=,.@-]{1,64})")
_SESSION = re.compile(r"[\w+=,.@-]{2,64}")
_CREDENTIAL = re.compile(r"Credential=([A-Z0-9]+)/")
_BODY_LIMIT = 1 << 20


class _StsError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def handle(registry: Registry, request: Request) -> Response:
    """Answer a form POST. Sets ``request.operation``."""
    form = dict(parse_qsl(request.read(_BODY_LIMIT).decode("utf-8", "replace"), keep_blank_values=True))
    action = form.get("Action", "")
    request.operation = action if action.isalnum() else None
    try:
        if action == "GetCallerIdentity":
            arn, user = _caller(registry, request)
            result = _tags(Arn=arn, UserId=user, Account=registry.account)
        elif action == "AssumeRole":
            result = _assume_role(registry, form)
        elif action == "AssumeRoleWithWebIdentity":
            result = _assume_web(registry, form)
        else:
            raise _StsError(501, "NotImplemented", f"The local ECR does not implement the operation '{action}'.")
    except _StsError as error:
        body = (
            f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type>'
            f"{_tags(Code=error.code, Message=error.message)}</Error>{_request_id()}</ErrorResponse>"
        )
        return Response(error.status, body.encode(), {"Content-Type": "text/xml"})
    body = (
        f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result>{result}</{action}Result>'
        f"<ResponseMetadata>{_request_id()}</ResponseMetadata></{action}Response>"
    )
    return Response(200, body.encode(), {"Content-Type": "text/xml"})


def _caller(registry: Registry, request: Request) -> tuple[str, str]:
    credential = _CREDENTIAL.search(request.headers.get("Authorization", ""))
    if credential is not None:
        row = registry.store.db.row("SELECT arn, user_id FROM session WHERE access_key = ?", credential[1])
        if row is not None:
            return row["arn"], row["user_id"]
    return f"arn:{partition(registry.region)}:iam::{registry.account}:user/local", "AIDALOCALECRLOCALECR0"


def _assume_role(registry: Registry, form: dict[str, str]) -> str:
    return _session(registry, form, "AssumeRole")


def _assume_web(registry: Registry, form: dict[str, str]) -> str:
    token = form.get("WebIdentityToken", "")
    if len(token) < 4:
        raise _StsError(400, "InvalidIdentityToken", "The ID Token provided is not a valid JWT.")
    claims: dict[str, object] = {}
    try:
        text = token.split(".")[1]
        document = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        claims = document if isinstance(document, dict) else {}
    except (IndexError, ValueError):
        pass  # the signature is not checked either: every token is accepted
    subject, provider = str(claims.get("sub", "local")), str(claims.get("iss", "local"))
    return _session(registry, form, "AssumeRoleWithWebIdentity") + _tags(
        SubjectFromWebIdentityToken=subject,
        Provider=provider.removeprefix("https://"),
        Audience=str(claims.get("aud", "sts.amazonaws.com")),
    )


def _session(registry: Registry, form: dict[str, str], action: str) -> str:
    role, name = form.get("RoleArn", ""), form.get("RoleSessionName", "")
    role_match = _ROLE.fullmatch(role)
    if role_match is None or _SESSION.fullmatch(name) is None:
        what = "roleArn" if role_match is None else "roleSessionName"
        raise _StsError(400, "ValidationError", f"1 validation error detected: '{what}' is not valid.")
    if role_match[1] != registry.account:
        raise _StsError(
            403,
            "AccessDenied",
            f"The local ECR has no role outside account {registry.account}: sts:{action} on {role}",
        )
    duration = form.get("DurationSeconds", "3600")
    if not duration.isdigit() or not 900 <= int(duration) <= 43200:
        raise _StsError(400, "ValidationError", "'durationSeconds' must be from 900 to 43200.")
    key = "ASIA" + base64.b32encode(os.urandom(10)).decode()
    arn = f"arn:{partition(registry.region)}:sts::{registry.account}:assumed-role/{role_match[2]}/{name}"
    identity = f"AROALOCALECRLOCALECR0:{name}"
    with registry.store.db.transaction() as db:
        db.execute("INSERT INTO session VALUES (?, ?, ?)", (key, arn, identity))
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + int(duration)))
    credentials = _tags(
        AccessKeyId=key,
        SecretAccessKey=base64.b64encode(os.urandom(30)).decode(),
        SessionToken=base64.b64encode(os.urandom(96)).decode(),
        Expiration=expires,
    )
    user = _tags(AssumedRoleId=identity, Arn=arn)
    return f"<Credentials>{credentials}</Credentials><AssumedRoleUser>{user}</AssumedRoleUser>"


def _tags(**values: str) -> str:
    return "".join(f"<{name}>{_escape(value)}</{name}>" for name, value in values.items())


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _request_id() -> str:
    return f"<RequestId>{os.urandom(16).hex()}</RequestId>"
