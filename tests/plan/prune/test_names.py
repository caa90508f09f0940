"""Tests of plan/prune/names: which tags are of a release, and whose branch is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.plan.prune.names import gone_names, release_names
from ecr_tasks.settings.load import load
from ecr_tasks.source.git.remote_names import RemoteNames
from ecr_tasks.source.source_state import SourceState

ENVIRON = {"AWS_REGION": "eu-west-1", "ECR_REPOSITORY": "team/app"}


@pytest.mark.parametrize(
    ("tag", "is_release"),
    [
        ("1.2.3", True),
        ("v1.2.3-rc.1", True),
        ("1.2", True),
        ("1.2.3-r2", True),
        ("app-1.2.3", True),
        ("2026.11", True),
        ("autumn", True),  # a git tag
        ("autumn-r2", True),
        ("winter-r2", False),
        ("sha-1a2b3c4-r2", False),
        ("sha-1a2b3c4", False),
        ("sha-1234567", False),
        ("pr-7", False),
        ("main", False),
        ("latest", False),
        ("2026", False),
        ("inputs-" + "0" * 40, False),
    ],
)
def test_releases_by_the_default_rules(tmp_path: Path, tag: str, is_release: bool) -> None:
    source = SourceState(repository_tags=("autumn", "v1.2.3"))
    assert release_names(load(tmp_path, environ=ENVIRON), source, {})(tag) is is_release


def test_releases_by_the_projects_rules(tmp_path: Path) -> None:
    rules = "type=match,pattern=build-(.*),group=1,prefix=b-;type=raw,value=gold,kind=fixed;type=sha"
    settings = load(tmp_path, environ={**ENVIRON, "ECR_TAGS": rules})
    found = release_names(settings, SourceState(repository_tags=("build-17",)), {})
    assert [found(tag) for tag in ("b-17", "gold", "sha-1a2b3c4", "b")] == [True, True, False, False]


@pytest.mark.parametrize(
    ("pattern", "tag", "is_gone"),
    [
        ("pr-*", "pr-7", False),
        ("pr-*", "pr-8", True),
        ("pr-*", "pr-99", None),
        ("pr-*", "pr-feature-a", False),
        ("pr-*", "pr-feature-b", True),
        ("pr-*-*", "pr-7-1a2b3c4", False),
        ("pr-*-*", "pr-8-1a2b3c4", True),
        ("br-*-x", "br-feature-a-x", False),
        ("br-*-x", "br-own-x", False),
        ("br-*", "br-" + "b" * 125, None),
    ],
)
def test_branches_and_requests_that_are_gone(pattern: str, tag: str, is_gone: bool | None) -> None:
    remote = RemoteNames({"main": "a", "feature/a": "b"}, {7: "b", 8: "c"}, tells_open=True)
    assert gone_names(remote, SourceState(branch="own"))(pattern, tag) is is_gone
    assert gone_names(None, SourceState())(pattern, tag) is None


def test_the_runs_own_request_is_open() -> None:
    remote = RemoteNames({"main": "a"}, {8: "c"}, tells_open=True)
    assert gone_names(remote, SourceState(pull_request="8"))("pr-*", "pr-8") is False
