"""The OpenID Connect tokens of GitHub Actions.

Sources: GitHub Docs, "OpenID Connect reference": "Requesting the JWT using environment variables", "Example subject
claims", "Immutable subject claims".
"""

from __future__ import annotations

from collections.abc import Mapping

from ecr_tasks.ci.oidc.issuer import Issuer, Scope, Subject, literal, ref_patterns, repository_parts
from ecr_tasks.ci.oidc.tokens import AUDIENCE, TokenSource, request_token
from ecr_tasks.errors import SettingsError

_HINT = "Give the job `permissions: id-token: write` (with `contents: read`), and run it again."

_ISSUER_HOSTS = {"github.com": "githubusercontent.com"}
"""The domain of the issuer by host. For other hosts (data residency, ``*.ghe.com``) it is the host itself."""


def token_source(environ: Mapping[str, str]) -> TokenSource | None:
    """Return the token service that the job's variables name; None when the job may not request tokens."""
    url, bearer = environ.get("ACTIONS_ID_TOKEN_REQUEST_URL"), environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not url or not bearer:
        return None
    url += ("&" if "?" in url else "?") + f"audience={AUDIENCE}"
    headers = {"Authorization": f"Bearer {bearer}"}
    issuer = "GitHub Actions"
    return TokenSource(issuer, lambda: request_token(issuer, url, headers, None, "value", _HINT))


def subject(scope: Scope) -> Subject:
    """Return the subjects ``repo:OWNER/NAME:…``.

    For repositories created since June 2026, the names are followed by ids (``repo:OWNER@1/NAME@2:…``); the trust
    policy accepts both forms. Names of owners can't contain ``@``, and names of branches can't contain ``:``, so the
    wildcards match only ids.
    """
    host, path = repository_parts(scope)
    owner, _, name = path.partition("/")
    if not owner or not name or "/" in name:
        raise SettingsError(
            f"{scope.repository_url} is no repository on GitHub.", "Say which with --repository https://github.com/…"
        )
    enterprise = host != "github.com" and not host.endswith(".ghe.com")
    issuer = f"{host}/_services/token" if enterprise else f"token.actions.{_ISSUER_HOSTS.get(host, host)}"
    repositories = [f"{literal(owner)}/{literal(name)}"]
    if not enterprise:
        repositories.append(f"{literal(owner)}@{scope.organization or '*'}/{literal(name)}@{scope.project or '*'}")
    notes = ["The job needs `permissions: id-token: write`."]
    if scope.environment:
        suffixes = [f"environment:{literal(scope.environment.replace(':', '%3A'))}"]
        notes.append("Only jobs with that `environment:` are let in; its protection rules say from which branches.")
    else:
        suffixes = [f"ref:refs/{kind}/{ref}" for kind, ref in ref_patterns(scope)]
    if not scope.environment and not enterprise and not (scope.organization and scope.project):
        notes.append(
            "--organization and --project take the owner's and the repository's numeric ids, in place of any id."
        )
    subjects = tuple(f"repo:{repository}:{suffix}" for repository in repositories for suffix in suffixes)
    return Subject(issuer, scope.audience or AUDIENCE, subjects, tuple(notes))


ISSUER = Issuer(token_source, subject, _HINT, "GITHUB_REPOSITORY_OWNER_ID", "GITHUB_REPOSITORY_ID")
