"""The OpenID Connect tokens of Azure Pipelines.

Source: Azure DevOps REST API, Distributed task, Oidctoken, Create. Without a service connection, the token belongs to
the pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from ecr_tasks.ci.oidc.issuer import Issuer, Scope, Subject, literal, repository_parts, required
from ecr_tasks.ci.oidc.tokens import TokenSource, request_token
from ecr_tasks.errors import SettingsError

_HINT = "Pass the job's token to the step (`env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)`), and run it again."


def token_source(environ: Mapping[str, str]) -> TokenSource | None:
    """Return the token service that the job's variables name; None when the step has no SYSTEM_ACCESSTOKEN."""
    url, bearer = environ.get("SYSTEM_OIDCREQUESTURI"), environ.get("SYSTEM_ACCESSTOKEN")
    if not url or not bearer:
        return None
    url += ("&" if "?" in url else "?") + "api-version=7.1-preview.1"
    headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}
    issuer = "Azure Pipelines"
    return TokenSource(issuer, lambda: request_token(issuer, url, headers, b"", "oidcToken", _HINT))


def subject(scope: Scope) -> Subject:
    """Return the subject ``p://ORGANIZATION/PROJECT/PIPELINE``, which has no branch, and Azure's fixed audience."""
    host, path = repository_parts(scope)
    names = unquote(path).split("/")
    if host != "dev.azure.com" or len(names) != 4:
        raise SettingsError(
            "The Azure DevOps organization and project are not known here.",
            "Say them with --repository https://dev.azure.com/ORGANIZATION/PROJECT/_git/NAME.",
        )
    org = required(scope.organization, "The Azure DevOps organization's id (a GUID)", "organization")
    pipeline = required(scope.project, "The pipeline's name", "project")
    return Subject(
        f"vstoken.dev.azure.com/{org}",
        scope.audience or "api://AzureADTokenExchange",
        (f"p://{literal(names[0])}/{literal(names[1])}/{literal(pipeline)}",),
        (
            "The step needs `env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)`.",
            "Azure's subject names no branch: limit the pipeline itself.",
        ),
    )


ISSUER = Issuer(token_source, subject, _HINT, "SYSTEM_COLLECTIONID", "BUILD_DEFINITIONNAME")
