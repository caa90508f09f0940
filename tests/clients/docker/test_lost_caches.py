"""The words about build caches that buildx left out, by what it printed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ecr_tasks.clients.docker.lost_caches import lost_caches

RECORDED = Path(__file__).parents[2] / "data" / "docker"
CACHE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/cache:c"
READ = (
    "import os, sys; from ecr_tasks.clients.docker import process\n"
    "result = process.run(['cat', sys.argv[1]], env=dict(os.environ))\n"
    "print('\\n'.join(result.lines))"
)


def lines(name: str) -> list[str]:
    """Return the lines of a recording, as ``process.run`` reads them."""
    words = [sys.executable, "-c", READ, str(RECORDED / name)]
    return subprocess.run(words, capture_output=True, text=True, check=True, env=os.environ).stdout.splitlines()


def test_a_missing_repository_is_named_with_how_to_create_it() -> None:
    (word,) = lost_caches(lines("build-cache-ignored.out"))
    assert word.startswith("the build cache was not written: there is no repository nocache")
    assert "create-repository --region eu-central-1 --repository-name nocache" in word


def test_on_a_terminal_which_cache_it_is_is_said_without_the_reason() -> None:
    words = lost_caches(lines("build-cache-ignored.tty"))
    assert [word.partition(":")[0] for word in words] == [
        "the build cache 127.0.0.1",
        "the build cache was not written",
    ]


def test_a_cache_that_refuses_is_named_with_its_reason() -> None:
    read, written = lost_caches(lines("build-cache-refused.txt"))
    assert read.startswith(f"the build cache {CACHE} was not read: ")
    assert "401 Unauthorized" in read
    assert "401 Unauthorized" in written


def test_a_build_without_caches_says_nothing() -> None:
    for name in ("build-busy-base.txt", "build-step-429.txt", "failing-run.txt", "failing-run.tty"):
        assert lost_caches(lines(name)) == []
