"""The pages of ``docs/ci``: one a system, complete and in agreement with what ecr-tasks writes and asks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.ci.systems import SYSTEMS, System

DOCS = Path(__file__).parents[3] / "docs" / "ci"
PAGES = pytest.mark.parametrize("system", SYSTEMS.values(), ids=lambda system: system.name)
# What pushing asks ECR for (Amazon ECR User Guide, "IAM permissions for pushing an image"), what ecr-tasks asks
# before (ecr_tasks/clients/ecr/registry.py), and what reading a cache or a base image in the repository needs.
PUSH = {
    *("BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload", "DescribeRepositories", "ListImages"),
    *("DescribeImages", "GetDownloadUrlForLayer", "InitiateLayerUpload", "PutImage", "UploadLayerPart"),
}


def page(system: System) -> str:
    """Return a system's page."""
    return (DOCS / f"{system.name}.md").read_text(encoding="utf-8")


def documents(text: str) -> list[Any]:
    """Return every JSON block."""
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]


@PAGES
def test_the_policy_is_the_least_that_pushing_takes(system: System) -> None:
    login, push = documents(page(system))[0]["Statement"]
    assert (login["Action"], login["Resource"]) == ("ecr:GetAuthorizationToken", "*")
    assert set(push["Action"]) == {f"ecr:{action}" for action in PUSH}
    assert push["Resource"].startswith("arn:aws:ecr:")


@PAGES
def test_it_says_how_to_make_the_pipeline_and_where_that_is(system: System) -> None:
    text = page(system)
    assert f"inv ci.init {system.name}\n" in text
    assert f"`{system.path}`" in text
    assert "--check" in text


@PAGES
def test_it_has_a_way_for_each_kind_of_credentials(system: System) -> None:
    text = page(system)
    assert ("sts:AssumeRoleWithWebIdentity" in text or "inv iam.trust" in text) == ("oidc" in system.credentials)
    if "keys" in system.credentials:
        assert "create-access-key" in text
        for option in {"oidc", "keys"} & set(system.credentials[1:]):
            assert f"inv ci.init {system.name} --{option}" in text


@PAGES
def test_every_link_leads_somewhere(system: System) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page(system) + (DOCS / "README.md").read_text(encoding="utf-8")):
        assert (DOCS / target).exists(), target


def test_the_index_has_every_system() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for system in SYSTEMS.values():
        assert f"[{system.title}]({system.name}.md) | `inv ci.init {system.name}` | `{system.path}`" in index
