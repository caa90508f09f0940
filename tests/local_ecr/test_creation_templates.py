"""Repository creation templates, and the time that every answer has."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.local_ecr.conftest import refused

LOCKED = {
    "prefix": "team",
    "appliedFor": ["CREATE_ON_PUSH"],
    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "latest"}],
}


def test_a_template_is_created_described_and_deleted(api: Any) -> None:
    assert api.describe_repository_creation_templates()["repositoryCreationTemplates"] == []
    created = api.create_repository_creation_template(**LOCKED)["repositoryCreationTemplate"]
    assert created.items() >= LOCKED.items()
    api.create_repository_creation_template(prefix="ROOT", appliedFor=["REPLICATION"])
    found = api.describe_repository_creation_templates()["repositoryCreationTemplates"]
    assert [item["prefix"] for item in found] == ["ROOT", "team"]
    found = api.describe_repository_creation_templates(prefixes=["team"])["repositoryCreationTemplates"]
    assert [item["prefix"] for item in found] == ["team"]
    api.delete_repository_creation_template(prefix="team")
    found = api.describe_repository_creation_templates()["repositoryCreationTemplates"]
    assert [item["prefix"] for item in found] == ["ROOT"]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"prefix": "Team"}, "InvalidParameterException"),
        ({"appliedFor": ["NOTHING"]}, "InvalidParameterException"),
        ({"imageTagMutability": "MUTABLE"}, "InvalidParameterException"),
    ],
)
def test_a_template_that_ecr_refuses_is_refused(api: Any, changes: dict[str, Any], name: str) -> None:
    assert refused(api.create_repository_creation_template, **{**LOCKED, **changes})[0] == name


def test_a_template_exists_once(api: Any) -> None:
    assert refused(api.delete_repository_creation_template, prefix="team")[0] == "TemplateNotFoundException"
    api.create_repository_creation_template(**LOCKED)
    assert refused(api.create_repository_creation_template, **LOCKED)[0] == "TemplateAlreadyExistsException"


def test_every_answer_has_the_time(api: Any) -> None:
    headers = api.describe_repositories()["ResponseMetadata"]["HTTPHeaders"]
    assert abs(parsedate_to_datetime(headers["date"]).timestamp() - time.time()) < 60
