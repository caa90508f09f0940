"""A commit that leaves an image alone gets the image that is there: what tasks make of that, and when it doesn't."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr) -> Project:
    """Return a project whose image has a folder of its own."""
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, "")
    (app.folder / "Dockerfile").unlink()
    (app.folder / ".dockerignore").unlink()
    app.write("svc/Dockerfile", "FROM scratch\nCOPY . /\n")
    app.write("svc/hello.txt", "hello")
    app.write(".gitignore", ".ecr-tasks/\n__pycache__/\nmade\n")
    app.commit()
    app.environ |= {"ECR_CREATE_REPOSITORY": "true", "ECR_CONTEXT": "svc"}
    return app


def clone(app: Project, folder: Path) -> Project:
    """Return a clone, as a job on another machine has it: without receipts, and without what git ignores."""
    subprocess.run(["git", "clone", "--quiet", str(app.folder), str(folder)], check=True)
    return replace(app, folder=folder)


def reason(app: Project) -> str:
    return app.ok("plan").stdout


def test_every_task_takes_the_other_commit_s_image(app: Project, tmp_path: Path) -> None:
    first = app.ok("build", "push").stdout
    app.write("README", "more")
    app.commit()
    assert app.ok("build", "push").stdout == first
    job = clone(app, tmp_path / "job")
    job.ok("verify")
    assert first.strip() in job.ok("export", "env").stdout
    assert first == job.ok("build", "push", ECR_SKIP="content").stdout
    again = job.ok("build", "push", "--republish")
    assert again.stdout != first
    assert job.receipt["images"][0]["published"][0]["tags"][0].endswith("-r2")


def test_a_build_in_any_case_is_published_beside_the_other_commit_s_image(app: Project) -> None:
    app.ok("build", "push")
    app.write("README", "more")
    app.commit()
    app.ok("build", "push")
    app.ok("build", "push", ECR_SKIP="never")
    assert app.receipt["images"][0]["published"][0]["tags"][0].endswith("-r2")


def test_an_image_with_files_that_git_ignores_stays_its_commit_s(app: Project, tmp_path: Path) -> None:
    app.write("svc/made", "on this machine only")
    first = app.ok("build", "push").stdout
    assert app.ok("build", "push").stdout == first
    app.write("README", "more")
    app.commit()
    job = clone(app, tmp_path / "job")
    assert "was built with files that git ignores" in reason(job)
    assert job.ok("build", "push").stdout != first


def test_a_build_and_its_push_are_one_though_a_file_that_git_ignores_comes_between(app: Project) -> None:
    app.ok("build")
    app.write("svc/made", "by a test")
    assert "built before, " in app.ok("push").stderr


def test_how_git_writes_the_files_is_a_reason_to_build(app: Project, tmp_path: Path) -> None:
    first = app.ok("build", "push").stdout
    app.write(".gitattributes", "*.txt text eol=crlf\n")
    app.commit()
    job = clone(app, tmp_path / "job")
    assert ".gitattributes changed since" in reason(job)
    assert job.ok("build", "push").stdout != first


def test_a_late_pipeline_does_not_put_the_branch_back_before_a_revert(app: Project, tmp_path: Path) -> None:
    app.ok("build", "push")
    app.write("svc/hello.txt", "bad")
    bad = app.commit()
    app.git("revert", "--no-edit", "HEAD")
    late = clone(app, tmp_path / "late")
    late.git("checkout", "--quiet", "-B", "main", bad)
    reverted = app.ok("build", "push").stdout.strip().partition("@")[2]
    said = late.ok("build", "push").stderr
    assert f"main stays with {reverted[:19]}" in said, said
