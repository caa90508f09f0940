"""Warnings of an environment that beats a file."""

from __future__ import annotations

from tests.support.dotenv_project import Project

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAENVENVENVENVENVE", "AWS_SECRET_ACCESS_KEY": "environment-secret"}
FILE_KEYS = "AWS_ACCESS_KEY_ID=AKIAFILEFILEFILEFILE\nAWS_SECRET_ACCESS_KEY=file-secret\n"


def test_an_environment_that_overrides_a_file_is_warned_of(project: Project) -> None:
    project.write("AWS_ACCOUNT_ID=111111111111\nAWS_REGION=eu-west-1\nECR_REPOSITORY=app")
    project.write("ECR_REPOSITORY=prod", ".env.prod")
    environ = {"AWS_ACCOUNT_ID": "222222222222", "AWS_DEFAULT_REGION": "us-east-1", "ECR_REPOSITORY": "other"}
    assert project.load(environ, env="prod").warnings == (
        "The environment's AWS_ACCOUNT_ID=222222222222 beats AWS_ACCOUNT_ID=111111111111 in .env:1.",
        "The environment's AWS_DEFAULT_REGION=us-east-1 beats AWS_REGION=eu-west-1 in .env:2.",
        "The environment's ECR_REPOSITORY=other beats ECR_REPOSITORY=prod in .env.prod:1.",
    )


def test_nothing_is_warned_of_where_both_agree_or_an_override_decides(project: Project) -> None:
    project.write("AWS_ACCOUNT_ID=111111111111\nAWS_PROFILE=dev")
    assert project.load({"AWS_ACCOUNT_ID": "111111111111", "AWS_PROFILE": "dev"}).warnings == ()
    environ = {"AWS_ACCOUNT_ID": "222222222222", **KEYS}
    overrides = {
        "AWS_ACCOUNT_ID": "000000000000",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    assert project.load(environ, overrides=overrides).warnings == ()


def test_two_builders_are_warned_of(project: Project) -> None:
    project.write("ECR_BUILDER=mine")
    settings = project.load({"BUILDX_BUILDER": "theirs"})
    assert settings.builder == "mine"
    assert settings.warnings == ("ECR_BUILDER=mine (.env:1) beats BUILDX_BUILDER=theirs.",)
    assert project.load({"BUILDX_BUILDER": "mine"}).warnings == ()


def test_buildxs_own_variable_in_a_file_names_the_builder_of_every_command(project: Project) -> None:
    project.write("BUILDX_BUILDER=theirs")
    assert project.load({}).builder == "theirs"
    assert project.load({"BUILDX_BUILDER": "other"}).builder is None  # buildx itself reads the environment
    assert project.load({"ECR_BUILDER": "mine"}).warnings == (
        "ECR_BUILDER=mine (environment variable ECR_BUILDER) beats BUILDX_BUILDER=theirs.",
    )


def test_credentials_that_beat_a_files_are_warned_of_without_showing_them(project: Project) -> None:
    project.write("AWS_PROFILE=dev")
    assert project.load(KEYS).warnings == ("The environment's AWS_ACCESS_KEY_ID beats AWS_PROFILE=dev in .env:1.",)
    project.write(FILE_KEYS)
    assert project.load({"AWS_PROFILE": "dev"}).warnings == (
        "The environment's AWS_PROFILE beats AWS_ACCESS_KEY_ID in .env:1.",
    )
