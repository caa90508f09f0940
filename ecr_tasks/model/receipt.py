"""TODO."""

from __future__ import annotations

FOLDER = ".ecr-tasks"
