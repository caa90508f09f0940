"""Tests of the check that the files are there that a Dockerfile copies, and that it refuses nothing that builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.checks.copied_files import check_copied_files
from ecr_tasks.errors import BuildError
from ecr_tasks.model.image import BuildDefinition


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """Return a build context with files, folders and a .dockerignore."""
    for name in ("app.txt", "src/main.py", "dist/app.js", "dist/keep/this.js", "notes.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    (tmp_path / ".dockerignore").write_text("notes.md\ndist\n!dist/keep\nbuild\n", encoding="utf-8")
    return tmp_path


def check(context: Path, lines: str, target: str | None = None) -> None:
    (context / "Dockerfile").write_text(f"FROM scratch AS last\n{lines}\n", encoding="utf-8")
    check_copied_files([BuildDefinition(str(context), target=target)], context)


@pytest.mark.parametrize(
    "lines",
    [
        "COPY app.txt /",
        "COPY ./src/../app.txt /src/ /x/",
        "COPY . /",
        "COPY empty dist /x/",
        "COPY nothing-*.txt [a-z].txt /x/",
        "COPY $NAME ${NAME:-x} /x/",
        "COPY --from=other nothing /x",
        "ADD https://example.com/nothing.tgz git@github.com:a/b.git /x/",
        "COPY <<EOT /x\nCOPY nothing /x\nEOT",
        'COPY ["app.txt", "/x"]',
    ],
)
def test_what_builds_is_let_through(context: Path, lines: str) -> None:
    check(context, lines)


@pytest.mark.parametrize(
    ("lines", "cause", "remedy"),
    [
        ("COPY requirements.txt /", "COPY takes requirements.txt, which is not in ", "Correct that path"),
        ("ADD src/other.py app.txt /x/", "ADD takes src/other.py, which is not in ", "Correct that path"),
        ('COPY ["no such", "/x"]', "COPY takes no such, which is not in ", "Correct that path"),
        ("COPY --chown=1:1 ./notes.md /x", "COPY takes notes.md, which ", "Take it out of .dockerignore"),
        ("COPY dist/app.js /x", "COPY takes dist/app.js, which ", "Take it out of .dockerignore"),
    ],
)
def test_a_file_that_the_context_lacks_is_named(context: Path, lines: str, cause: str, remedy: str) -> None:
    with pytest.raises(BuildError) as raised:
        check(context, lines)
    assert cause in raised.value.cause
    assert raised.value.remedy.startswith(remedy)


def test_a_stage_that_the_target_does_not_need_may_copy_anything(context: Path) -> None:
    lines = "COPY app.txt /\nFROM scratch AS tests\nCOPY nothing /"
    check(context, lines, target="last")
    with pytest.raises(BuildError, match="nothing"):
        check(context, lines)
