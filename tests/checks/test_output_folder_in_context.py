"""The receipt's folder in a build context."""

from __future__ import annotations

from pathlib import Path

from ecr_tasks.checks.output_folder_in_context import receipt_in_context
from ecr_tasks.model.image import BuildDefinition


def test_carries(tmp_path: Path) -> None:
    build = [BuildDefinition(str(tmp_path))]
    assert not receipt_in_context(build)
    (tmp_path / ".ecr-tasks").mkdir()
    assert receipt_in_context(build)
    (tmp_path / ".ecr-tasks" / "receipt.json").touch()
    assert receipt_in_context(build)
    ignore = tmp_path / ".dockerignore"
    ignore.write_text(".ecr-tasks", encoding="utf-8")
    assert not receipt_in_context(build)
    ignore.write_text(".ecr-tasks\n!.ecr-tasks/receipt.json\n", encoding="utf-8")
    assert receipt_in_context(build)
    assert not receipt_in_context([BuildDefinition("https://git.example.com/app.git")])
