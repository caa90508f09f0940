"""A project whose bake file describes several images."""

from __future__ import annotations

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.registry import Repository
from tests.support.build import ACCOUNT, HOST
from tests.tasks.conftest import Project


def several(project: Project, *names: str) -> None:
    """Let a bake file describe images with these names, each with a repository."""
    project.write(".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=team/\n")
    project.write("docker-bake.hcl", "")
    project.commit()
    project.docker.bake_targets = {name: BuildDefinition(".") for name in names}
    for name in (f"team/{name}" for name in names):
        project.registry.repositories[name] = Repository(name, ACCOUNT, f"{HOST}/{name}")
        project.registry.stored[name], project.registry.tags[name] = {}, {}
