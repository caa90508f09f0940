"""Whether the images that builds read are there."""

from __future__ import annotations

from pathlib import Path

from ecr_tasks.execute.base_images import base_images
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.build_context.base_images import BaseImage

LOCKED = f"mirror.example.com/hub/library/python:3.12@sha256:{'a' * 64}"


def test_a_base_image_is_looked_for_where_the_build_reads_it(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\nCOPY --from=golang / /\n", encoding="utf-8")
    bases = {"python:3.12": f"docker-image://{LOCKED}"}
    definition = BuildDefinition(str(tmp_path), platforms=("linux/amd64",), bases=bases)
    assert set(base_images([definition], lambda: "")) == {
        BaseImage(LOCKED, "linux/amd64"),
        BaseImage("golang", "linux/amd64"),
    }
