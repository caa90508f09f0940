"""Measure `inv build push` with three destinations against one destination, for a changed and an unchanged image.

Each run has a change of its own to build, push and copy. Both sides use registries of their own on one local ECR.
Goal: three destinations take at most 1.3 times as long as one.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from main_job import INVOKE, compare, compile_package, run

ACCOUNTS = ("111111111111", "222222222222", "333333333333")
THREE = ",".join(f"{account}/eu-west-1" for account in ACCOUNTS)
ONE = "444444444444/eu-west-1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[1, 50])
    options = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory(prefix="ecr-tasks-bench-") as folder:
        environ = {**os.environ, "XDG_DATA_HOME": str(Path(folder, "data"))}
        projects = [create_project(Path(folder, name), environ) for name in ("three", "one")]
        try:
            for size in options.megabytes:
                bench(projects, environ, size, options.runs)
        finally:
            run([*INVOKE, "local.down"], projects[0], environ)


def create_project(project: Path, environ: dict[str, str]) -> Path:
    """Create a project under git whose image has one file, and return its folder."""
    project.mkdir()
    (project / "tasks.py").write_text("from ecr_tasks import ns\n\n__all__ = ['ns']\n", encoding="utf-8")
    (project / "Dockerfile").write_text("FROM scratch\nCOPY changes /\n", encoding="utf-8")
    (project / ".dockerignore").write_text(".git\n.ecr-tasks\n", encoding="utf-8")
    (project / ".gitignore").write_text("__pycache__\n", encoding="utf-8")
    run(["git", "init", "--quiet", "--initial-branch=main"], project, environ)
    return project


def bench(projects: list[Path], environ: dict[str, str], megabytes: int, runs: int) -> None:
    """Measure a change of this many incompressible megabytes.

    Each project has its own content, because docker caches what it has built.
    """

    def change() -> None:
        for project in projects:
            (project / "changes").write_bytes(os.urandom(megabytes * 1_000_000))
            run(["git", "add", "--all"], project, environ)
            identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.invalid"]
            run(["git", *identity, "commit", "--quiet", "--message", "change"], project, environ)

    def three() -> None:
        settings = {"ECR_REPOSITORY": f"three/{megabytes}", "ECR_DESTINATIONS": THREE}
        run([*INVOKE, "local", "build", "push"], projects[0], {**environ, **settings})

    def one() -> None:
        settings = {"ECR_REPOSITORY": f"one/{megabytes}", "ECR_DESTINATIONS": ONE}
        run([*INVOKE, "local", "build", "push"], projects[1], {**environ, **settings})

    compare(f"three destinations / one, {megabytes} MB changed", runs, three, one, before=change)
    compare(f"three destinations / one, nothing changed, {megabytes} MB", runs, three, one)


if __name__ == "__main__":
    main()
