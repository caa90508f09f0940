"""Tests of `init` on a command line: with flags, on a terminal, and where nobody can be asked."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import stat
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from ecr_tasks.errors import BuildError
from ecr_tasks.runner import starting_point
from tests.tasks.conftest import Project

FILES = {"invoke.yaml", "tasks.py", ".env", ".gitignore", ".dockerignore"}


@pytest.fixture
def fresh(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project with a Dockerfile and a commit, before `init`."""
    for name in (".env", ".gitignore", ".dockerignore"):
        (project.path / name).unlink()
    monkeypatch.setattr("ecr_tasks.clients.ecr.aws_config.caller_account", lambda settings, region: "111122223333")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    project.git("remote", "add", "origin", "git@github.com:team/app.git")
    project.commit()
    return project


def test_init_writes_the_files_and_says_what_to_type(fresh: Project) -> None:
    assert fresh.inv("--dry", "init", "--yes").code == 0
    assert not (fresh.path / "invoke.yaml").exists()
    result = fresh.inv("init", "--yes", "--region", "eu-central-1")
    assert (result.code, result.stdout) == (0, "")
    assert {path.name for path in fresh.path.iterdir()} == FILES | {"Dockerfile", ".git"}
    assert stat.S_IMODE((fresh.path / ".env").stat().st_mode) == 0o600
    add, look, push = [line.strip() for line in result.stderr.splitlines()[-3:]]
    assert add.startswith("git add invoke.yaml tasks.py .gitignore .dockerignore && git commit")
    assert (look.split(maxsplit=1)[1], push.split(maxsplit=1)[1]) == ("local plan", "local build push")


def test_what_it_says_leads_to_a_push_with_a_clean_tag(fresh: Project) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"}
    result = fresh.inv("init", "--yes", "--region", "eu-central-1", **keys)
    assert result.stderr.splitlines()[-1].endswith(" build push")
    assert "account_id: '111122223333'" in (fresh.path / "invoke.yaml").read_text(encoding="utf-8")
    add = next(line.strip() for line in result.stderr.splitlines() if line.strip().startswith("git add"))
    fresh.git("config", "user.name", "A")
    fresh.git("config", "user.email", "a@b.c")
    subprocess.run(["sh", "-c", add], cwd=fresh.path, check=True, capture_output=True)
    push = subprocess.run(
        [sys.executable, "-m", "ecr_tasks", "tags"], cwd=fresh.path, capture_output=True, text=True, check=True
    )
    assert "-dirty" not in push.stdout + push.stderr
    assert f"sha-{fresh.revision[:7]}" in push.stdout + push.stderr


def test_nothing_is_overwritten_and_what_to_add_is_printed(fresh: Project) -> None:
    mine = {
        "invoke.yaml": "run:\n  echo: false\n",
        "tasks.py": "from invoke.tasks import task\n\n\n@task\ndef clean(c):\n    pass\n",
        ".env": "APPLICATION=1\n",
        ".gitignore": "*.pyc",
    }
    for name, text in mine.items():
        fresh.write(name, text)
    (fresh.path / ".aws").mkdir()
    fresh.write(".aws/config", "[profile team]\nregion = eu-central-1\n")
    config = str(fresh.path / ".aws/config")
    result = fresh.inv("init", "--yes", "--profile", "team", AWS_CONFIG_FILE=config)
    assert result.code == 0
    for name in ("invoke.yaml", "tasks.py", ".env"):
        assert (fresh.path / name).read_text(encoding="utf-8") == mine[name]
    assert (fresh.path / ".gitignore").read_text(encoding="utf-8").startswith("*.pyc\n.env\n")
    assert (
        "    ecr:\n      region: eu-central-1\n      account_id: '111122223333'\n      repository: team/app\n"
        in result.stderr
    )
    assert "    ns = Collection(clean, Collection.from_module(ecr_tasks))" in result.stderr
    assert "Add in .env:\n    AWS_PROFILE=team" in result.stderr
    add, *_, push = [line.strip() for line in result.stderr.splitlines()[-3:]]
    assert add.startswith("git add .gitignore .dockerignore invoke.yaml tasks.py && git commit")
    assert push == "ecr-tasks build push"


def test_a_second_run_changes_nothing(fresh: Project) -> None:
    fresh.inv("init", "--yes", "--region", "eu-central-1")
    before = {path.name: path.read_bytes() for path in fresh.path.iterdir() if path.is_file()}
    result = fresh.inv("init", "--yes")
    assert {path.name: path.read_bytes() for path in fresh.path.iterdir() if path.is_file()} == before
    names = "git add invoke.yaml tasks.py .gitignore .dockerignore && git commit"  # what the first run wrote
    assert names in result.stderr
    assert "Uncommitted before" not in result.stderr


