"""Files of a build context that this user may not read: BuildKit would put empty ones into the image."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecr_tasks.checks.readable_files import check_readable
from ecr_tasks.errors import Refused
from ecr_tasks.model.image import BuildDefinition

NOBODY = 65534


@pytest.fixture
def context() -> Iterator[Path]:
    """Return a context with a file, a folder and a link to read, in which this process is no root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "Dockerfile").write_text("FROM scratch\n")
        (folder / "data").mkdir()
        (folder / "data" / "file").write_text("x")
        (folder / "link").symlink_to("/nowhere")
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(NOBODY)
        yield folder
        if is_root:
            os.seteuid(0)


def close(path: Path) -> None:
    """Take every permission from a path."""
    user = os.geteuid()
    if os.getuid() == 0:
        os.seteuid(0)
    path.chmod(0)
    os.seteuid(user)


def check(folder: Path) -> None:
    check_readable("app", [BuildDefinition(str(folder))], folder)


def test_what_can_be_read_is_no_obstacle(context: Path) -> None:
    check(context)


@pytest.mark.parametrize("name", ["data/file", "data"])
def test_what_can_t_be_read_is_refused_with_its_path(context: Path, name: str) -> None:
    close(context / name)
    with pytest.raises(Refused) as caught:
        check(context)
    assert str(context / name) in caught.value.cause
    assert ".dockerignore" in caught.value.remedy


def test_what_dockerignore_excludes_may_be_closed(context: Path) -> None:
    close(context / "data" / "file")
    user = os.geteuid()
    if os.getuid() == 0:
        os.seteuid(0)
    (context / ".dockerignore").write_text("data/file\n")
    os.seteuid(user)
    check(context)
