"""The pages of ``docs/ci``: one a system, complete and in agreement with what ecr-tasks writes and asks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ecr_tasks.ci.systems import SYSTEMS, System

DOCS = Path(__file__).parents[3] / "docs" / "ci"
PAGES = pytest.mark.parametrize("system", SYSTEMS.values(), ids=lambda system: system.name)


def page(system: System) -> str:
    """Return a system's page."""
    return (DOCS / f"{system.name}.md").read_text(encoding="utf-8")


@PAGES
def test_policies_come_from_iam_policy_and_none_is_copied(system: System) -> None:
    text = page(system)
    assert "inv iam.policy --for ci >ecr-push.json\n" in text
    assert "file://ecr-push.json" in text
    assert '"ecr:' not in text


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
