"""The `repo` tasks; tests/local_ecr has them against a registry."""

from __future__ import annotations

from tests.tasks.conftest import Project


def test_repo_ensure_creates_what_is_missing_once(project: Project) -> None:
    assert project.inv("--dry", "repo.ensure", ECR_REPOSITORY="team/new").code == 0
    assert project.calls.named("create") == []
    assert project.inv("repo.ensure", ECR_REPOSITORY="team/new").code == 0
    assert "team/new" in project.registry.repositories
    project.inv("repo.ensure", ECR_REPOSITORY="team/new")
    assert project.calls.named("create") == []
