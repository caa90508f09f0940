"""Trust policies as each CI's documentation has them, limited to one repository and branch."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.ci.oidc.issuer import Scope, literal, pattern
from ecr_tasks.errors import SettingsError
from ecr_tasks.iam.trust import token_subject, trust_policy

ACCOUNT = "123456789012"
SCOPE = Scope(ACCOUNT, repository_url="https://github.com/octo/app", branch="main")
ORG = "0a1b2c3d-0000-4000-8000-00000000000a"
PROJECT = "0a1b2c3d-0000-4000-8000-00000000000b"
CIRCLE = replace(SCOPE, organization=ORG, project=PROJECT)
BITBUCKET = replace(CIRCLE, repository_url="https://bitbucket.org/team/app", organization=f"{{{ORG}}}")
AZURE = replace(
    SCOPE, repository_url="https://dev.azure.com/acme/shop/_git/app", organization=ORG, project="Build app"
)


def statement(name: str, scope: Scope) -> dict[str, Any]:
    """Return the one statement of a CI's policy."""
    document = trust_policy(scope, token_subject(name, scope))
    assert set(document) == {"Version", "Statement"}
    (only,) = document["Statement"]
    assert (only["Effect"], only["Action"]) == ("Allow", "sts:AssumeRoleWithWebIdentity")
    return dict(only)


def condition(name: str, scope: Scope) -> dict[str, Any]:
    """Return the condition of that statement."""
    return dict(statement(name, scope)["Condition"])


def test_github() -> None:
    issuer = "token.actions.githubusercontent.com"
    policy = statement("github", SCOPE)
    assert policy["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"}
    assert policy["Condition"] == {
        "StringEquals": {f"{issuer}:aud": "sts.amazonaws.com"},
        "StringLike": {
            f"{issuer}:sub": ["repo:octo/app:ref:refs/heads/main", "repo:octo@*/app@*:ref:refs/heads/main"],
        },
    }


def test_githubs_ids_leave_no_wildcard() -> None:
    conditions = condition("github", replace(SCOPE, organization="12", project="34", tag=None))
    assert conditions["StringEquals"]["token.actions.githubusercontent.com:sub"] == [
        "repo:octo/app:ref:refs/heads/main",
        "repo:octo@12/app@34:ref:refs/heads/main",
    ]
    assert "StringLike" not in conditions


def test_githubs_tags_and_environments() -> None:
    subjects = token_subject("github", replace(SCOPE, tag="v*")).subjects
    assert "repo:octo/app:ref:refs/tags/v*" in subjects
    assert len(subjects) == 4
    subjects = token_subject("github", replace(SCOPE, environment="prod:eu")).subjects
    assert subjects == ("repo:octo/app:environment:prod%3Aeu", "repo:octo@*/app@*:environment:prod%3Aeu")


def test_githubs_other_hosts() -> None:
    server = token_subject("github", replace(SCOPE, repository_url="https://git.example.com/octo/app"))
    assert server.issuer == "git.example.com/_services/token"
    assert server.subjects == ("repo:octo/app:ref:refs/heads/main",)
    resident = token_subject("github", replace(SCOPE, repository_url="https://octo.ghe.com/octo/app"))
    assert resident.issuer == "token.actions.octo.ghe.com"


def test_gitlab() -> None:
    scope = replace(SCOPE, repository_url="https://gitlab.example.com/group/sub/app", tag="v?.*")
    assert condition("gitlab", replace(scope, tag=None)) == {
        "StringEquals": {
            "gitlab.example.com:aud": "sts.amazonaws.com",
            "gitlab.example.com:sub": "project_path:group/sub/app:ref_type:branch:ref:main",
        }
    }
    assert condition("gitlab", scope)["StringLike"]["gitlab.example.com:sub"] == [
        "project_path:group/sub/app:ref_type:branch:ref:main",
        "project_path:group/sub/app:ref_type:tag:ref:v?.*",
    ]
    assert condition("gitlab", replace(scope, audience="https://gitlab.example.com"))["StringEquals"] == {
        "gitlab.example.com:aud": "https://gitlab.example.com"
    }
    assert "AWS_ID_TOKEN" in token_subject("gitlab", scope).notes[0]
    assert "environment" in token_subject("gitlab", replace(scope, environment="prod")).notes[-1]


