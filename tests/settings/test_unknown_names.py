"""Names that are no settings: misspelt ones are errors, those of other people are left alone."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ecr_tasks.settings.schema import TABLE
from ecr_tasks.settings.unknown_names import edits, misspelt_setting
from tests.support.dotenv_project import Project

letters = st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ_")


@pytest.mark.parametrize(
    ("unknown", "meant"),
    [
        ("ECR_REPOSITRY", "ECR_REPOSITORY"),
        ("ECR_REPSOITORY", "ECR_REPOSITORY"),
        ("ECR_PLATFORM", "ECR_PLATFORMS"),
        ("ECR_SECRET", "ECR_SECRETS"),
        ("ECR_TAGSS", "ECR_TAGS"),
        ("ECR_BUILDARGS", "ECR_BUILD_ARGS"),
        ("AWS_REGOIN", "AWS_REGION"),
        ("AWS_ACOUNT_ID", "AWS_ACCOUNT_ID"),
        ("AWS_SECRET_ACESS_KEY", "AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_a_misspelt_name_is_an_error_with_the_right_one_wherever_it_stands(
    project: Project, unknown: str, meant: str
) -> None:
    assert project.problem({unknown: "x"}) == (
        f"Environment variable {unknown} is not a setting: did you mean {meant}?"
    )
    project.write(f"\n{unknown}=")
    assert project.problem() == f".env:2: {unknown} is not a setting: did you mean {meant}?"


@pytest.mark.parametrize(
    ("unknown", "meant"),
    [
        ("ecr_repository", "ECR_REPOSITORY"),
        ("ECR-REPOSITORY", "ECR_REPOSITORY"),
        ("ERC_TAGS", "ECR_TAGS"),
    ],
)
def test_a_file_may_have_it_in_another_case_or_with_another_prefix(
    project: Project, unknown: str, meant: str
) -> None:
    project.write(f"{unknown}=x")
    assert project.problem() == f".env:1: {unknown} is not a setting: did you mean {meant}?"


def test_programs_that_ignore_case_have_the_sdks_names_in_lower_case(project: Project) -> None:
    project.write("aws_region=eu-west-1\naws_access_key_id=test\naws_bucket=b\n")
    loaded = project.load({"aws_profile": "dev"})
    assert loaded.region is None
    assert loaded.warnings == (
        "Not a setting of ecr-tasks, and left alone: aws_region (.env:1: did you mean AWS_REGION?), "
        "aws_access_key_id (.env:2: did you mean AWS_ACCESS_KEY_ID?).",
    )


@pytest.mark.parametrize(
    "name",
    [
        *("ECR_REGISTRY", "ECR_URI", "ECR_REPO", "ECR_REPOSITORY_URI", "ECR_REPOSITORY_NAME", "ECR_IMAGE"),
        *("ECR_TAG", "ECR_REGION", "ECR_ACCOUNT_ID", "ECR_ENDPOINT", "ECR_DIR", "ECR_ENV", "ECR_CREDENTIALS"),
        *("ECR_REPOSITORY_2", "ECR_REPOSITORY2", "ECR_TAGS_A", "ECR_SSM", "ECR_PAGES", "ECR_STAGE", "ECR_BUILD"),
    ],
)
def test_a_name_of_other_people_is_left_alone_and_said_once(project: Project, name: str) -> None:
    for environ in ({name: "x"}, {}):
        (warning,) = project.load(environ).warnings
        assert warning.startswith(f"Not a setting of ecr-tasks, and left alone: {name} (")
        project.write(f"{name}=x")
    assert project.load({name: ""}).file_variables == {name: "x"}


@pytest.mark.parametrize(
    "name",
    [
        *("AWS_SOMETHING_ELSE", "AWS_REGIONS", "AWS_ACCOUNT_ID_2", "AWS_ACCESS_KEY_ID2", "AWS_ENDPOINT_URL_ECS"),
        *(
            "AWS_SECURITY_TOKEN",
            "AWS_DEFAULT_PROFILE",
            "AWS_EC2_METADATA_DISABLED",
            "AWS_ECR_REGISTRY",
            "TAGS",
            "ECRX",
        ),
    ],
)
def test_the_sdks_and_all_other_names_are_not_even_mentioned(project: Project, name: str) -> None:
    project.write(f"{name}=x")
    assert project.load({name: "x"}).warnings == ()


def test_a_file_may_mean_ours_by_an_aws_name_and_the_environment_has_it_for_others(project: Project) -> None:
    assert project.load({"AWS_ACCOUNTID": "1", "AWS_SECRET_KEY": "x"}).warnings == ()
    project.write("AWS_ACCOUNTID=123456789012")
    assert project.load().warnings == (
        "Not a setting of ecr-tasks, and left alone: AWS_ACCOUNTID (.env:1: did you mean AWS_ACCOUNT_ID?).",
    )


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *(("ECR_REGION", "AWS_REGION"), ("ECR_PROFILE", "AWS_PROFILE"), ("ECR_ACCOUNT", "AWS_ACCOUNT_ID")),
        *(("AWS_REPOSITORY", "ECR_REPOSITORY"), ("AWS_DESTINATIONS", "ECR_DESTINATIONS")),
        *(("ECR_SESSION_TOKEN", "AWS_SESSION_TOKEN"), ("ECR_CA_BUNDLE", "AWS_CA_BUNDLE")),
    ],
)
def test_a_name_with_the_other_prefix_may_mean_ours_also_where_a_lower_place_sets_it(
    project: Project, name: str, meant: str
) -> None:
    project.write(f"{name}=x")
    config = {"region": "eu-west-1", "repository": "team/app", "account_id": "111122223333"}
    loaded = project.load(config=config)
    assert loaded.warnings == (
        f"Not a setting of ecr-tasks, and left alone: {name} (.env:1: did you mean {meant}?).",
    )
    assert name not in loaded.values or name.startswith("AWS_")


def test_one_warning_names_them_all_with_what_may_be_meant(project: Project) -> None:
    project.write("ECR_REPO=team/app\nECR_REGISTRY=r.example\nECR_FOO=\n")
    environ = {"ECR_URI": "x", "ECR_TAG": "latest", "AWS_ACCOUNT_ID": "123456789012"}
    assert project.load(environ, config={"repo": "team/app", "foo": 1}).warnings == (
        "Not a setting of ecr-tasks, and left alone: ecr.repo (Invoke configuration ecr.repo: did you mean "
        "ecr.repository?), ecr.foo (Invoke configuration ecr.foo), ECR_REPO (.env:1: did you mean ECR_REPOSITORY?), "
        "ECR_REGISTRY (.env:2), ECR_FOO (.env:3), ECR_URI (environment: did you mean ECR_REPOSITORY?), "
        "ECR_TAG (environment: did you mean ECR_TAGS?).",
    )


@pytest.mark.parametrize(("key", "meant"), [("repositry", "repository"), ("ecr_region", "region"), ("Tagss", "tags")])
def test_a_misspelt_key_of_the_configuration(project: Project, key: str, meant: str) -> None:
    assert project.problem(config={key: "a"}) == (
        f"Invoke configuration ecr.{key} is not a setting: did you mean ecr.{meant}?"
    )


@given(st.text(letters, max_size=6), st.text(letters, max_size=6), st.text(letters, max_size=6))
def test_edits_are_a_distance(one: str, other: str, third: str) -> None:
    assert edits(one, one) == 0
    assert edits(one, other) == edits(other, one)
    assert abs(len(one) - len(other)) <= edits(one, other) <= max(len(one), len(other))
    assert edits(one + third, other + third) <= edits(one, other)


def test_a_swap_is_one_edit() -> None:
    assert edits("REGOIN", "REGION") == 1
    assert edits("CA", "ABC") == 3


@given(st.sampled_from(sorted(TABLE)), st.data())
def test_one_slip_in_a_settings_name_is_found_unless_it_was_on_purpose(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(4, len(name) - 2))
    slip = data.draw(
        st.sampled_from([name[:at] + name[at + 1 :], name[:at] + name[at + 1] + name[at] + name[at + 2 :]])
    )
    assume(
        slip not in TABLE
        and slip not in ("ECR_TAG", "AWS_ACCOUNTID")
        and not slip.startswith("AWS_ENDPOINT_URL_")
        and name != "ECR_SSH"
    )
    assert edits(slip, misspelt_setting(slip)) == 1
