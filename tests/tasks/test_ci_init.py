"""Tests of `ci.init` on a command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from invoke.collection import Collection
from invoke.program import Program

from ecr_tasks.tasks import ci_init


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a project with settings and no pipeline."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tasks.py").write_text("from ecr_tasks import ns\n", encoding="utf-8")
    (tmp_path / ".env").write_text(
        "AWS_REGION=eu-west-1\nECR_REPOSITORY=team/web\nECR_ROLE_ARN=arn:aws:iam::123456789012:role/web\n"
        "AWS_SECRET_ACCESS_KEY=tell-nobody\nAWS_ACCESS_KEY_ID=AKIATELLNOBODY123456\n",
        encoding="utf-8",
    )
    return tmp_path


def inv(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run a command line and return its exit code."""
    namespace = Collection(Collection("ci", ci_init.init))
    monkeypatch.setattr(sys, "argv", ["inv", *words])
    try:
        Program(name="inv", binary="inv", namespace=namespace).run(["inv", *words])
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 0
    return 0


def test_the_pipeline_has_the_settings_and_no_secret(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert inv(monkeypatch, "ci.init", "github") == 0
    text = (project / ".github" / "workflows" / "ecr.yml").read_text(encoding="utf-8")
    assert 'AWS_REGION: "eu-west-1"\n' in text
    assert 'ECR_REPOSITORY: "team/web"\n' in text
    assert 'ECR_ROLE_ARN: "arn:aws:iam::123456789012:role/web"\n' in text
    assert "tell-nobody" not in text
    assert "AKIA" not in text


def test_the_written_files_are_listed_on_stderr_only(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert inv(monkeypatch, "ci.init", "jenkins") == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert "Jenkinsfile: written" in output.err
    assert "docs/ci/jenkins.md" in output.err


def test_check_prints_the_difference_on_stdout_and_exits_with_6(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert inv(monkeypatch, "ci.init", "drone", "--check") == 6
    assert inv(monkeypatch, "ci.init", "drone") == 0
    assert inv(monkeypatch, "ci.init", "drone", "--check") == 0
    path = project / ".drone.yml"
    text = path.read_text(encoding="utf-8")
    template = text.partition("template ")[2][:12]
    path.write_text(text.replace(template, "0" * 12).replace("docker:29.8.1-cli", "docker:27-cli"), encoding="utf-8")
    capsys.readouterr()
    assert inv(monkeypatch, "ci.init", "drone", "--check") == 6
    output = capsys.readouterr()
    assert "-    image: docker:27-cli" in output.out
    assert "+    image: docker:29.8.1-cli@sha256:" in output.out
    assert "has changed" in output.err
    assert path.read_text(encoding="utf-8") != text


def test_what_is_in_the_pipelines_place_and_is_none_is_named_in_words(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / "Jenkinsfile"

    def check(reason: str) -> None:
        assert inv(monkeypatch, "ci.init", "jenkins", "--check") == 2
        assert f"ecr-tasks: Jenkinsfile can't be read: {reason}.\n" in capsys.readouterr().err

    path.symlink_to("nothing")
    check("it is a link to nothing")
    assert inv(monkeypatch, "ci.init", "jenkins") == 6
    assert "Jenkinsfile is there already" in capsys.readouterr().err
    path.unlink()
    path.write_bytes(b"\xff")
    check("it is no UTF-8 text")
    path.unlink()
    path.mkdir()
    check("it is a folder and not a file")


def test_check_keeps_to_the_flags_of_its_command(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert inv(monkeypatch, "ci.init", "github", "--nightly", "--keys", "--check") == 6
    assert "`inv ci.init github --keys --nightly` writes it." in capsys.readouterr().err
    assert inv(monkeypatch, "ci.init", "github", "--keys") == 0
    assert inv(monkeypatch, "ci.init", "github", "--keys", "--check") == 0
    capsys.readouterr()
    for flag in ("--nightly", "--native-platforms", "--oidc"):
        assert inv(monkeypatch, "ci.init", "github", flag, "--check") == 6
        output = capsys.readouterr()
        assert f"was made with keys; `inv ci.init github {flag}` writes another one" in output.err
        assert output.out == ""


def test_options_change_the_pipeline(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert inv(monkeypatch, "ci.init", "gitlab", "--keys", "--install", "pip install ./tools") == 0
    text = (project / ".gitlab-ci.yml").read_text(encoding="utf-8")
    assert "id_tokens" not in text
    assert "pip install ./tools\n" in text
    assert inv(monkeypatch, "ci.init", "drone", "--oidc") == 2
    assert inv(monkeypatch, "ci.init", "nothing") == 2
    assert inv(monkeypatch, "--dry", "ci.init", "travis") == 0
    assert not (project / ".travis.yml").exists()


def test_a_branch_that_a_system_cant_name_is_refused_before_anything_is_written(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_DEFAULT_BRANCH", "re{lea}se")
    assert inv(monkeypatch, "ci.init", "bitbucket") == 2
    error = capsys.readouterr().err
    assert "Bitbucket Pipelines has no way to name the default branch 're{lea}se': it takes { for its own." in error
    assert {path.name for path in project.iterdir()} == {".env", "tasks.py"}
    assert inv(monkeypatch, "ci.init", "woodpecker") == 0
    assert r'branch: "re\\{lea\\}se"' in (project / ".woodpecker.yml").read_text(encoding="utf-8")


def test_missing_settings_have_to_be_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert inv(monkeypatch, "ci.init", "github") == 0
    stderr = capsys.readouterr().err
    assert stderr.count("has to be filled in") == 3
    assert "`ecr-tasks init` writes it" in stderr


def test_settings_that_ci_would_not_have_are_named_with_the_lines_to_commit(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "--quiet", "."], cwd=project, check=True)
    with (project / ".env").open("a", encoding="utf-8") as file:
        file.write("ECR_PLATFORMS=linux/amd64\nECR_SECRETS=id=npm,env=NPM_TOKEN\nNPM_TOKEN=tell-nobody\n")
    monkeypatch.setenv("ECR_PRESET", "lambda")
    assert inv(monkeypatch, "ci.init", "github") == 0
    stderr = capsys.readouterr().err
    assert "GitHub Actions will not have ECR_PLATFORMS (.env:6)." in stderr
    assert "GitHub Actions will not have ECR_PRESET (environment variable ECR_PRESET)." in stderr
    assert "will not have AWS_SECRET_ACCESS_KEY (.env:4), a secret" in stderr
    assert "will not have NPM_TOKEN, which the build reads" in stderr
    assert "AWS_REGION" not in stderr.replace("AWS_REGION:", "")  # the pipeline has it
    assert "at the end of invoke.yaml, and commit it:\n    ecr:\n      platforms: linux/amd64\n" in stderr
    assert "tell-nobody" not in stderr


def test_variables_of_a_compose_file_that_ci_would_not_have_are_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "--quiet", "."], cwd=project, check=True)
    (project / "compose.yaml").write_text("services: {web: {build: {context: ., args: {A: '${WEB_VERSION}'}}}}\n")
    (project / "invoke.yaml").write_text("ecr: {bake_file: compose.yaml}\n")
    with (project / ".env").open("a", encoding="utf-8") as file:
        file.write("ECR_BAKE_FILE=compose.yaml\nWEB_VERSION=3\n")
    assert inv(monkeypatch, "ci.init", "github") == 0
    assert "will not have WEB_VERSION, which the build reads from a dotenv file." in capsys.readouterr().err


@pytest.mark.parametrize("name", ["ECR_REPOSITORY", "ECR_REPOSITORY_PREFIX"])
def test_a_public_repository_stays_one_in_the_pipeline(
    name: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".env").write_text(f"{name}=public.ecr.aws/team/app\n", encoding="utf-8")
    assert inv(monkeypatch, "ci.init", "github") == 0
    text = (project / ".github" / "workflows" / "ecr.yml").read_text(encoding="utf-8")
    assert f'{name}: "public.ecr.aws/team/app' in text
