"""Settings as a whole: defaults, contradictions, what a build gets, and how fast they load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.dotenv_project import Project

ROOT = Path(__file__).parents[2]


def test_defaults(project: Project) -> None:
    settings = project.load()
    assert settings.context == str(project.path)
    assert (settings.dockerfile, settings.cache, settings.preset, settings.dirty) == (
        "Dockerfile",
        (),
        "default",
        "tag",
    )
    assert (settings.region, settings.account_id, settings.repository, settings.platforms) == (
        None,
        None,
        None,
        (),
    )
    assert (settings.create_repository, settings.debug) == (False, False)
    assert str(settings.origin("ECR_CACHE")) == "default"


def test_a_repository_and_a_prefix_contradict_each_other(project: Project) -> None:
    project.write("ECR_REPOSITORY=app\nECR_REPOSITORY_PREFIX=team")
    problem = project.problem()
    assert problem.startswith(".env:1: ECR_REPOSITORY names one repository")
    assert ".env:2" in problem


def test_lambda_takes_one_platform(project: Project) -> None:
    project.write("ECR_PRESET=lambda\nECR_PLATFORMS=linux/arm64")
    assert project.load().preset == "lambda"
    assert "can't be lambda with 2 platforms" in project.problem({"ECR_PLATFORMS": "linux/arm64,linux/amd64"})


def test_a_bake_file_is_found_beside_tasks_py(project: Project) -> None:
    project.write("", "images/bake.hcl")
    assert project.load({"ECR_BAKE_FILE": "images/bake.hcl"}).bake_file == (project.path / "images/bake.hcl",)
    project.write("", "base.yaml")
    both = project.load({"ECR_BAKE_FILE": "images/bake.hcl, base.yaml"}).bake_file
    assert [path.name for path in both] == ["bake.hcl", "base.yaml"]
    assert "gone.hcl" in project.problem({"ECR_BAKE_FILE": "images/bake.hcl,gone.hcl"})


def test_what_the_environment_sets_hides_a_files_variable(project: Project) -> None:
    project.write("A=file\nB=file\nC=file\nEMPTY=\n")
    project.write("C=prod\nB=\n", ".env.prod")
    environ = {"A": "environment", "B": ""}
    assert project.load(environ, env="prod").missing_variables(environ) == {"B": "file", "C": "prod"}


def test_importing_and_loading_without_a_file_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ecr_tasks.settings.load import load; "
        "load(Path(sys.argv[1]), environ={}); "
        "heavy = {'dotenv', 'boto3', 'botocore', 'invoke', 'python_on_whales', 'difflib'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert process.stdout.strip() == "[]"