def test_circleci() -> None:
    policy = statement("circleci", CIRCLE)
    issuer = f"oidc.circleci.com/org/{ORG}"
    assert policy["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"}
    assert policy["Condition"] == {
        "StringEquals": {f"{issuer}:aud": ORG},
        "StringLike": {
            f"{issuer}:sub": f"org/{ORG}/project/{PROJECT}/user/*"
            "/vcs-origin/github.com/octo/app/vcs-ref/refs/heads/main"
        },
    }


def test_buildkite() -> None:
    conditions = condition("buildkite", replace(SCOPE, organization="acme", project="app", repository_url=None))
    assert conditions == {
        "StringEquals": {"agent.buildkite.com:aud": "sts.amazonaws.com"},
        "StringLike": {
            "agent.buildkite.com:sub": "organization:acme:pipeline:app:ref:refs/heads/main:commit:*:step:*"
        },
    }


def test_bitbucket() -> None:
    issuer = "api.bitbucket.org/2.0/workspaces/team/pipelines-config/identity/oidc"
    assert condition("bitbucket", BITBUCKET) == {
        "StringEquals": {f"{issuer}:aud": f"ari:cloud:bitbucket::workspace/{ORG}"},
        "StringLike": {f"{issuer}:sub": f"{{{PROJECT}}}:*"},
    }
    assert "no branch" in token_subject("bitbucket", BITBUCKET).notes[-1]
    limited = token_subject("bitbucket", replace(BITBUCKET, environment="{env}"))
    assert limited.subjects == (f"{{{PROJECT}}}:{{env}}:*",)


def test_azure() -> None:
    spaced = replace(AZURE, repository_url="https://dev.azure.com/acme/My%20shop/_git/app")
    assert token_subject("azure", spaced).subjects == ("p://acme/My shop/Build app",)
    assert condition("azure", AZURE) == {
        "StringEquals": {
            f"vstoken.dev.azure.com/{ORG}:aud": "api://AzureADTokenExchange",
            f"vstoken.dev.azure.com/{ORG}:sub": "p://acme/shop/Build app",
        }
    }


@pytest.mark.parametrize(
    ("name", "scope", "message"),
    [
        ("jenkins", SCOPE, "OpenID Connect Provider plugin"),
        ("codebuild", SCOPE, "service role"),
        ("drone", SCOPE, "github"),
        ("gihub", SCOPE, "no CI called 'gihub'"),
        ("github", replace(SCOPE, branch=None), "--branch"),
        ("github", replace(SCOPE, repository_url=None), "--repository"),
        ("github", replace(SCOPE, repository_url="https://github.com/octo"), "no repository on GitHub"),
        ("gitlab", replace(SCOPE, repository_url="nowhere"), "no web address"),
        ("circleci", SCOPE, "--organization"),
        ("circleci", replace(CIRCLE, project=None), "--project"),
        ("buildkite", SCOPE, "slug"),
        ("bitbucket", replace(BITBUCKET, project=None), "UUID"),
        ("azure", replace(SCOPE, organization=ORG), "https://dev.azure.com/"),
    ],
)
def test_what_is_missing_is_said(name: str, scope: Scope, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        token_subject(name, scope)
    assert message in str(caught.value)


def matches(policy_pattern: str, text: str) -> bool:
    """Match as IAM's StringLike: ``*`` and ``?`` are wildcards, and ``${*}``, ``${?}``, ``${$}`` the characters."""
    table = {"${*}": "[*]", "${?}": "[?]", "${$}": "$"}
    glob, rest = "", policy_pattern
    while rest:
        if rest[:4] in table:
            glob, rest = glob + table[rest[:4]], rest[4:]
        else:
            glob, rest = glob + ("[[]" if rest[0] == "[" else rest[0]), rest[1:]
    return fnmatchcase(text, glob)


@given(st.text("a*?$[]{}/.-", max_size=12), st.text("a*?$[]{}/.-", max_size=12))
def test_a_branch_of_any_name_is_let_in_and_no_other(branch: str, other: str) -> None:
    assert matches(literal(branch), other) is (branch == other)
    assert "${" not in pattern(branch).replace("${$}", "")


@given(st.text("am*?$/.-", min_size=1, max_size=12), st.text("am*?$/.-", max_size=12))
def test_the_whole_subject_lets_one_branch_in(branch: str, other: str) -> None:
    for item in token_subject("github", replace(SCOPE, branch=branch)).subjects:
        ids = item.replace("@*", "@1")
        assert matches(
            ids, f"repo:octo{'@1' if '@1' in ids else ''}/app{'@1' if '@1' in ids else ''}:ref:refs/heads/{other}"
        ) is (branch == other)