def test_in_a_folder_of_the_repository_its_own_files_are_to_be_committed(fresh: Project) -> None:
    (fresh.path / "api").mkdir()
    fresh.write("api/Dockerfile", "FROM scratch\n")
    fresh.write("api/invoke.yaml", "ecr:\n  region: eu-central-1\n")
    result = subprocess.run(
        [sys.executable, "-m", "ecr_tasks", "init", "--yes"],
        cwd=fresh.path / "api",
        capture_output=True,
        text=True,
        check=True,
    )
    assert "git add tasks.py .gitignore .dockerignore invoke.yaml && git commit" in result.stderr
    assert "Uncommitted before: Dockerfile. Commit" in result.stderr


def test_where_nobody_can_be_asked_nothing_is_written(fresh: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: SIM115, PTH123 - pytest's own stdin can't be asked
    message = fresh.inv("init").failed(2)
    assert "Give --region --repository; or --yes for the rest, which takes repository team/app." in message
    assert not (fresh.path / "invoke.yaml").exists()
    assert fresh.inv("init", "--region", "eu-central-1", "--repository", "team/web").code == 0


@pytest.mark.parametrize("name", [".env", "invoke.yaml", "tasks.py", ".gitignore", ".dockerignore"])
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_in_the_way_is_named_and_nothing_is_written(fresh: Project, name: str, make: object) -> None:
    assert callable(make)
    make(fresh.path / name)
    before = set(fresh.path.iterdir())
    message = fresh.inv("init", "--yes").failed(2)
    assert f"{name} is in the way: it is a " in message
    assert "Remove or rename it" in message
    assert set(fresh.path.iterdir()) == before


def test_what_was_written_before_a_failure_is_told(fresh: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("ecr_tasks.files.append_bytes", refuse)
    result = fresh.inv("init", "--yes")
    assert result.code == 2
    assert "invoke.yaml: written" in result.stderr
    assert ".gitignore can't be written: Permission denied." in result.stderr


def test_an_applications_env_is_left_to_it(fresh: Project) -> None:
    fresh.write(
        ".env", "AWS_ENDPOINT_URL=http://localhost:4566\nAWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=test\n"
    )
    assert fresh.inv("init", "--yes").code == 0
    assert (fresh.path / ".env.ecr").exists()
    assert fresh.inv("settings").code == 0


def test_a_dotenv_file_that_invoke_yaml_names_is_the_one(fresh: Project) -> None:
    fresh.write("invoke.yaml", "ecr:\n  env_file: conf/my.env\n  repository: team/app\n")
    fresh.write("conf/my.env", "AWS_REGION=eu-central-1\n")
    environ = {"HOME": str(fresh.path), "PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true"}
    line = [sys.executable, "-m", "ecr_tasks", "init", "--yes"]
    done = subprocess.run(line, cwd=fresh.path, env=environ, capture_output=True, text=True, check=True)
    assert "conf/my.env: there already, left alone" in done.stderr
    assert not (fresh.path / ".env").exists()
    for name in (".gitignore", ".dockerignore"):
        assert "conf/my.env" in (fresh.path / name).read_text(encoding="utf-8").split()


def test_a_virtual_environment_called_env_is_left_alone(fresh: Project) -> None:
    (fresh.path / ".env").mkdir()
    fresh.write(".env/pyvenv.cfg", "home = /usr\n")
    assert fresh.inv("init", "--yes").code == 0
    assert (fresh.path / ".env.ecr").exists()


def test_flags_that_are_wrong_are_refused(fresh: Project) -> None:
    assert "the nearest is eu-central-1" in fresh.inv("init", "--region", "eu-centrl-1", "--yes").failed(2)
    assert "team/app" in fresh.inv("init", "--repository", "Team/App", "--yes").failed(2)
    fresh.write(".env", "AWS_REGION=us-east-1\n")
    message = fresh.inv("init", "--region", "eu-central-1", "--yes").failed(2)
    assert ".env:1 says us-east-1: change it there" in message


def converse(folder: Path, answers: list[tuple[str, str]], *flags: str, width: int = 80) -> tuple[int, str]:
    """Run `init` on a terminal, answer each question that appears; return the exit code and what was shown."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environ = {"HOME": str(folder), "PATH": os.environ["PATH"], "TERM": "xterm", "AWS_EC2_METADATA_DISABLED": "true"}
    process = subprocess.Popen(
        [sys.executable, "-m", "ecr_tasks", "init", *flags],
        cwd=folder,
        env=environ,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown, at, remaining = "", 0, list(answers)
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if select.select([main], [], [], 1)[0]:
            try:
                shown += os.read(main, 4096).decode(errors="replace")
            except OSError:  # the other end has closed
                break
        if remaining and remaining[0][0] in shown[at:]:
            at = len(shown)
            os.write(main, remaining.pop(0)[1].encode())
    os.close(main)
    return process.wait(timeout=120), shown


def test_a_person_is_asked_and_asked_again_with_the_reason(fresh: Project) -> None:
    code, shown = converse(
        fresh.path,
        [
            ("region, such as", "eu-centrl-1\n"),
            ("region, such as", "eu-central-1\n"),
            ("12 digits", "123\n"),
            ("12 digits", "\n"),
            ("Repository [team/app]", "Team/App\n"),
            ("Repository [team/app]", "\n"),
        ],
    )
    assert code == 0, shown
    assert "the nearest is eu-central-1" in " ".join(shown.split())
    assert "must be 12 digits" in shown
    text = (fresh.path / "invoke.yaml").read_text(encoding="utf-8")
    assert "  region: eu-central-1\n" in text
    assert "  repository: team/app\n" in text


def test_a_question_breaks_between_its_words_on_a_narrow_terminal(fresh: Project) -> None:
    answers = [("region, such as", "eu-central-1\n"), ("credentials):", "\n"), ("[team/app]", "\n")]
    code, shown = converse(fresh.path, answers, width=40)
    assert code == 0, shown
    assert "AWS account, 12 digits (empty: that of\r\nthe credentials): " in shown


def test_flags_that_leave_nothing_open_ask_nothing(fresh: Project) -> None:
    code, shown = converse(fresh.path, [], "--region", "eu-central-1", "--repository", "team/web")
    assert code == 0, shown
    assert "  repository: team/web\n" in (fresh.path / "invoke.yaml").read_text(encoding="utf-8")


def test_the_role_of_an_ec2_host_leads_to_aws(fresh: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecr_tasks.clients.ecr.aws_config.has_credentials", lambda environ: True)
    result = fresh.inv("init", "--yes", "--region", "eu-central-1")
    assert result.stderr.splitlines()[-1].strip().split(maxsplit=1)[1] == "build push"
    assert "account_id: '111122223333'" in (fresh.path / "invoke.yaml").read_text(encoding="utf-8")


def test_the_end_of_the_input_writes_nothing(fresh: Project) -> None:
    code, shown = converse(fresh.path, [("region, such as", "\x04")])
    assert code == 2, shown
    assert not (fresh.path / "invoke.yaml").exists()


@pytest.mark.parametrize("commits", [True, False])
def test_the_line_to_commit_works_where_git_ignores_a_starting_file(fresh: Project, commits: bool) -> None:
    (fresh.path / ".gitignore").write_text("*.yaml\n")
    if not commits:
        fresh.git("update-ref", "-d", "HEAD")
    result = fresh.inv("init", "--yes", "--region", "eu-central-1")
    assert "git ignores invoke.yaml, which CI and everybody else need" in result.stderr
    add = next(line.strip() for line in result.stderr.splitlines() if line.strip().startswith("git add"))
    fresh.git("config", "user.name", "A")
    fresh.git("config", "user.email", "a@b.c")
    subprocess.run(["sh", "-c", add], cwd=fresh.path, check=True, capture_output=True)
    assert {"invoke.yaml", "tasks.py", ".gitignore"} <= set(fresh.git("ls-files").split())


def test_a_dockerfile_that_is_named_needs_no_bake_file_that_can_be_read(
    fresh: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> NoReturn:
        raise BuildError("docker-bake.hcl:1: it is broken.", "Mend it.")

    monkeypatch.setattr(fresh.docker, "targets", broken)
    monkeypatch.setattr(starting_point, "shutil", SimpleNamespace(which=lambda _: "/usr/bin/docker"))
    (fresh.path / "docker-bake.hcl").touch()
    assert fresh.inv("init", "--yes", "--region", "eu-central-1").code == 3
    result = fresh.inv("init", "--yes", "--region", "eu-central-1", "--dockerfile", "Dockerfile")
    assert (result.code, "Nothing is built from docker-bake.hcl: " in result.stderr) == (0, True)
    assert "repository: team/app" in (fresh.path / "invoke.yaml").read_text(encoding="utf-8")
