"""ECR_REPOSITORY_MAP: TARGET=REPOSITORY for images whose names no prefix gives."""

from __future__ import annotations

import pytest

from ecr_tasks.settings.errors import Malformed, SettingsProblems
from ecr_tasks.settings.parse.repository_map import repository_map
from tests.support.dotenv_project import Project

URI = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"


@pytest.mark.parametrize("text", ["api=legacy/api, web=site", "api = legacy/api\n# the old one\nweb=site\n"])
def test_entries_are_names_by_target(text: str) -> None:
    assert repository_map(text) == {"api": "legacy/api", "web": "site"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("api", "has 'api' where TARGET=REPOSITORY belongs"),
        ("=site", "where TARGET=REPOSITORY belongs"),
        ("api=Legacy/API", "has a repository for api that must be .* write legacy/api"),
        ("api=a1,api=a2", "has two repositories for api"),
        ("api=one,web=one", "gives api and web one repository, one"),
    ],
)
def test_what_is_no_entry_is_named(text: str, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        repository_map(text)


def test_an_address_brings_its_account_and_region(project: Project) -> None:
    settings = project.load({"ECR_REPOSITORY_MAP": f"api={URI}/legacy/api,web={URI}/site"})
    assert settings.repository_map == {"api": "legacy/api", "web": "site"}
    assert (settings.account_id, settings.region) == ("111122223333", "eu-central-1")


def test_addresses_in_two_accounts_contradict_each_other(project: Project) -> None:
    other = URI.replace("1111", "9999")
    with pytest.raises(SettingsProblems, match=r"is in 999922223333, and .* says 111122223333"):
        project.load({"ECR_REPOSITORY_MAP": f"api={URI}/api,web={other}/web"})


def test_all_repositories_are_in_one_public_registry_or_in_none(project: Project) -> None:
    settings = project.load({"ECR_REPOSITORY_MAP": "api=public.ecr.aws/team/api,web=public.ecr.aws/team/site"})
    assert (settings.public_alias, settings.repository_map["web"]) == ("team", "team/site")
    with pytest.raises(SettingsProblems, match=r"has site, and another repository is in public\.ecr\.aws/team"):
        project.load({"ECR_REPOSITORY_PREFIX": "public.ecr.aws/team/", "ECR_REPOSITORY_MAP": "web=site"})


def test_one_repository_and_a_map_of_several_contradict_each_other(project: Project) -> None:
    with pytest.raises(SettingsProblems, match="names one repository and ECR_REPOSITORY_MAP"):
        project.load({"ECR_REPOSITORY": "app", "ECR_REPOSITORY_MAP": "web=site"})


def test_a_mapping_in_invokes_configuration_is_one(project: Project) -> None:
    assert project.load(config={"repository_map": {"api": "legacy/api"}}).repository_map == {"api": "legacy/api"}
