"""Tests of `repo.ensure` on a command line; tests/local_ecr has tests with a local ECR."""

from __future__ import annotations

from tests.tasks.conftest import Project


def test_repo_ensure_creates_a_missing_repository_once(project: Project) -> None:
    assert project.inv("--dry", "repo.ensure", ECR_REPOSITORY="team/new").code == 0
    assert project.calls.named("create") == []
    assert project.inv("repo.ensure", ECR_REPOSITORY="team/new").code == 0
    assert "team/new" in project.registry.repositories
    project.inv("repo.ensure", ECR_REPOSITORY="team/new")
    assert project.calls.named("create") == []
