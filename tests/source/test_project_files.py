"""What is in a project's folder before anything is set."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ecr_tasks.source.project_files import ci_systems, context_of, dockerfiles, irregular, tasks_file


def write(project: Path, *names: str) -> None:
    """Write files with nothing in them."""
    for name in names:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("", encoding="utf-8")


def test_dockerfiles_are_found_wherever_they_plausibly_are(tmp_path: Path) -> None:
    ours = (
        "Dockerfile",
        "Dockerfile.dev",
        "app.Dockerfile",
        ".docker/Dockerfile",
        "docker/web/Dockerfile",
        "a/Containerfile",
    )
    others = (
        "Dockerfile.dockerignore",
        "Dockerfile.md",
        "node_modules/x/Dockerfile",
        "a/b/c/Dockerfile",
        ".git/Dockerfile",
    )
    write(tmp_path, *ours, *others, "tests/Dockerfile", "mydockerfile")
    assert set(dockerfiles(tmp_path)) == set(ours)
    assert dockerfiles(tmp_path)[:3] == ("Dockerfile", "Dockerfile.dev", "app.Dockerfile")
    assert dockerfiles(tmp_path / "gone") == ()


@pytest.mark.parametrize(
    ("dockerfile", "text", "files", "expected"),
    [
        ("Dockerfile", "COPY a /\n", (), "."),
        ("app/Dockerfile", "", (), "app"),
        ("docker/Dockerfile", "", (), "."),
        ("deploy/docker/Dockerfile", "", (), "."),
        ("docker/Dockerfile", "COPY run.sh /\n", ("docker/run.sh",), "docker"),
        ("app/Dockerfile", "COPY app/src /src\nCOPY pyproject.toml .\n", ("app/src/x", "pyproject.toml"), "."),
        ("app/Dockerfile", "COPY --chown=1:1 src /src\nADD x y /\n", ("app/src/x", "app/x"), "app"),
        ("app/Dockerfile", "COPY --from=build src /\nCOPY $X *.py https://x/y . /\n", ("src/x",), "app"),
        ("docker/Dockerfile", "copy ./run.sh /\n", ("docker/run.sh", "run.sh"), "."),
    ],
)
def test_the_context_is_where_the_copied_files_are(
    tmp_path: Path, dockerfile: str, text: str, files: tuple[str, ...], expected: str
) -> None:
    write(tmp_path, *files)
    assert context_of(dockerfile, text, lambda name: (tmp_path / name).exists()) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("tasks.py", "from ecr_tasks import ns\n", ("tasks.py", True, (), "")),
        ("tasks/__init__.py", "import ecr_tasks\nns: object = 1\n", ("tasks/__init__.py", True, (), "ns")),
        (
            "tasks.py",
            "@task\ndef a(c): ...\n@x.task(b=1)\ndef b(c): ...\ndef c(): ...\n",
            ("tasks.py", False, ("a", "b"), ""),
        ),
        ("tasks.py", "namespace = 1\n", ("tasks.py", False, (), "namespace")),
        ("tasks.py", "def (\n", ("tasks.py", False, (), "")),
        ("tasks.py", "# ecr_tasks\n", ("tasks.py", False, (), "")),
        ("tasks/celery.py", "", ("tasks/", False, (), "")),
    ],
)
def test_a_projects_own_tasks_are_read_and_not_run(
    tmp_path: Path, name: str, text: str, expected: tuple[str, bool, tuple[str, ...], str]
) -> None:
    write(tmp_path, name)
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = tasks_file(tmp_path)
    assert found is not None
    assert (found.name, found.has_ours, found.tasks, found.namespace) == expected


def test_without_tasks_there_is_none(tmp_path: Path) -> None:
    assert tasks_file(tmp_path) is None


def test_the_files_of_ci_systems_name_them(tmp_path: Path) -> None:
    assert ci_systems(tmp_path) == ()
    write(tmp_path, ".github/workflows/test.yml", ".gitlab-ci.yml", "Jenkinsfile")
    assert set(ci_systems(tmp_path)) == {"github", "gitlab", "jenkins"}


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    write(tmp_path, "file")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("gone")
    names = [name for name, _ in irregular(tmp_path, ("file", "folder", "pipe", "link", "absent"))]
    assert names == ["folder", "pipe", "link"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('from ecr_tasks import ns\n\n__all__ = ["ns"]\n', True),
        ("from ecr_tasks import ns\n\nns.add_task(clean)\n", True),
        ("from ecr_tasks import ns as ours\n\nns = Collection(ecr=ours)\n", False),
        ("from ecr_tasks import ns\n\nns = Collection(ecr=ns)\n", False),
        ("import ecr_tasks\n\nns = Collection(Collection.from_module(ecr_tasks))\n", False),
        ("from ecr_tasks import build\n", False),
    ],
)
def test_our_tasks_have_their_own_names_where_they_are_the_collection(
    tmp_path: Path, text: str, expected: bool
) -> None:
    (tmp_path / "tasks.py").write_text(text, encoding="utf-8")
    found = tasks_file(tmp_path)
    assert found is not None
    assert (found.has_ours, found.has_root_names) == (True, expected)


@pytest.mark.parametrize(
    ("text", "mistake", "is_invokes"),
    [
        ("from invoke import task\n", "", True),
        ("import celery\n", "", False),
        ("x = 1\ndef own(:\n", "line 2: invalid syntax", False),
    ],
)
def test_a_mistake_in_the_tasks_has_its_line(tmp_path: Path, text: str, mistake: str, is_invokes: bool) -> None:
    (tmp_path / "tasks.py").write_text(text)
    found = tasks_file(tmp_path)
    assert found is not None
    assert (found.mistake, found.is_invokes) == (mistake, is_invokes)
