"""Where a CI's OpenID Connect token comes from, to be had anew each time that credentials run out.

A token is worth a role's credentials: it is never printed, put in an error or passed as an argument.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_tasks.errors import AwsError

if TYPE_CHECKING:
    from urllib.request import Request

AUDIENCE = "sts.amazonaws.com"
"""Who the token is for, where we may say so; the audience that AWS's own tools ask for."""

TRIES = 3
PATIENCE = 10
"""Seconds to wait for an answer."""

_VARIABLES = {
    # Any CI, and GitLab's `id_tokens:`, whose names are the job's to choose; the second is GitLab's own example.
    "AWS_ID_TOKEN": "AWS_ID_TOKEN",
    "GITLAB_OIDC_TOKEN": "GitLab CI",
    "CIRCLE_OIDC_TOKEN_V2": "CircleCI",
    "BITBUCKET_STEP_OIDC_TOKEN": "Bitbucket Pipelines",
}
"""Variables that hold a token, and what people call where it is from."""

_HINT_GITHUB = "Give the job `permissions: id-token: write` (with `contents: read`), and run it again."
_HINT_AZURE = "Pass the job's token to the step (`env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)`), and run it again."


@dataclass(frozen=True)
class TokenSource:
    """Who hands out tokens, and how to get one; AwsError where it can't be had."""

    issuer: str
    fetch: Callable[[], str] = field(repr=False)


def offered(environ: Mapping[str, str], role_arn: str) -> TokenSource | None:
    """The token that this environment offers for a role, or None. Each variable is one vendor's own.

    ``AWS_WEB_IDENTITY_TOKEN_FILE`` counts unless the SDK is to use it for another role (AWS_ROLE_ARN, as in a
    pod of EKS): then that role assumes ours.
    """
    for name, issuer in _VARIABLES.items():
        if environ.get(name):
            return TokenSource(issuer, partial(_checked, environ[name], name))
    if environ.get("ACTIONS_ID_TOKEN_REQUEST_URL") and environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        return TokenSource("GitHub Actions", lambda: _github(environ))
    if environ.get("SYSTEM_OIDCREQUESTURI") and environ.get("SYSTEM_ACCESSTOKEN"):
        return TokenSource("Azure Pipelines", lambda: _azure(environ))
    if environ.get("BUILDKITE") and (agent := shutil.which("buildkite-agent", path=environ.get("PATH"))):
        return TokenSource("Buildkite", lambda: _buildkite(agent, environ))
    file = environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    if file and environ.get("AWS_ROLE_ARN") in (None, "", role_arn):
        return TokenSource("AWS_WEB_IDENTITY_TOKEN_FILE", lambda: _file(file))
    return None


def no_token(environ: Mapping[str, str]) -> AwsError | None:
    """Why a CI that could hand out a token did not, as an error for when there are no other credentials."""
    if environ.get("GITHUB_ACTIONS"):
        return AwsError(
            "There are no AWS credentials to assume ECR_ROLE_ARN with, and GitHub Actions offers this job no token.",
            _HINT_GITHUB,
        )
    hints = {
        "GITLAB_CI": "Give the job `id_tokens: AWS_ID_TOKEN: aud: sts.amazonaws.com`, and run it again.",
        "CIRCLECI": "CircleCI gives forks' builds no token; else check that the job runs on CircleCI's cloud.",
        "BITBUCKET_BUILD_NUMBER": "Give the step `oidc: true`, and run it again.",
        "BUILDKITE": "Put buildkite-agent on the PATH of the step (in a container too), and run it again.",
        "TF_BUILD": _HINT_AZURE,
    }
    for name, hint in hints.items():
        if environ.get(name):
            return AwsError(
                "There are no AWS credentials to assume ECR_ROLE_ARN with, and this CI offers the job no token.",
                hint,
            )
    return None


def claims(token: str) -> dict[str, str]:
    """A token's ``iss``, ``sub`` and ``aud``, unverified and without what could be a secret; {} if unreadable."""
    try:
        payload = token.split(".")[1]
        read = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    if not isinstance(read, dict):
        return {}
    found = {}
    for name in ("iss", "sub", "aud"):
        value = read.get(name)
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")
        if text:
            found[name] = "".join(char if char.isprintable() else "?" for char in text)
    return found


