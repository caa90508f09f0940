"""Which token an environment offers; no part of it is ever in an error or a repr."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.ci.token_source import missing_token, token_source
from ecr_tasks.errors import AwsError
from tests.ci.oidc.jwt import jwt

ROLE = "arn:aws:iam::123456789012:role/ci"


TOKEN = jwt(sub="repo:o/r", aud="sts.amazonaws.com", iss="https://ci.example")


@pytest.mark.parametrize(
    ("name", "issuer"),
    [
        ("AWS_ID_TOKEN", "AWS_ID_TOKEN"),
        ("GITLAB_OIDC_TOKEN", "GitLab CI"),
        ("CIRCLE_OIDC_TOKEN_V2", "CircleCI"),
        ("BITBUCKET_STEP_OIDC_TOKEN", "Bitbucket Pipelines"),
    ],
)
def test_a_token_in_a_variable(name: str, issuer: str) -> None:
    source = token_source({name: f"{TOKEN}\n"}, ROLE)
    assert source is not None
    assert source.issuer == issuer
    assert source.fetch() == TOKEN
    assert TOKEN not in repr(source)
    assert token_source({name: ""}, ROLE) is None


def test_no_ci_offers_none() -> None:
    assert token_source({}, ROLE) is None
    assert token_source({"GITHUB_ACTIONS": "true"}, ROLE) is None
    assert token_source({"TF_BUILD": "True", "SYSTEM_OIDCREQUESTURI": "https://dev.azure.com/x"}, ROLE) is None


@pytest.mark.parametrize("wrong", ["no-token", "a.b", "a.b.c.d", "a b.c.d", "a.b.\u00e9", "secret\nsecret.b.c"])
def test_what_is_no_token_is_refused_and_not_told(wrong: str) -> None:
    source = token_source({"AWS_ID_TOKEN": wrong}, ROLE)
    assert source is not None
    with pytest.raises(AwsError, match="AWS_ID_TOKEN holds is no OpenID Connect token") as caught:
        source.fetch()
    assert wrong not in str(caught.value)


def test_a_token_file_is_read_anew_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    source = token_source({"AWS_WEB_IDENTITY_TOKEN_FILE": str(file)}, ROLE)
    assert source is not None
    with pytest.raises(AwsError, match="can't be read: No such file"):
        source.fetch()
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(AwsError, match="it is no text"):
        source.fetch()
    for token in (TOKEN, jwt(sub="later")):
        file.write_text(token, encoding="utf-8")
        assert source.fetch() == token


def test_a_token_file_for_another_role_is_the_sdks() -> None:
    """In a pod of EKS, the SDK uses the file for the pod's role, which then assumes the given one."""
    environ = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/pod"}
    assert token_source(environ, ROLE) is None
    assert token_source({**environ, "AWS_ROLE_ARN": ROLE}, ROLE) is not None


def agent(folder: Path, script: str) -> dict[str, str]:
    """Return the environment of a Buildkite job whose agent is this script."""
    program = folder / "buildkite-agent"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return {"BUILDKITE": "true", "PATH": f"{folder}:/usr/bin:/bin"}


def test_buildkites_agent_is_asked(tmp_path: Path) -> None:
    source = token_source(agent(tmp_path, f'echo "$@" > {tmp_path}/arguments; echo {TOKEN}'), ROLE)
    assert source is not None
    assert source.fetch() == TOKEN
    arguments = (tmp_path / "arguments").read_text(encoding="utf-8")
    assert arguments == "oidc request-token --audience sts.amazonaws.com\n"


def test_buildkites_agent_may_refuse_or_be_missing_token(tmp_path: Path) -> None:
    source = token_source(agent(tmp_path, f"echo {TOKEN}; exit 1"), ROLE)
    assert source is not None
    with pytest.raises(AwsError, match="gave no token"):
        source.fetch()
    assert token_source({"BUILDKITE": "true", "PATH": str(tmp_path / "empty")}, ROLE) is None


@pytest.mark.parametrize("name", ["ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_OIDCREQUESTURI"])
def test_a_token_service_is_on_the_web(name: str) -> None:
    environ = {name: "file:///etc/passwd", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "b", "SYSTEM_ACCESSTOKEN": "b"}
    source = token_source(environ, ROLE)
    assert source is not None
    with pytest.raises(AwsError, match="no web address"):
        source.fetch()


@pytest.mark.parametrize(
    ("environ", "remedy"),
    [
        ({"GITHUB_ACTIONS": "true"}, "permissions: id-token: write"),
        ({"GITLAB_CI": "true"}, "id_tokens: AWS_ID_TOKEN"),
        ({"CIRCLECI": "true"}, "forks"),
        ({"BITBUCKET_BUILD_NUMBER": "1"}, "oidc: true"),
        ({"BUILDKITE": "true"}, "buildkite-agent"),
        ({"TF_BUILD": "True"}, "SYSTEM_ACCESSTOKEN"),
    ],
)
def test_a_ci_without_a_token_is_told_how_to_get_one(environ: dict[str, str], remedy: str) -> None:
    error = missing_token(environ)
    assert error is not None
    assert remedy in error.remedy
    assert missing_token({}) is None
