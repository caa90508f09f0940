"""The fixture that pytest finds by itself where ecr-tasks is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr

PAGE = Path(__file__).parents[2] / "docs" / "local-ecr.md"


def sample() -> str:
    """The Python code of the documentation that uses the fixture."""
    blocks = [block.partition("```")[0] for block in PAGE.read_text("utf-8").split("```python\n")[1:]]
    (block,) = [block for block in blocks if "local_ecr" in block]
    return block


def run_pytest(folder: Path, code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on one test file in a project of its own, with nothing in the environment but ``environ``."""
    (folder / "test_mine.py").write_text(code, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "test_mine.py"]
    environ = {"HOME": str(folder), "PATH": os.defpath, **environ}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


def test_the_documented_sample_works_as_printed(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, sample())
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 passed" in run.stdout


def test_the_sample_works_whatever_the_users_own_settings_are(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    config = "[default]\nignore_configured_endpoint_urls = true\nuse_fips_endpoint = true\nregion = eu-north-1\n"
    (tmp_path / ".aws" / "config").write_text(config, "utf-8")
    nowhere = "http://127.0.0.1:1"
    run = run_pytest(
        tmp_path,
        sample(),
        AWS_PROFILE="missing",
        AWS_SESSION_TOKEN="token",
        AWS_ENDPOINT_URL=nowhere,
        AWS_ENDPOINT_URL_ECR=nowhere,
        AWS_REGION="eu-north-1",
        AWS_USE_FIPS_ENDPOINT="true",
        HTTP_PROXY=nowhere,
        http_proxy=nowhere,
        no_proxy="other.example",
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_nothing_of_it_is_left_for_the_next_test(tmp_path: Path) -> None:
    code = f"""import os

{sample()}
    assert client.meta.endpoint_url == local_ecr.endpoint


def test_without_it():
    assert not [name for name in os.environ if name.startswith("AWS_")]
    assert boto3.DEFAULT_SESSION is None


def test_with_it_again(local_ecr):
    assert boto3.client("ecr").describe_repositories()["repositories"] == []
"""
    run = run_pytest(tmp_path, code)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 passed" in run.stdout


def test_a_run_without_the_fixture_loads_nothing_of_the_server(tmp_path: Path) -> None:
    code = (
        "import sys\n\n\ndef test_it():\n"
        "    loaded = {name for name in sys.modules if name.startswith('ecr_tasks')}\n"
        "    assert loaded == {'ecr_tasks', 'ecr_tasks.local_ecr', 'ecr_tasks.local_ecr.pytest_plugin'}\n"
    )
    run = run_pytest(tmp_path, code)
    assert run.returncode == 0, run.stdout + run.stderr


def test_boto3_finds_it_by_the_environment(local_ecr: LocalEcr) -> None:
    assert boto3.client("sts").get_caller_identity()["Account"] == "000000000000"
    repository = boto3.client("ecr").create_repository(repositoryName="app")["repository"]
    assert repository["repositoryUri"] == f"{local_ecr.registry}/app"
    assert local_ecr.requests() == {"CreateRepository": 1, "GetCallerIdentity": 1}


def test_a_program_finds_it_by_the_variables_alone(local_ecr: LocalEcr, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = local_ecr.environment()
    for name in variables:
        monkeypatch.delenv(name)
    code = "import boto3; print(boto3.client('ecr').describe_repositories()['repositories'])"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_each_test_has_its_own(local_ecr: LocalEcr) -> None:
    assert local_ecr.requests() == {}
    assert local_ecr.registry.startswith("127.0.0.1:")
