"""The `iam.trust` task: finds out what it can, prints the policy on stdout and what to know of it on stderr."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace

from ecr_tasks.ci.oidc.subject import Scope
from ecr_tasks.ci.systems import SYSTEMS
from ecr_tasks.console import data, say
from ecr_tasks.errors import EcrTasksError, SettingsError
from ecr_tasks.iam.trust import provider_arn, token_subject, trust_policy
from ecr_tasks.runner.run import Run


def trust(run: Run, name: str, scope: Scope) -> None:
    """Prints the trust policy for a CI; what ``scope`` leaves open is taken from git, CI, settings, and STS.

    Raises SettingsError for what is not known or not possible.
    """
    name = name.lower()
    known = complete(name, scope, os.environ)
    if not known.repository_url:
        known = replace(known, repository_url=run.source.remote_url)
    if known.branch is None:
        known = replace(known, branch=run.source.branch or run.source.default_branch)
    token = token_subject(name, known)  # what can't be is said before anybody is asked for the account
    known = replace(known, account=_account(run, known.account), partition=_partition(run.settings.region))
    data(json.dumps(trust_policy(known, token), indent=2))
    say(f"The account needs the IAM identity provider {provider_arn(known, token)}")
    say(f"(its URL: https://{token.issuer}, its audience: {token.audience}).")
    for note in token.notes:
        say(note)
    if not known.tag and any(":ref" in pattern or "/vcs-ref/" in pattern for pattern in token.subjects):
        say("Runs for git tags are not let in; --tag 'v*' lets them in as well.")


def complete(name: str, scope: Scope, environ: Mapping[str, str]) -> Scope:
    """With the ids that the CI's own environment tells, where none were given."""
    system = SYSTEMS.get(name)
    issuer = system.issuer() if system else None
    if issuer is None:
        return scope
    organization = environ.get(issuer.organization_variable)
    project = environ.get(issuer.project_variable)
    return replace(scope, organization=scope.organization or organization, project=scope.project or project)


def _account(run: Run, given: str) -> str:
    """The role's account: as given, as set, or the caller's."""
    if given and not re.fullmatch("[0-9]{12}", given):
        raise SettingsError(f"{given!r} is no account id.", "Say --account with its twelve digits.")
    account = given or run.settings.account_id
    if account:
        return account
    try:
        return run.registry.caller_account()
    except EcrTasksError as error:
        raise SettingsError(
            "The account that the role is in is not known here.", "Say it with --account, or set AWS_ACCOUNT_ID."
        ) from error


def _partition(region: str | None) -> str:
    """The partition of a region (AWS General Reference, ARNs)."""
    for begin, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("eusc-", "aws-eusc")):
        if (region or "").startswith(begin):
            return partition
    return "aws"
