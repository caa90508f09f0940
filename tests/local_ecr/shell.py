"""The tasks as a user types them, against the local ECR, where there is neither docker nor git."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ecr_tasks.local_ecr.server import LocalEcr


class Shell:
    """Runs `inv` in a project that has no docker and no git."""

    def __init__(self, ecr: LocalEcr, folder: Path) -> None:
        self.ecr = ecr
        self.folder = folder
        self.environ = {**os.environ, **ecr.environment(), "ECR_REPOSITORY": "team/app"}
        (folder / "tasks.py").write_text('from ecr_tasks import ns\n\n__all__ = ["ns"]\n', encoding="utf-8")

    def inv(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "invoke", *words],
            cwd=self.folder,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self, *words: str, **environ: str) -> tuple[subprocess.CompletedProcess[str], dict[str, int]]:
        """The same, and what the local ECR was asked for it."""
        before = self.ecr.requests()
        done = self.inv(*words, **environ)
        after = self.ecr.requests()
        return done, {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
