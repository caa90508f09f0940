"""A repository's address in ECR_REPOSITORY: it is taken apart, and contradicts no setting."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.model.destination import Destination
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.destinations import destination
from ecr_tasks.settings.parse.registry import repository
from tests.support.dotenv_project import Project

URI = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
HOSTS = {
    URI: "eu-central-1",
    "111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com": "us-gov-west-1",
    "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn": "cn-north-1",
    "111122223333.dkr-ecr.eu-central-1.on.aws": "eu-central-1",
    "111122223333.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn": "cn-north-1",
    "111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu": "eusc-de-east-1",
    "111122223333.dkr.ecr.us-iso-east-1.c2s.ic.gov": "us-iso-east-1",
    "111122223333.dkr.ecr.us-east-1.localhost.localstack.cloud:4566": "us-east-1",
}
names = st.from_regex(r"[a-z0-9]{2,9}((\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}(/[a-z0-9]{1,9}){0,3}", fullmatch=True)


@given(
    st.sampled_from(sorted(HOSTS)), st.sampled_from(["", "https://", "docker://"]), names, st.sampled_from(["", "/"])
)
def test_every_address_gives_its_name_and_its_destination(host: str, scheme: str, name: str, slash: str) -> None:
    assert repository(f" {scheme}{host}/{name}{slash}\n") == name
    expected = Destination("111122223333", HOSTS[host], name)
    assert destination(f"{scheme}{host}/{name}") == expected
    assert destination(f"arn:aws:ecr:{HOSTS[host]}:111122223333:repository/{name}") == expected
    assert destination(f"{scheme}{host}{slash}") == Destination("111122223333", HOSTS[host])
    assert destination(f"https://public.ecr.aws/team/{name}") == Destination("", "us-east-1", name, "team")


@pytest.mark.parametrize(
    "address",
    [f"{URI}/team/app", f"https://{URI}/team/app", "arn:aws:ecr:eu-central-1:111122223333:repository/team/app"],
)
def test_account_region_and_name_are_taken_from_it_with_its_place(project: Project, address: str) -> None:
    project.write(f"\nECR_REPOSITORY={address}\n")
    settings = project.load()
    assert (settings.account_id, settings.region, settings.repository) == ("111122223333", "eu-central-1", "team/app")
    assert str(settings.origin("AWS_ACCOUNT_ID")) == "ECR_REPOSITORY (.env:2)"
    assert str(settings.origin("AWS_REGION")) == "ECR_REPOSITORY (.env:2)"
    assert settings.values["AWS_ACCOUNT_ID"].text == "111122223333"
    sdk = settings.sdk_environ({"AWS_PROFILE": "dev"})
    assert (sdk["AWS_REGION"], sdk["AWS_DEFAULT_REGION"]) == ("eu-central-1", "eu-central-1")
    assert settings.warnings == ()


@pytest.mark.parametrize("ending", ["team", "team/"])
def test_a_prefix_may_be_an_address_too(project: Project, ending: str) -> None:
    settings = project.load({"ECR_REPOSITORY_PREFIX": f"{URI}/{ending}"})
    assert (settings.account_id, settings.region, settings.repository_prefix) == (
        "111122223333",
        "eu-central-1",
        "team/",
    )


def test_what_agrees_with_it_stays_where_it_is_set(project: Project) -> None:
    project.write(f"ECR_REPOSITORY={URI}/team/app")
    settings = project.load({"AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCOUNT_ID": "111122223333 "})
    assert str(settings.origin("AWS_REGION")) == "environment variable AWS_DEFAULT_REGION"
    assert settings.account_id == "111122223333"


def test_what_contradicts_it_is_an_error_with_both_places(project: Project) -> None:
    project.write(f"ECR_REPOSITORY={URI}/team/app\nAWS_ACCOUNT_ID=999999999999")
    assert project.problems({"AWS_REGION": "eu-west-1"}) == [
        ".env:1: ECR_REPOSITORY is in 111122223333, and AWS_ACCOUNT_ID (.env:2) says 999999999999: keep the one that "
        "is meant.",
        ".env:1: ECR_REPOSITORY is in eu-central-1, and environment variable AWS_REGION says eu-west-1: keep the one "
        "that is meant.",
    ]


def test_the_local_ecr_takes_the_place_of_its_account_and_region(project: Project) -> None:
    local = {
        "AWS_ACCOUNT_ID": "000000000000",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "",
        "AWS_ENDPOINT_URL_ECR": "http://127.0.0.1:4510",
    }
    for host in (URI, "127.0.0.1:4510", "localhost:5000"):
        project.write(f"ECR_REPOSITORY={host}/team/app")
        settings = project.load(overrides=local)
        assert (settings.account_id, settings.region, settings.repository) == (
            "000000000000",
            "us-east-1",
            "team/app",
        )


def test_an_address_on_this_machine_leads_nowhere_else(project: Project) -> None:
    project.write("ECR_REPOSITORY=127.0.0.1:4510/team/app")
    assert "is in 127.0.0.1:4510, and the settings lead to AWS: write team/app" in project.problem()
    assert project.load({"AWS_ENDPOINT_URL": "http://localhost:4566"}).repository == "team/app"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (f"{URI}/team/app:1.0", rf"without a tag \(tags come from git: ECR_TAGS\): write {URI}/team/app"),
        (f"{URI}/team/app@sha256:{'0' * 64}", rf"without a digest: write {URI}/team/app"),
        (f"{URI}/team/app:1@sha256:{'0' * 64}", rf"without a digest: write {URI}/team/app"),
        (URI, f"names a registry and nothing in it: write {URI}/team/app"),
        (f"https://{URI}/", "names a registry and nothing in it"),
        (f"{URI}/Team/App", "without upper-case letters: write team/app"),
        (f"AWS:hunter2@{URI}/App", "write"),
        ("public.ecr.aws/alias", "names no repository of ECR Public: write public.ecr.aws/alias/app"),
        ("public.ecr.aws/", "write public.ecr.aws/ALIAS/app"),
        ("public.ecr.aws/alias/team/a--b", "letters and digits are joined by one"),
        ("public.ecr.aws/1x/app", "the registry's alias after public.ecr.aws/, like public.ecr.aws/team/app"),
        ("arn:aws:ecr-public::111122223333:repository/app", "write public.ecr.aws/ALIAS/app"),
        ("arn:aws:iam::111122223333:role/push", "not that of an ECR repository"),
        ("ghcr.io/team/app", "another registry, ghcr.io, .*write for example team/app"),
        ("docker.io/library/app:1", "another registry, docker.io, .*write for example library/app"),
        ("europe-docker.pkg.dev/p/r/app", "another registry"),
        ("12345.dkr.ecr.eu-central-1.amazonaws.com/team/app", "a registry's is ACCOUNT.dkr.ecr.REGION"),
        ("dkr.ecr.eu-central-1.amazonaws.com/team/app", "a registry's is ACCOUNT.dkr.ecr.REGION"),
        ("111122223333.dkr.ecr.eu_central_1.amazonaws.com/team/app", "a registry's is ACCOUNT.dkr.ecr.REGION"),
        ("1112222333.dkr.ecr.us-iso-east-1.c2s.ic.gov/team/app", "a registry's is ACCOUNT.dkr.ecr.REGION"),
    ],
)
def test_what_is_no_repositorys_address_is_refused_with_what_to_write(
    project: Project, address: str, message: str
) -> None:
    problem = project.problem({"ECR_REPOSITORY": address})
    assert re.search(message, problem), problem
    assert "hunter2" not in problem


def test_another_kind_of_endpoint_is_warned_of(project: Project) -> None:
    environ = {"ECR_REPOSITORY": "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com/app"}
    (warning,) = project.load(environ).warnings
    assert "AWS_USE_FIPS_ENDPOINT=true" in warning
    assert project.load({**environ, "AWS_USE_FIPS_ENDPOINT": "true"}).warnings == ()


@pytest.mark.parametrize("text", [f"{URI}/team/app:1", "127.0.0.1:4510/app", "ghcr.io/app", "public.ecr.aws"])
def test_what_is_no_destination(text: str) -> None:
    with pytest.raises(Malformed):
        destination(text)
