"""The tasks as a user types them, with the local ECR, in a project without docker and git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ecr_tasks.local_ecr.server import LocalEcr
from tests.support.inv import INVOKE, run_inv

RECORDED = {"PutImage": 2, "GetCallerIdentity": 1}
"""The calls of a promotion to one tag that change something: the tag, and the record of who set it."""


class Shell:
    """Runs `inv` in a project that has no docker and no git."""

    def __init__(self, ecr: LocalEcr, folder: Path) -> None:
        self.ecr = ecr
        self.folder = folder
        self.environ = {**os.environ, **ecr.environment(), "ECR_REPOSITORY": "team/app"}
        (folder / "tasks.py").write_text('from ecr_tasks import ns\n\n__all__ = ["ns"]\n', encoding="utf-8")

    def inv(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return run_inv(words, self.folder, {**self.environ, **environ})

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `inv …` as a process of its own."""
        return subprocess.Popen(
            [*INVOKE, *words], cwd=self.folder, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def calls(self, *words: str, **environ: str) -> tuple[subprocess.CompletedProcess[str], dict[str, int]]:
        """Run the same; returns also the number of the local ECR's requests by name."""
        before = self.ecr.requests()
        run = self.inv(*words, **environ)
        after = self.ecr.requests()
        return run, {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
