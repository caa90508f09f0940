"""What a child process gets of our environment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.model.child_environment import (
    agent_environment,
    docker_environment,
    git_environment,
    is_secret,
    reading_environment,
)

TOKENS_OF_JOBS = {
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://pipelines.example",
    "AWS_ID_TOKEN": "x",
    "GITLAB_OIDC_TOKEN": "x",
    "CI_JOB_JWT_V2": "x",
    "CIRCLE_OIDC_TOKEN_V2": "x",
    "BITBUCKET_STEP_OIDC_TOKEN": "x",
    "SYSTEM_ACCESSTOKEN": "x",
    "SYSTEM_OIDCREQUESTURI": "https://dev.azure.example",
    "BUILDKITE_AGENT_ACCESS_TOKEN": "x",
}
SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_SESSION_TOKEN": "x",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "x",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
    "ACTIONS_RUNTIME_TOKEN": "x",
    "CI_JOB_TOKEN": "x",
    "CI_REGISTRY_PASSWORD": "x",
    "GITHUB_TOKEN": "x",
    "STRIPE_API_KEY": "x",
    "DEPLOY_KEY": "x",
    "DB_PASS": "x",
    "DATABASE_URL": "postgres://me:word@host/db",
    "SENTRY_DSN": "https://word.example",
    "MIRROR": "https://word@host",
    "SLACK_WEBHOOK": "x",
    "ALERTS": "https://hooks.slack.com/services/T0/B0/x",
    "BILLING": f"sk_live_{'a' * 24}",
    "ROBOT": f"ghp_{'a' * 36}",
    "KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "SIGNING_BASE64": "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVkt",
    "SIGNING": "-----BEGIN EC PRIVATE KEY-----\nx",
    "VAULT": f"eyJ{'a' * 20}.eyJ{'b' * 20}.{'c' * 20}",
}
NEEDED_BY_BOTH = {
    "PATH": "/bin",
    "HOME": "/home/me",
    "LC_ALL": "C",
    "HTTPS_PROXY": "http://me:word@proxy",
    "no_proxy": "localhost",
    "SSH_AUTH_SOCK": "/run/agent",
    "SSL_CERT_FILE": "/ca.pem",
    "XDG_CONFIG_HOME": "/config",
    "SUDO_UID": "1000",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "http.extraheader",
    "GIT_CONFIG_VALUE_0": "AUTHORIZATION: basic x",
}
FOLDERS = {"JAVA_HOME": "/opt/java", "ASDF_DIR": "/opt/asdf", "PYENV_ROOT": "/opt/pyenv", "GOPATH": "/go:/go2"}
"""Where programs are, such as those of git's filters."""

FOR_DOCKER = {
    "DOCKER_HOST": "tcp://host:2376",
    "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE": "x",
    "BUILDX_BAKE_GIT_AUTH_TOKEN": "x",
    "BUILDKIT_PROGRESS": "plain",
    "KUBECONFIG": "/kube",
    "GITHUB_REPOSITORY": "me/app",
    "SOURCE_DATE_EPOCH": "0",
    "ACTIONS_CACHE_URL": "https://cache.example",
    "AWS_REGION": "eu-west-1",
    "PWD": "/project",
    "OLDPWD": "/",
    "KEYBOARD": "de",
    "ZONE": "asia-northeast1-docker",
    "CLONED_FROM": "ssh://git@host/app",
}
OF_NEITHER = {
    "GIT_DIR": "/elsewhere/.git",
    "GIT_OBJECT_DIR": "/elsewhere/.git/objects",
    "GIT_INDEX_FILE": "x",
    "GIT_ASKPASS": "/bin/askpass",
    "GIT_TRACE": "1",
    "GIT_TRACE_CURL": "1",
    "ECR_BUILD_ARGS": "A=x",
}
EVERYTHING = {**TOKENS_OF_JOBS, **SECRETS, **NEEDED_BY_BOTH, **FOLDERS, **FOR_DOCKER, **OF_NEITHER}


def test_git_gets_what_it_needs_and_no_other_variable() -> None:
    others = {"DOCKER_AUTH_CONFIG": "{}", "MY_SECRET_DIR": "/secret", "TOKEN_PATH": "/token", "HTTP_PATH": "a/b"}
    assert git_environment({**EVERYTHING, **others}) == {**NEEDED_BY_BOTH, **FOLDERS, "PWD": "/project"}


def test_docker_gets_no_secret_of_another_program() -> None:
    assert docker_environment(EVERYTHING) == {**NEEDED_BY_BOTH, **FOLDERS, **FOR_DOCKER}


def test_programs_that_docker_starts_get_all_but_the_jobs_identity() -> None:
    handed = docker_environment(EVERYTHING, starts_programs=True)
    assert handed == {**NEEDED_BY_BOTH, **FOLDERS, **FOR_DOCKER, **SECRETS}


@pytest.mark.parametrize("name", [*TOKENS_OF_JOBS, *SECRETS, *OF_NEITHER])
def test_what_a_build_refers_to_is_handed_on(name: str) -> None:
    assert docker_environment(EVERYTHING, needed={name})[name] == EVERYTHING[name]


def test_a_cis_own_program_gets_the_cis_secrets_alone() -> None:
    handed = agent_environment(EVERYTHING, "buildkite-agent")
    assert handed == {**NEEDED_BY_BOTH, **FOLDERS, **FOR_DOCKER, "BUILDKITE_AGENT_ACCESS_TOKEN": "x"}


@given(
    st.dictionaries(st.sampled_from([*EVERYTHING, "A", "B_TOKEN"]), st.text(max_size=20)),
    st.sets(st.sampled_from([*EVERYTHING, "A", "B_TOKEN"])),
    st.booleans(),
)
def test_nothing_is_changed_or_added(environ: dict[str, str], needed: set[str], programs: bool) -> None:
    handed = docker_environment(environ, needed=needed, starts_programs=programs)
    assert handed.items() <= environ.items()
    assert needed & environ.keys() <= handed.keys()
    assert git_environment(environ).items() <= environ.items()
    assert not any(is_secret(name, text) for name, text in git_environment(environ).items() if "PROXY" not in name)


def test_an_applications_file_sets_nothing_of_the_program_that_reads_definitions() -> None:
    own = {"PATH": "/bin", "DOCKER_CONTEXT": "mine"}
    steering = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317", "DOCKER_HOST": "x", "LD_PRELOAD": "x"}
    read = reading_environment({**own, **steering, "VERSION": "1", "COMPOSE_PROFILES": "a"}, own, ())
    none = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}
    assert read == {**none, **own, "VERSION": "1", "COMPOSE_PROFILES": "a"}
    named = reading_environment({**own, **steering}, own, {"OTEL_EXPORTER_OTLP_ENDPOINT"})
    assert named == {**none, **own, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}
    mine = {**own, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://mine:4317"}
    assert reading_environment(mine, mine, ()) == mine
