"""This project's own workflows, beside what script/check finds in them: GitHub's schema and zizmor."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.project.test_lock import CHECKOUT

WORKFLOWS = sorted((CHECKOUT / ".github/workflows").glob("*.yml"))


def test_our_own_pipeline_is_up_to_date_with_the_template_of_ci_init() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ecr_tasks", "ci.init", "github", "--check"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_ci_runs_what_people_run_with_the_lock_and_with_the_newest() -> None:
    (job,) = yaml.safe_load((CHECKOUT / ".github/workflows/ecr.yml").read_text("utf-8"))["jobs"].values()
    assert job["steps"][-1]["run"].startswith(".ci/run ")
    assert {row["option"] for row in job["strategy"]["matrix"]["include"]} == {"", "--newest"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit(path: Path) -> None:
    uses = re.findall(r"uses: (\S+)", path.read_text("utf-8"))
    assert uses
    assert [action for action in uses if not re.search(r"@[0-9a-f]{40}$", action)] == []


def test_only_the_upload_may_ask_for_a_token() -> None:
    jobs = yaml.safe_load((CHECKOUT / ".github/workflows/release.yml").read_text("utf-8"))["jobs"]
    assert jobs["publish"]["environment"]["name"] == "pypi"
    assert [name for name, job in jobs.items() if "id-token" in job["permissions"]] == ["publish"]
    assert all("run" not in step for step in jobs["publish"]["steps"]), "nothing of ours runs beside the token"


@pytest.mark.parametrize("name", ["style", "types", "imports", "shell", "workflows", "docs"])
def test_a_commit_hook_runs_each_check(name: str) -> None:
    (repository,) = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    hooks = {hook["id"]: hook["entry"] for hook in repository["hooks"]}
    assert hooks[name] == f"script/check {name}"
