"""Names in a build context that BuildKit can't be sent are refused before the build, and only those."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ecr_tasks.checks.before_build import obstacles
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.settings.load import load
from tests.support.build import image, source

LATIN_1 = os.fsdecode(b"caf\xe9")


def refusals(folder: Path, dockerfile: str = "COPY . /", **environ: str) -> list[str]:
    """Return the causes of what is in the way of a build."""
    (folder / "Dockerfile").write_text(f"FROM scratch\n{dockerfile}\n", encoding="utf-8")
    planned = PlannedImage(image(definition=BuildDefinition(str(folder))), (), True, "")
    settings = load(folder, environ=environ)
    found = obstacles([planned], [], settings, source(root=None), {}, None, promises=True)
    return [str(conflict.error) for conflict in found]


def link(path: Path) -> None:
    path.with_name("link").symlink_to(path.name)


def file(path: Path) -> None:
    path.write_bytes(b"")


def folder(path: Path) -> None:
    path.mkdir()
    file(path / "file")


@pytest.mark.parametrize(
    ("make", "shown"),
    [(file, r"a/caf\xe9."), (link, "a/link."), (folder, r"a/caf\xe9."), (Path.mkdir, r"a/caf\xe9.")],
)
def test_a_name_that_is_not_utf8_is_refused_with_its_path(
    tmp_path: Path, make: Callable[[Path], None], shown: str
) -> None:
    (tmp_path / "a").mkdir()
    make(tmp_path / "a" / LATIN_1)
    (refusal,) = refusals(tmp_path)
    assert f"which BuildKit can't be sent: {shown}" in refusal
    assert ".dockerignore" in refusal


def test_a_name_that_is_not_sent_is_no_obstacle(tmp_path: Path) -> None:
    file(tmp_path / LATIN_1)
    assert refusals(tmp_path, "COPY Dockerfile /") == []
    assert "not UTF-8" in refusals(tmp_path)[0]
    (tmp_path / ".dockerignore").write_text("caf?\n", encoding="utf-8")
    assert refusals(tmp_path) == []


def test_a_folder_whose_files_are_excluded_is_sent_and_one_that_is_excluded_is_not(tmp_path: Path) -> None:
    folder(tmp_path / LATIN_1)
    for line, refused in (("caf?/*", True), ("caf?", False)):
        (tmp_path / ".dockerignore").write_text(line, encoding="utf-8")
        assert ["a folder whose name is not UTF-8" in text for text in refusals(tmp_path)] == [True] * refused
    (tmp_path / ".dockerignore").unlink()
    assert refusals(tmp_path, "COPY Docker* /") == []


def test_other_names_and_another_builder_are_no_obstacle(tmp_path: Path) -> None:
    file(tmp_path / "café")
    assert refusals(tmp_path) == []
    file(tmp_path / LATIN_1)
    assert refusals(tmp_path, ECR_CLIENT="podman") == []