def _github(environ: Mapping[str, str]) -> str:
    """GitHub Docs, OpenID Connect reference, "Requesting the JWT using environment variables"."""
    from urllib.request import Request

    url = environ["ACTIONS_ID_TOKEN_REQUEST_URL"]
    url += ("&" if "?" in url else "?") + f"audience={AUDIENCE}"
    bearer = {"Authorization": f"Bearer {environ['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
    request = Request(url, headers=bearer) if _is_web(url) else None  # noqa: S310 - http(s), checked
    return _asked("GitHub Actions", request, "value", _HINT_GITHUB)


def _azure(environ: Mapping[str, str]) -> str:
    """Azure DevOps REST API, Distributed task, Oidctoken, Create; without a service connection: the pipeline's."""
    from urllib.request import Request

    url = environ["SYSTEM_OIDCREQUESTURI"]
    url += ("&" if "?" in url else "?") + "api-version=7.1-preview.1"
    headers = {"Authorization": f"Bearer {environ['SYSTEM_ACCESSTOKEN']}", "Content-Type": "application/json"}
    request = Request(url, b"", headers) if _is_web(url) else None  # noqa: S310 - http(s), checked
    return _asked("Azure Pipelines", request, "oidcToken", _HINT_AZURE)


def _is_web(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def _asked(issuer: str, request: Request | None, key: str, hint: str) -> str:
    """The token in a JSON answer. No redirect is followed: it would take our bearer along."""
    if request is None:
        raise AwsError(f"{issuer} names no web address to get a token from.", hint)
    for left in reversed(range(TRIES)):
        status, body = _send(request)
        if status is not None and status < 500:
            break
        if left:
            time.sleep(2 - left / 2)
    if status != 200:
        how = f"answered with HTTP status {status}" if status else "could not be reached"
        network = "Run it again; if it stays so, check the network and the proxy settings of the runner."
        refused = status is not None and status < 500
        raise AwsError(f"{issuer} gave no token: its token service {how}.", hint if refused else network)
    try:
        token = json.loads(body)[key]
    except (ValueError, KeyError, TypeError):
        token = None
    return _checked(token if isinstance(token, str) else "", issuer)


def _send(request: Request) -> tuple[int | None, bytes]:
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import HTTPRedirectHandler, build_opener

    class Stay(HTTPRedirectHandler):
        def redirect_request(self, *arguments: Any) -> None:
            return None

    try:
        with build_opener(Stay).open(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read(1 << 20)
    except HTTPError as error:
        with error:
            return error.code, b""
    except (OSError, HTTPException):
        return None, b""


def _buildkite(agent: str, environ: Mapping[str, str]) -> str:
    """Buildkite, buildkite-agent oidc request-token."""
    try:
        done = subprocess.run(  # noqa: S603 - the CI's own program, without a shell
            [agent, "oidc", "request-token", "--audience", AUDIENCE],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=6 * PATIENCE,
        )
        output = done.stdout.decode("ascii", "replace") if done.returncode == 0 else ""
    except (OSError, subprocess.TimeoutExpired):
        output = ""
    if not output.strip():
        raise AwsError(
            "`buildkite-agent oidc request-token` gave no token.",
            "Run that command in the step to see why; the agent must be 3.41 or newer.",
        )
    return _checked(output, "buildkite-agent")


def _file(path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise AwsError(
            f"The token file {path} can't be read: {reason}.",
            "Correct AWS_WEB_IDENTITY_TOKEN_FILE, or unset it.",
        ) from None
    return _checked(text, "AWS_WEB_IDENTITY_TOKEN_FILE")


def _checked(token: str, where: str) -> str:
    """The token, if it can be one: a JWT, three parts between dots (RFC 7519). Nothing of it is told."""
    token = token.strip()
    if token.count(".") != 2 or any(char.isspace() or not char.isascii() for char in token):
        raise AwsError(
            f"What {where} holds is no OpenID Connect token.", "It must be a JWT as the CI hands it out, whole."
        )
    return token
