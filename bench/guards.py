"""Measure the search for secrets in a build context against docker's own transfer of that context.

docker's side is a build that only takes the whole context (`FROM scratch`, `COPY . /`), with nothing
changed, so that only names and times are sent, and with all files changed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
import time
from pathlib import Path

from bench.compare import compare
from bench.scene import check, compile_package
from ecr_tasks.checks.leaked_keys import new_scan
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.build_context.read_sources import read_sources
from ecr_tasks.source.build_context.walk import context_folders

WORDS = ["def", "return", "import", "self", "value", "name", "for", "in", "if", "else", "class", "None", "request_id"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--files", type=int, default=20_000)
    options = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory(prefix="ecr-tasks-bench-") as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        bench(f"{options.files} files of 4 kB", Path(folder, "small"), options.runs, options.files, 4_000)
        bench("20 files of 20 MB", Path(folder, "large"), options.runs, 20, 20_000_000)


def bench(name: str, folder: Path, runs: int, files: int, size: int) -> None:
    """Write a context of text files and measure both sides."""
    generator = random.Random(1)  # noqa: S311 - the same files each time
    text = " ".join(generator.choices(WORDS, k=size // 5)).encode()[:size]
    for number in range(files):
        path = folder / f"part{number % 97}" / f"module{number % 13}" / f"file{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d\n%b" % (number, text))
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n", encoding="utf-8")
    (folder / ".dockerignore").write_text("**/*.log\n.git\n**/node_modules\n**/.env*\n", encoding="utf-8")
    definition = BuildDefinition(str(folder))

    def ours() -> None:
        scan = new_scan()
        for context in context_folders(definition, folder):
            scan(context, read_sources(definition, context.name))

    command = ["docker", "buildx", "build", "--output=type=cacheonly", "--quiet"]

    def docker() -> None:
        check([*command, str(folder)], folder, os.environ)

    time.sleep(2)  # a file that has just been written is searched again
    ours()
    compare(f"{name}: search / docker's build, unchanged", runs, ours, docker)

    def touch() -> None:  # so that docker sends every file again
        for path in folder.rglob("*.py"):
            os.utime(path)

    compare(f"{name}: search / docker's build, all changed", runs, ours, docker, before=touch)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
