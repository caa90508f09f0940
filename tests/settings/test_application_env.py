"""An application's .env does not decide unseen where images go."""

from __future__ import annotations

import pytest

from ecr_tasks.settings.application_env import is_emulator
from ecr_tasks.settings.errors import SettingsProblems
from tests.support.dotenv_project import Project

APPLICATION = "DEBUG=1\nAWS_ENDPOINT_URL=http://localhost:4566\nAWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=test\n"


def test_the_endpoint_and_the_keys_of_an_application_are_refused(project: Project) -> None:
    project.write(APPLICATION)
    assert project.problem() == (
        ".env:2: AWS_ENDPOINT_URL would take images to localhost:4566 instead of Amazon ECR, with the keys of .env:3."
    )
    project.write("AWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=test\n")
    assert project.problem().startswith(".env:1: AWS_ACCESS_KEY_ID is no access key of AWS")


def test_one_of_them_has_a_remedy_of_its_own(project: Project) -> None:
    project.write("AWS_ENDPOINT_URL=http://localhost:4566\n")
    with pytest.raises(SettingsProblems) as error:
        project.load()
    assert ".env.ecr beside it: then .env is not read" in error.value.remedy
    assert "AWS_ENDPOINT_URL_ECR" in error.value.remedy


def test_the_remedy_is_told_beside_other_problems(project: Project) -> None:
    project.write(APPLICATION + "ECR_DIRTY=maybe\n")
    with pytest.raises(SettingsProblems) as error:
        project.load()
    assert error.value.remedy.startswith("Correct each where it stands")
    assert ".env.ecr" in error.value.remedy


def test_a_file_of_our_own_name_ends_it(project: Project) -> None:
    project.write(APPLICATION)
    project.write("AWS_REGION=eu-central-1\n", ".env.ecr")
    settings = project.load()
    assert (settings.region, settings.aws_endpoint_url, settings.aws_access_key_id) == ("eu-central-1", None, None)


def test_an_endpoint_for_ecr_says_that_it_is_meant(project: Project) -> None:
    project.write(APPLICATION + "AWS_ENDPOINT_URL_ECR=http://localhost:4566\n")
    assert project.load().aws_endpoint_url_ecr == "http://localhost:4566"


@pytest.mark.parametrize(
    "environ",
    [
        {"AWS_ENDPOINT_URL": "https://proxy.example", "AWS_PROFILE": "team"},
        {"AWS_ENDPOINT_URL_ECR": "https://vpce-1.example"},
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_PROFILE": "team"},
    ],
)
def test_what_does_not_count_is_not_refused(project: Project, environ: dict[str, str]) -> None:
    project.write(APPLICATION)
    project.load(environ)


def test_the_local_ecr_replaces_it(project: Project) -> None:
    project.write(APPLICATION)
    local = {"AWS_ENDPOINT_URL_ECR": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "local"}
    project.load(overrides=local | {"AWS_ENDPOINT_URL": ""})


def test_the_environment_and_the_configuration_are_meant(project: Project) -> None:
    project.load({"AWS_ENDPOINT_URL": "http://localhost:4566", "AWS_ACCESS_KEY_ID": "test"})
    project.load(config={"aws_endpoint_url": "http://localhost:4566"})


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://localhost:4566", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:4566", True),
        ("http://localstack:4566", True),
        ("http://host.docker.internal:4566", True),
        ("https://localhost.localstack.cloud:4566", True),
        ("http://172.17.0.1:4566", True),
        ("http://LOCALHOST.:1", True),
        ("https://ecr.eu-central-1.amazonaws.com", False),
        ("https://vpce-1.api.ecr.eu-central-1.vpce.amazonaws.com", False),
        ("https://aws.example.com", False),
        ("https://proxy", False),
        ("https://ecr.internal", False),
        ("http://[", False),
    ],
)
def test_emulators_are_on_this_machine_or_in_its_network(address: str, expected: bool) -> None:
    assert is_emulator(address) is expected
