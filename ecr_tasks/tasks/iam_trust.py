"""The `iam.trust` task: print the trust policy of a role that a CI system's tokens may assume."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_tasks.console import document, say
from ecr_tasks.errors import EcrTasksError, SettingsError
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.ci.oidc.issuer import Scope
    from ecr_tasks.runner.run import Run


@task(
    positional=["name"],
    help={
        "name": "github, gitlab, circleci, buildkite, bitbucket or azure",
        "branch": "the branch to let in (default: this one)",
        "tag": "tags to let in, a pattern such as 'v*'",
        "environment": "a deployment environment to let in (github; bitbucket: its UUID)",
        "account": "the account that the role is in (default: AWS_ACCOUNT_ID, else the caller's)",
        "repository": "the repository's web address (default: this one's)",
        "organization": "as the CI knows it: an id (circleci, bitbucket, azure, github), a slug (buildkite)",
        "project": "as the CI knows it: an id (circleci, bitbucket, github), a slug (buildkite), a name (azure)",
        "audience": "whom the token is for (default: as the CI's documentation has it)",
    },
)
def trust(
    run: Run,
    name: str,
    branch: str | None = None,
    tag: str | None = None,
    environment: str | None = None,
    account: str | None = None,
    repository: str | None = None,
    organization: str | None = None,
    project: str | None = None,
    audience: str | None = None,
) -> None:
    """Print the trust policy for a CI's tokens.

    It lets a CI's OpenID Connect tokens assume a role.
    """
    from ecr_tasks.ci.oidc.issuer import Scope
    from ecr_tasks.clients.ecr.partition import partition_of
    from ecr_tasks.iam.trust import provider_arn, token_subject, trust_policy

    scope = Scope(
        account or "",
        repository_url=repository,
        branch=branch,
        tag=tag,
        environment=environment,
        organization=organization,
        project=project,
        audience=audience,
    )
    name = name.lower()
    known = complete(name, scope, os.environ)
    if not known.repository_url:
        known = replace(known, repository_url=run.source.remote_url)
    if known.branch is None:
        known = replace(known, branch=run.source.branch or run.source.default_branch)
    token = token_subject(name, known)  # raises errors before AWS is called for the account
    known = replace(known, account=_account(run, known.account), partition=partition_of(run.settings.region or ""))
    document(trust_policy(known, token))
    say(f"The account needs the IAM identity provider {provider_arn(known, token)}")
    say(f"(its URL: https://{token.issuer}, its audience: {token.audience}).")
    for note in token.notes:
        say(note)
    if not known.tag and any(":ref" in pattern or "/vcs-ref/" in pattern for pattern in token.subjects):
        say("Runs for git tags are not let in; --tag 'v*' lets them in as well.")


def complete(name: str, scope: Scope, environ: Mapping[str, str]) -> Scope:
    """Return the scope; organization and project that are not given come from the CI's variables in ``environ``."""
    from ecr_tasks.ci.systems import SYSTEMS

    system = SYSTEMS.get(name)
    issuer = system.issuer() if system else None
    if issuer is None:
        return scope
    organization = environ.get(issuer.organization_variable)
    project = environ.get(issuer.project_variable)
    return replace(scope, organization=scope.organization or organization, project=scope.project or project)


def _account(run: Run, text: str) -> str:
    """Return the role's account: ``text`` if it is given, else the setting, else the caller's account."""
    if text and not re.fullmatch("[0-9]{12}", text):
        raise SettingsError(f"{text!r} is no account id.", "Say --account with its twelve digits.")
    from ecr_tasks.runner.iam_scope import registry_account

    try:
        return text or registry_account(run)
    except EcrTasksError as error:
        raise SettingsError(
            "The account that the role is in is not known here.", "Say it with --account, or set AWS_ACCOUNT_ID."
        ) from error
