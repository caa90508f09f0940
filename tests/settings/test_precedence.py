"""Which place's value counts, and what reaches the SDK."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.destination import Identity
from ecr_tasks.redaction import redact
from ecr_tasks.settings.schema import TABLE
from ecr_tasks.settings.settings import Settings
from tests.support.dotenv_project import Project

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAENVENVENVENVENVE", "AWS_SECRET_ACCESS_KEY": "environment-secret"}
FILE_KEYS = "AWS_ACCESS_KEY_ID=AKIAFILEFILEFILEFILE\nAWS_SECRET_ACCESS_KEY=file-secret\n"


def sdk(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    variables = settings.sdk_environ(environ)
    return {name: text for name, text in variables.items() if name.startswith("AWS_")}


def test_destinations_with_their_identities_as_a_mapping(project: Project) -> None:
    role = "arn:aws:iam::210987654321:role/push"
    fields = {"role": role, "external-id": "a,b", "profile": "x"}
    settings = project.load(
        config={"destinations": {"210987654321/eu-west-1": fields, "210987654321/eu-west-2": None}}
    )
    first, second = settings.destinations
    assert (str(first), first.identity) == ("210987654321/eu-west-1", Identity(role, "a,b", "x"))
    assert (str(second), second.identity.is_own) == ("210987654321/eu-west-2", True)
    wrong: list[dict[str, object]] = [{"210987654321/eu-west-1": role}, {"210987654321/eu-west-1": {"role": [role]}}]
    for destinations in wrong:
        with pytest.raises(SettingsError, match="can't be used: "):
            project.load(config={"destinations": destinations})


def test_each_place_beats_the_one_below_it(project: Project) -> None:
    def target(**places: object) -> tuple[str | None, str]:
        settings = project.load(**places)  # type: ignore[arg-type]
        return settings.target, str(settings.origin("ECR_TARGET"))

    config = {"target": "from-config"}
    assert target(config=config) == ("from-config", "Invoke configuration ecr.target")
    project.write("ECR_TARGET=from-file")
    assert target(config=config) == ("from-file", ".env:1")
    project.write("\nECR_TARGET=from-prod", ".env.prod")
    assert target(config=config, env="prod") == ("from-prod", ".env.prod:2")
    environ = {"ECR_TARGET": "from-env"}
    assert target(config=config, env="prod", environ=environ) == (
        "from-env",
        "environment variable ECR_TARGET",
    )
    overrides = {"ECR_TARGET": "from-local"}
    assert target(config=config, env="prod", environ=environ, overrides=overrides) == (
        "from-local",
        "local ECR",
    )


def test_empty_values_count_as_not_set(project: Project) -> None:
    project.write("ECR_TARGET=run\nECR_REPOSITORY=app")
    project.write("ECR_REPOSITORY=\nECR_TAGS=", ".env.prod")
    settings = project.load({"ECR_TARGET": "", "ECR_TAGS": "", "ECR_REGISTRY": ""}, env="prod")
    assert (settings.target, settings.repository) == ("run", "app")


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("blank", [" ", "\t \n"])
def test_a_blank_value_of_any_setting_counts_as_not_set(project: Project, name: str, blank: str) -> None:
    """As a CI system exports a variable that somebody left blank."""
    usual = project.load()
    from_environment = project.load({name: blank})
    from_config = project.load(config={TABLE[name].field: blank})
    if name != "ECR_ENV_FILE":  # a file can't choose a file
        project.write(f'{name}="{blank}"')
    for settings in (from_environment, from_config, project.load()):
        assert str(settings.origin(name)) == str(usual.origin(name))
        assert getattr(settings, TABLE[name].field) == getattr(usual, TABLE[name].field)


def test_an_empty_override_takes_a_value_away(project: Project) -> None:
    project.write("ECR_ROLE_ARN=arn:aws:iam::123456789012:role/push")
    environ = {"AWS_PROFILE": "dev", "AWS_SESSION_TOKEN": "t"}
    settings = project.load(environ, overrides={"ECR_ROLE_ARN": "", "AWS_PROFILE": "", "AWS_SESSION_TOKEN": ""})
    assert settings.role_arn is None
    assert str(settings.origin("ECR_ROLE_ARN")) == "local ECR"
    assert sdk(settings, environ) == {}


def test_configuration_takes_lists_mappings_booleans_and_numbers(project: Project) -> None:
    settings = project.load(
        config={
            "region": "eu-west-1",
            "account_id": 123456789012,
            "aws_profile": "dev",
            "platforms": ["linux/amd64", "linux/arm64"],
            "build_args": {"A": "1,2", "B": None, "C": 3, "D": True},
            "secrets": ["id=a,src=b"],
            "labels": {"team": "web, and more"},
            "create_repository": True,
            "cache": False,  # `cache: off` in YAML
            "target": None,
            "_session": object(),
        }
    )
    assert (settings.region, settings.account_id) == ("eu-west-1", "123456789012")
    assert settings.sdk_environment["AWS_PROFILE"] == "dev"
    assert settings.platforms == ("linux/amd64", "linux/arm64")
    assert settings.build_args == ("A=1,2", "B", "C=3", "D=true")
    assert settings.secrets == ("id=a,src=b",)
    assert settings.labels == {"team": "web, and more"}
    assert settings.create_repository is True
    assert settings.cache == ()
    assert settings.target is None


@pytest.mark.parametrize("value", [object(), [["a"]], ["a\nb"], {"A": {"B": 1}}])
def test_configuration_that_no_text_can_hold_is_a_problem(project: Project, value: object) -> None:
    assert project.problem(config={"build_args": value}).startswith(
        "Invoke configuration ecr.build_args can't be used: "
    )


@pytest.mark.parametrize("given", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_either_name_of_the_region_sets_it_for_every_sdk(project: Project, given: str) -> None:
    environ = {given: "eu-west-1"}
    settings = project.load(environ)
    assert settings.region == "eu-west-1"
    assert sdk(settings, environ) == {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}


def test_the_regions_two_names_are_one_setting(project: Project) -> None:
    both = "AWS_DEFAULT_REGION=eu-west-1\nAWS_REGION=eu-west-2\n"
    project.write(both)
    assert project.load().region == "eu-west-2"
    environ = {"AWS_DEFAULT_REGION": "eu-west-3"}
    assert project.load(environ).region == "eu-west-3"
    assert project.load(environ, overrides={"AWS_REGION": "us-east-1"}).region == "us-east-1"


def test_aws_names_reach_the_sdk(project: Project) -> None:
    project.write(FILE_KEYS + "AWS_ENDPOINT_URL_ECR=http://localhost:1\nAWS_MAX_ATTEMPTS=2\nAWS_CA_BUNDLE=/ca.pem")
    settings = project.load()
    assert sdk(settings, {}) == {
        "AWS_ACCESS_KEY_ID": "AKIAFILEFILEFILEFILE",
        "AWS_SECRET_ACCESS_KEY": "file-secret",
        "AWS_ENDPOINT_URL_ECR": "http://localhost:1",
        "AWS_MAX_ATTEMPTS": "2",
        "AWS_CA_BUNDLE": "/ca.pem",
    }


def test_the_environments_keys_are_not_mixed_with_a_files_token_or_profile(project: Project) -> None:
    project.write("AWS_PROFILE=dev\nAWS_SESSION_TOKEN=stale\nAWS_CA_BUNDLE=/ca.pem")
    assert sdk(project.load(KEYS), KEYS) == {**KEYS, "AWS_CA_BUNDLE": "/ca.pem"}


def test_a_chosen_profile_puts_a_lower_files_keys_aside(project: Project) -> None:
    project.write(FILE_KEYS)
    project.write("AWS_PROFILE=prod", ".env.prod")
    assert sdk(project.load(env="prod"), {}) == {"AWS_PROFILE": "prod"}


def test_overriding_keys_hide_the_environments_profile_and_token(project: Project) -> None:
    environ = {"AWS_DEFAULT_PROFILE": "dev", "AWS_SESSION_TOKEN": "t", "HOME": "/root", "AWS_PAGER": ""}
    settings = project.load(environ, overrides=KEYS)
    assert settings.sdk_environ(environ) == {**KEYS, "HOME": "/root"}


def test_overriding_keys_do_not_end_with_the_environments(project: Project) -> None:
    ended = {"AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z", "AWS_SECURITY_TOKEN": "t"}
    vault = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", **ended}
    assert sdk(project.load(vault), vault) == vault
    local = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    assert sdk(project.load(vault, overrides=local), vault) == local


def test_a_key_and_its_secret_may_stand_in_two_places(project: Project) -> None:
    project.write("AWS_ACCESS_KEY_ID=AKIAFILEFILEFILEFILE")
    environ = {"AWS_SECRET_ACCESS_KEY": "environment-secret"}
    assert sdk(project.load(environ), environ)["AWS_ACCESS_KEY_ID"] == "AKIAFILEFILEFILEFILE"


def test_an_exported_empty_profile_is_hidden_from_the_sdk(project: Project) -> None:
    assert project.load({"AWS_PROFILE": ""}).sdk_environment == {"AWS_PROFILE": ""}


def test_what_a_file_says_reaches_the_sdk_even_where_the_environment_says_the_same(project: Project) -> None:
    settings = project.load({"AWS_PROFILE": "dev"}, overrides={"AWS_PROFILE": "dev"})
    assert settings.sdk_environment == {"AWS_PROFILE": "dev"}


def test_an_account_s_number_as_the_local_ecr_s_key_is_no_secret(project: Project) -> None:
    project.load({"AWS_ACCESS_KEY_ID": "111122223333", "AWS_SECRET_ACCESS_KEY": "444455556666"})
    assert redact("arn:aws:iam::111122223333:user/local, 444455556666") == "arn:aws:iam::111122223333:user/local, ***"
