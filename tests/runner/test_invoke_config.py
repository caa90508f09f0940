"""What Invoke reads itself: a sentence for what it can't, from `inv` and from `ecr-tasks`, from any folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ecr_tasks.runner.invoke_config import find_project

TASKS = "from ecr_tasks import ns\n\n__all__ = ['ns']\n"


def run(
    program: str, folder: Path, *words: str, home: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run `inv` or `ecr-tasks` in a folder."""
    environ = {"HOME": str(home or folder), "PATH": "/usr/bin:/bin", **variables}
    path = Path(sys.executable).parent / program
    return subprocess.run(
        [str(path), *words], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("program", ["inv", "ecr-tasks"])
@pytest.mark.parametrize("text", ["ecr: [1, 2", "run: 5\n", "ecr:\n  1: x\n"])
def test_a_broken_invoke_yaml_is_a_sentence(tmp_path: Path, program: str, text: str) -> None:
    (tmp_path / "tasks.py").write_text(TASKS, encoding="utf-8")
    (tmp_path / "invoke.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "below").mkdir()
    result = run(program, tmp_path / "below", "settings", home=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith(f"ecr-tasks: {tmp_path}/invoke.yaml")
    assert "Traceback" not in result.stderr


def test_the_console_script_checks_the_users_file_and_that_of_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".invoke.yaml").write_text("- a\n", encoding="utf-8")
    result = run("ecr-tasks", tmp_path, "settings", home=tmp_path / "home")
    assert (result.returncode, ".invoke.yaml can't be read: it is no mapping" in result.stderr) == (2, True)
    (tmp_path / "more.yaml").write_text("- a\n", encoding="utf-8")
    result = run("ecr-tasks", tmp_path, "-f", "more.yaml", "settings")
    assert (result.returncode, "more.yaml can't be read: it is no mapping" in result.stderr) == (2, True)


@pytest.mark.parametrize("with_tasks", [True, False])
def test_the_console_script_reads_the_projects_invoke_yaml_from_any_subfolder(
    tmp_path: Path, with_tasks: bool
) -> None:
    below = tmp_path / "services" / "api"
    below.mkdir(parents=True)
    (below / ".env").write_text("APPLICATION=1\n", encoding="utf-8")
    (tmp_path / "invoke.yaml").write_text("ecr:\n  repository: team/app\n", encoding="utf-8")
    if with_tasks:
        (tmp_path / "tasks.py").write_text(TASKS, encoding="utf-8")
    result = run("ecr-tasks", below, "settings", "--json", home=tmp_path)
    assert '"origin": "invoke.yaml:2"' in result.stdout
    assert f'"project": "{tmp_path}"' in result.stdout


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((), "a/b/c"),
        (("a/tasks.py",), "a"),
        (("a/tasks/__init__.py",), "a"),
        (("a/invoke.json", "a/b/.env"), "a"),
        (("a/invoke.yml", "a/b/tasks.py"), "a/b"),
        (("a/.env.ecr",), "a"),
        (("a/.env", "a/b/c/notes.txt"), "a"),
        (("a/tasks.py", "a/b/.git/HEAD"), "a/b/c"),
        (("a/b/.git/HEAD", "a/b/.env"), "a/b"),
    ],
)
def test_the_project_is_the_nearest_folder_that_says_so(
    tmp_path: Path, files: tuple[str, ...], expected: str
) -> None:
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    assert find_project(folder) == tmp_path / expected


def test_outside_of_a_repository_a_dotenv_file_further_up_is_nobodys(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    (tmp_path / ".env").write_text("", encoding="utf-8")
    assert find_project(folder) == folder
    (tmp_path / "invoke.yaml").write_text("", encoding="utf-8")
    assert find_project(folder) == tmp_path


@pytest.mark.parametrize("program", ["inv", "ecr-tasks"])
@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("-T 5 -T 6 tags", "--command-timeout is given twice"),
        ("-T 5 tags -T 6", "--command-timeout is given twice"),
        ("tags -T 5 -T", "--command-timeout is given twice"),
        ("-T 5 tags --command-timeout=6", "--command-timeout is given twice"),
        ("tags --hide out build --hide err", "--hide is given twice"),
        ("tags -T x", "'x' is no number"),
        ("tags --hide=bogus", "--hide is 'bogus', which is none of out"),
        ("-F json --list-format=flat --list", "--list-format is given twice"),
        ("--hide=bogus tags", "--hide is 'bogus', which is none of out"),
        ("--list-format=x --list", "--list-format is 'x', which is none of flat"),
        ("--config= tags", "--config is empty"),
        ("-f none.yaml tags", "--config names none.yaml, which isn't there"),
        ("tags -f none.yaml", "--config names none.yaml, which isn't there"),
        ("-f . tags", "--config names ., which is a folder"),
        ("-f tasks.txt tags", "--config names tasks.txt, whose kind Invoke doesn't know"),
    ],
)
def test_a_wrong_flag_of_invokes_own_is_a_sentence(tmp_path: Path, program: str, line: str, cause: str) -> None:
    (tmp_path / "tasks.py").write_text(TASKS, encoding="utf-8")
    (tmp_path / "tasks.txt").touch()
    done = run(program, tmp_path, *line.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"ecr-tasks: {cause}")
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize("program", ["inv", "ecr-tasks"])
def test_the_variable_that_names_a_file_is_checked_and_named(tmp_path: Path, program: str) -> None:
    (tmp_path / "tasks.py").write_text(TASKS, encoding="utf-8")
    for value, cause in (("", "is empty"), ("none.yaml", "names none.yaml, which isn't there")):
        done = run(program, tmp_path, "tags", INVOKE_RUNTIME_CONFIG=value)
        assert done.returncode == 2
        assert done.stderr == f"ecr-tasks: INVOKE_RUNTIME_CONFIG {cause}.\nCorrect it, or unset it.\n"


def test_flags_that_are_right_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(TASKS, encoding="utf-8")
    (tmp_path / "more.yaml").write_text("ecr:\n  repository: team/app\n", encoding="utf-8")
    line = ["-T", "5", "--hide=out", "-f", "more.yaml", "-F", "flat", "settings", "--json"]
    for program in ("inv", "ecr-tasks"):
        done = run(program, tmp_path, *line)
        assert (done.returncode, '"origin": "more.yaml:2"' in done.stdout) == (0, True), done.stderr


def test_a_date_that_no_calendar_has_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(TASKS, encoding="utf-8")
    (tmp_path / "invoke.yaml").write_text("ecr:\n  region: 2024-99-99\n", encoding="utf-8")
    done = run("inv", tmp_path, "tags")
    assert done.returncode == 2
    assert "invoke.yaml can't be read: line 2: 2024-99-99 is no timestamp (month must be in 1..12)" in done.stderr
