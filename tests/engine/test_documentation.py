"""Every shell block of the README and of docs/ that can run here, as a reader would type it.

AWS is a local ECR of the account and region that the documentation speaks of; the local ECR of `inv local …` is
another one. What can't run here has a comment with the reason (tests/support/shell_blocks.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecr_tasks.local_ecr import background
from tests.engine.project import Project
from tests.engine.test_examples import example
from tests.support.inv import inv_program
from tests.support.scripts import CHECKOUT, USER_ENVIRONMENT
from tests.support.shell_blocks import Block, blocks, overview, pages

ACCOUNT, REGION = "111122223333", "eu-central-1"
COMMIT = "sha-1f2e3d4"
"""The tag that stands for the project's own commit in the documentation."""

PAGES = [path for path in pages() if any(block.not_run is None for block in blocks(path))]


@pytest.fixture(scope="module")
def aws(engine: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return the environment of somebody whose AWS is a local ECR, and who has a repository team/app there."""
    data = tmp_path_factory.mktemp("aws")
    home = Path(USER_ENVIRONMENT.get("HOME", "/"))
    cache = Path(USER_ENVIRONMENT.get("XDG_CACHE_HOME") or home / ".cache") / "ecr-tasks"
    root = data / "aws"
    status = background.up(root, account=ACCOUNT, region=REGION)
    environ = engine | {
        "AWS_ENDPOINT_URL_ECR": status.endpoint,
        "AWS_ENDPOINT_URL_ECR_PUBLIC": status.endpoint,
        "AWS_ENDPOINT_URL_STS": status.endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "XDG_DATA_HOME": str(data),
        "ECR_CREATE_REPOSITORY": "true",
        # What is installed was fetched before, for the tests themselves, and nobody waits for its bytecode.
        "UV_CACHE_DIR": str(cache / "uv"),
        "PIP_CACHE_DIR": str(cache / "pip"),
        "PIP_NO_COMPILE": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{engine['PATH']}",
    }
    inv = data / "bin" / "inv"
    inv.parent.mkdir()
    inv.symlink_to(inv_program())
    environ["PATH"] = f"{inv.parent}{os.pathsep}{environ['PATH']}"
    yield environ
    background.down(root)
    background.down(data / "ecr-tasks/local")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(CHECKOUT).as_posix())
def test_the_blocks_of_a_page_run(path: Path, aws: dict[str, str], debian_base: str, tmp_path: Path) -> None:
    projects: dict[str, Project] = {}
    failed = []
    for block in blocks(path):
        if block.not_run is not None:
            continue
        if block.example not in projects:
            projects[block.example] = prepare(block.example, tmp_path / "team" / block.example, aws, debian_base)
        problem = run(block, projects[block.example])
        if problem:
            failed.append(problem)
    assert not failed, "\n\n".join(failed)


def prepare(name: str, folder: Path, aws: dict[str, str], base: str) -> Project:
    """Return the folder where a page's blocks run."""
    if name == "clone":
        return Project(CHECKOUT, aws, name="")
    if name != "newcomer":
        return example(name, folder, aws, base)
    # Somebody with a Dockerfile and nothing else, who commits under a name of their own.
    project = example("service", folder, aws, base)
    del project.environ["ECR_CREATE_REPOSITORY"]
    for file in ("invoke.yaml", "tasks.py", ".gitignore", ".dockerignore"):
        (folder / file).unlink()
    project.git("config", "user.name", "Ada")
    project.git("config", "user.email", "ada@example.com")
    project.commit("a project")
    return project


def run(block: Block, project: Project) -> str:
    """Run a block in the project; return what is wrong with it, or nothing."""
    commands = block.commands.replace(COMMIT, f"sha-{project.git('rev-parse', '--short=7', 'HEAD')}")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=project.folder,
        env=project.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == block.exit_code:
        return ""
    return f"{block} ended with {done.returncode} in place of {block.exit_code}:\n{commands}\n{done.stderr[-1500:]}"


def test_what_is_run_can_be_listed() -> None:
    """Whoever reads the test's output sees what is not run, and why."""
    print(overview())  # noqa: T201
    assert sum(block.not_run is None for block in blocks(CHECKOUT / "README.md")) >= 3
