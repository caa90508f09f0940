"""What `init` proposes, asks for and refuses, for what is in a project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.aws_profile import AwsProfile
from ecr_tasks.plan.starting_point import (
    Answers,
    StartingPoint,
    check_answer,
    check_answers,
    check_flags,
    no_answers,
    open_questions,
    propose,
    questions,
)
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.registry import repository
from ecr_tasks.settings.setting import Origin

REGIONS = ("eu-central-1", "us-east-1", "us-gov-west-1")
BAKE: dict[str, Any] = {"definition": ("docker-bake.hcl",), "targets": ("api", "web")}


def here(folder: str = "shop", **more: Any) -> StartingPoint:
    """Return a project in which `init` starts."""
    return StartingPoint(folder=folder, **{"regions": REGIONS, **more})


def in_file(line: int = 3) -> Origin:
    """Return a place in a committed file."""
    return Origin("config", "x", Path("invoke.yaml"), line)


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (here("My App_2"), "my-app-2"),
        (here("---"), "app"),
        (here("Bäckerei Ça"), "backerei-ca"),
        (here("a"), "app"),
        (here("x", remote="https://github.com/Acme/Web-Shop"), "acme/web-shop"),
        (here("x", remote="https://gitlab.example/group/sub/web"), "sub/web"),
        (here("x", settings={"ECR_REPOSITORY": ("team/app", in_file())}), "team/app"),
        (here(definition=("compose.yaml",), targets=("app",)), "shop"),
        (here(dockerfiles=("Dockerfile",)), "shop"),
    ],
)
def test_one_image_has_a_repository(point: StartingPoint, expected: str) -> None:
    answers = propose(Answers(), point)
    assert (answers.repository, answers.prefix) == (expected, "")


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (here(**BAKE), "shop/"),
        (here(definition=("compose.yaml",), targets=None), "shop/"),
        (here(**BAKE, remote="https://github.com/acme/shop"), "acme/shop/"),
        (here(**BAKE, settings={"ECR_REPOSITORY_PREFIX": ("team-", in_file())}), "team-"),
    ],
)
def test_several_images_have_a_prefix(point: StartingPoint, expected: str) -> None:
    answers = propose(Answers(), point)
    assert (answers.repository, answers.prefix) == ("", expected)


@given(st.text(max_size=300), st.none() | st.text(max_size=300).map(lambda path: f"https://host/{path}"))
def test_what_is_proposed_is_a_name_in_ecr(folder: str, remote: str | None) -> None:
    name = propose(Answers(), here(folder, remote=remote)).repository
    assert repository(name) == name


def test_a_profile_knows_the_region_and_the_account() -> None:
    profiles = (AwsProfile("team", "eu-central-1", "111122223333"), AwsProfile("other", "us-east-1"))
    answers = propose(Answers(profile="team"), here(profiles=profiles))
    assert (answers.region, answers.account) == ("eu-central-1", "111122223333")
    assert propose(Answers(), here(profiles=profiles[:1])).profile == "team"
    assert propose(Answers(), here(profiles=profiles)).profile == ""
    assert propose(Answers(), here(profiles=(AwsProfile("default", "us-east-1"),))).region == "us-east-1"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("region", "eu-centrl-1", "the nearest is eu-central-1"),
        ("region", "EU", "must be a region such as"),
        ("region", "eu-central-1a", "write eu-central-1"),
        ("account", "123", "must be 12 digits"),
        ("account", "1111-2222-3333", "write 111122223333"),
        ("repository", "Team/App", "team/app"),
        ("prefix", "Team/", "team"),
        ("profile", "gone", "there are: team"),
        ("dockerfile", "gone", "is no Dockerfile here (there are: a/Dockerfile"),
    ],
)
def test_an_answer_that_is_none_has_its_reason(name: Any, text: str, message: str) -> None:
    with pytest.raises(Malformed) as error:
        check_answer(name, text, here(profiles=(AwsProfile("team"),), dockerfiles=("a/Dockerfile", "b/Dockerfile")))
    assert message in " ".join(error.value.messages)


@pytest.mark.parametrize(
    ("flags", "point", "cause"),
    [
        (Answers(region="eu-centrl-1"), here(), "The flag --region eu-centrl-1 is no region"),
        (Answers(repository="a/b", prefix="a/"), here(**BAKE), "keep one"),
        (Answers(repository="a/b"), here(**BAKE), "docker-bake.hcl has 2 images (api, web)"),
        (
            Answers(prefix="a/"),
            here(dockerfiles=("Dockerfile",)),
            "there is no bake or compose file with images here",
        ),
        (Answers(prefix="a/", dockerfile="Dockerfile"), here(**BAKE, dockerfiles=("Dockerfile",)), "keep one"),
        (
            Answers(region="us-east-1"),
            here(settings={"AWS_REGION": ("eu-central-1", in_file())}),
            "invoke.yaml:3 says eu-central-1",
        ),
        (
            Answers(account="111122223333"),
            here(settings={"AWS_ACCOUNT_ID": ("444455556666", Origin("file", "AWS_ACCOUNT_ID", Path(".env"), 1))}),
            ".env:1 says 444455556666",
        ),
        (
            Answers(prefix="a/"),
            here(**BAKE, settings={"ECR_REPOSITORY": ("a", in_file())}),
            "invoke.yaml:3, which says ECR_REPOSITORY=a",
        ),
        (
            Answers(dockerfile="Dockerfile"),
            here(dockerfiles=("Dockerfile",), settings={"ECR_BAKE_FILE": ("compose.yaml", in_file())}),
            "invoke.yaml:3, which says ECR_BAKE_FILE=compose.yaml",
        ),
        (
            Answers(repository="111122223333.dkr.ecr.eu-central-1.amazonaws.com/app", region="us-east-1"),
            here(),
            "is in eu-central-1, and --region is us-east-1",
        ),
    ],
)
def test_flags_that_contradict_what_is_here_are_refused(flags: Answers, point: StartingPoint, cause: str) -> None:
    with pytest.raises(SettingsError) as error:
        check_flags(flags, point)
    assert cause in error.value.cause


def test_all_wrong_flags_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        check_flags(Answers(region="EU", account="1", repository="A"), here())
    assert [f"--{name}" in error.value.cause for name in ("region", "account", "repository")] == [True] * 3


def test_flags_that_say_the_same_as_the_files_are_taken() -> None:
    point = here(**BAKE, settings={"AWS_REGION": ("eu-central-1", in_file())})
    flags = Answers(region="eu-central-1", prefix="team")
    assert check_flags(flags, point) == Answers(region="eu-central-1", prefix="team/")


def test_a_repositorys_address_gives_account_and_region() -> None:
    flags = Answers(repository="111122223333.dkr.ecr.eu-central-1.amazonaws.com/team/app")
    expected = Answers(region="eu-central-1", account="111122223333", repository="team/app")
    assert check_flags(flags, here()) == expected


def test_a_dockerfile_can_be_chosen_where_a_compose_file_is() -> None:
    point = here(**BAKE, dockerfiles=("Dockerfile",))
    answers = propose(check_flags(Answers(dockerfile="Dockerfile", repository="team/app"), point), point)
    assert (answers.dockerfile, answers.repository, answers.prefix) == ("Dockerfile", "team/app", "")


def names(point: StartingPoint, flags: Answers = Answers()) -> list[str]:  # noqa: B008 - it is frozen
    """Return what is asked."""
    return [question.name for question in questions(flags, point)]


def test_only_what_is_not_known_is_asked() -> None:
    known = {"AWS_REGION": ("eu-central-1", in_file()), "AWS_ACCOUNT_ID": ("111122223333", in_file())}
    assert names(here()) == ["region", "account", "repository"]
    assert names(here(**BAKE)) == ["region", "account", "prefix"]
    assert names(here(settings=known)) == ["repository"]
    assert names(here(), Answers(region="eu-central-1", account="111122223333", repository="a/b")) == []
    assert names(here(profiles=(AwsProfile("default"),))) == ["region", "account", "repository"]
    assert names(here(profiles=(AwsProfile("team"), AwsProfile("x"))))[0] == "profile"
    several = here(dockerfiles=("a/Dockerfile", "b/Dockerfile"))
    assert names(several) == ["region", "account", "dockerfile", "repository"]
    assert names(here(dockerfiles=("Dockerfile", "b/Dockerfile"))) == ["region", "account", "repository"]


def test_the_environment_is_a_default_and_no_answer() -> None:
    point = here(settings={"AWS_REGION": ("us-east-1", Origin("environment", "AWS_REGION"))})
    (region, *_) = questions(Answers(), point)
    assert (region.name, region.default) == ("region", "us-east-1")


def test_where_nobody_can_be_asked_the_flags_are_named() -> None:
    error = no_answers(open_questions(Answers(), here(**BAKE)))
    assert error.remedy == "Give --region --prefix; or --yes for the rest, which takes prefix shop/."
    assert open_questions(Answers(region="eu-central-1", prefix="x/"), here(**BAKE)) == ()


@pytest.mark.parametrize(
    ("names", "credentials", "expected"),
    [
        (("team",), False, []),  # it is proposed
        (("dev", "prod"), False, ["profile"]),
        (("default", "dev"), True, []),
    ],
)
def test_a_profile_is_open_where_the_sdk_takes_none(
    names: tuple[str, ...], credentials: bool, expected: list[str]
) -> None:
    point = here(profiles=tuple(map(AwsProfile, names)), credentials=credentials)
    asked = open_questions(Answers(region="eu-central-1", repository="team/app"), point)
    assert [question.name for question in asked] == expected


def test_several_dockerfiles_leave_open_what_to_build() -> None:
    point = here(dockerfiles=("a/Dockerfile", "b/Dockerfile"))
    with pytest.raises(SettingsError, match="There are 2 Dockerfiles: a/Dockerfile, b/Dockerfile"):
        check_answers(Answers(), point)
    check_answers(Answers(dockerfile="a/Dockerfile"), point)
    check_answers(Answers(), here(dockerfiles=("Dockerfile", "Dockerfile.dev")))


@settings(max_examples=50)
@given(st.sampled_from([here(), here(**BAKE), here(dockerfiles=("app/Dockerfile",))]))
def test_answering_with_the_defaults_leaves_no_question_but_what_may_stay_open(point: StartingPoint) -> None:
    answers = propose(Answers(region="eu-central-1", account="111122223333"), point)
    assert questions(answers, point) == ()


def test_an_image_whose_repository_would_have_no_valid_name_is_told_before_anything_is_written() -> None:
    point = here(definition=("compose.yaml",), targets=("api", "WebShop"))
    with pytest.raises(SettingsError, match="The target WebShop would get the repository shop/WebShop"):
        check_answers(propose(Answers(), point), point)
