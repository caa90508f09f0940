"""Times `inv promote` beside docker pull, tag and push, for several sizes, and `--to` beside `crane copy`.

Every pair is run in turn on one local ECR. Goals (issue 4): inside a repository the time does not depend on the
image's size, and is at most a twentieth of pull/tag/push at 500 MB; a copy is not slower than crane's. In one
registry neither moves a layer, so the second pair tells what they cost beside the transfer.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

from main_job import INVOKE, compare, run

CHECKOUT = Path(__file__).parents[1]
TAGS = (f"bench-{number}" for number in itertools.count())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--megabytes", type=int, nargs="+", default=[5, 500])
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="ecr-tasks-bench-") as folder:
        project = Path(folder, "job")
        project.mkdir()
        environ = {**os.environ, "XDG_DATA_HOME": str(Path(folder, "data")), "ECR_REPOSITORY": "bench/promote"}
        (project / "tasks.py").write_text("from ecr_tasks import ns\n\n__all__ = ['ns']\n", encoding="utf-8")
        try:
            for size in chosen.megabytes:
                bench(project, environ, size, chosen.runs)
        finally:
            run([*INVOKE, "local.down"], project, environ)


def bench(project: Path, environ: dict[str, str], megabytes: int, runs: int) -> None:
    """One image of that size, which nothing compresses, in one layer, and of which the engine has nothing."""
    with (project / "layer").open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1_000_000))
    with tarfile.open(project / "layer.tar", "w") as tar:
        tar.add(project / "layer", "layer")
    run([*INVOKE, "local", "repo.ensure"], project, environ)
    docker = {**environ, "DOCKER_CONFIG": str(logged_in(project, environ))}
    crane = shutil.which("crane", path=f"{clients()}{os.pathsep}{environ['PATH']}") or "crane"
    name = f"{registry(project, environ)}/bench/promote"
    tag = f"{name}:{megabytes}"
    run([crane, "append", "--insecure", "--new_layer", "layer.tar", "--new_tag", tag], project, docker)
    run([crane, "mutate", "--insecure", "--set-platform", "linux/amd64", "--tag", tag, tag], project, docker)

    pulled: list[str] = []

    def tasks() -> None:
        run([*INVOKE, "local", "promote", str(megabytes), "--tag", next(TAGS)], project, environ)

    def hand() -> None:
        new = f"{name}:{next(TAGS)}"
        pulled.extend((new, tag))
        run(["sh", "-euc", f"docker pull -q {tag}; docker tag {tag} {new}; docker push -q {new}"], project, docker)

    def settle() -> None:
        """A CI's runner has nothing of the image; what docker has yet to write and remove is on nobody's account."""
        if pulled:
            run(["docker", "image", "rm", "-f", *pulled], project, docker)
            pulled.clear()
        os.sync()
        time.sleep(3)

    compare(f"promote / pull, tag, push at {megabytes} MB", runs, tasks, hand, before=settle)
    numbers = itertools.count()

    def elsewhere() -> tuple[str, str]:
        """A repository that holds nothing yet."""
        repository = f"bench/{megabytes}-{next(numbers)}"
        run([*INVOKE, "local", "repo.ensure"], project, {**environ, "ECR_REPOSITORY": repository})
        return repository, f"{name.partition('/')[0]}/{repository}"

    targets: list[tuple[str, str]] = []

    def prepare() -> None:
        targets[:] = [elsewhere(), elsewhere()]

    def to() -> None:
        words = ["promote", str(megabytes), "--to", f"000000000000/us-east-1/{targets[0][0]}", "--tag", "a"]
        run([*INVOKE, "local", *words], project, environ)

    def copy() -> None:
        run([crane, "copy", "--insecure", tag, f"{targets[1][1]}:a"], project, docker)

    compare(f"promote --to / crane copy at {megabytes} MB", runs, to, copy, before=prepare)


def registry(project: Path, environ: dict[str, str]) -> str:
    """The local ECR's host and port."""
    status = [*INVOKE, "local.status", "--json"]
    said = subprocess.run(status, cwd=project, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    return str(json.loads(said.stdout)["registry"])


def logged_in(project: Path, environ: dict[str, str]) -> Path:
    """A docker configuration that is logged in to the local ECR."""
    config = project.parent / "hand-docker"
    config.mkdir(exist_ok=True)
    users = Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "cli-plugins"
    if users.is_dir() and not (config / "cli-plugins").exists():
        (config / "cli-plugins").symlink_to(users)
    run([*INVOKE, "local", "login"], project, {**environ, "DOCKER_CONFIG": str(config)})
    return config


def clients() -> str:
    """The folder of crane."""
    said = subprocess.run([CHECKOUT / "script" / "clients"], stdout=subprocess.PIPE, text=True, check=True)
    return said.stdout.strip()


if __name__ == "__main__":
    main()
