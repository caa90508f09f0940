"""Files that change during a build."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ecr_tasks.checks.unchanged_inputs import check_unchanged
from ecr_tasks.errors import BuildError
from tests.support.tree import Tree


def test_a_context_that_changes_during_the_build_is_refused(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    app = tree.image()
    check_unchanged([app], project=tree.path, environ=os.environ)
    for number in range(5):
        tree.write(f"out/{number}", "")
    with pytest.raises(BuildError) as caught:
        check_unchanged([app], project=tree.path, environ=os.environ)
    assert "out/0, out/1, out/2 and 2 more" in caught.value.cause
    assert ".dockerignore" in caught.value.remedy
