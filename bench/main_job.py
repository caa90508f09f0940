"""Measure `inv --list` against bare Invoke, and `inv local build push` against the four commands of the console.

Both sides run in turn, so that a slow moment of the machine affects both. Goals: `--list` takes at most 15 % more;
the tasks take no more time for a changed image, and at most a third for an unchanged one.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import ecr_tasks

INVOKE = [sys.executable, "-m", "invoke"]
AWS = str(Path(sys.executable).with_name("aws"))
DOCKERFILE = "FROM {base}\nCOPY changes.txt /changes.txt\nRUN sha256sum /changes.txt > /sum.txt\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--base", default="local/busybox:1", help="an image that the engine has")
    options = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory(prefix="ecr-tasks-bench-") as folder:
        bench_list(Path(folder), options.runs)
        bench_job(Path(folder), options.runs, options.base)


def compile_package() -> None:
    """Compile the package, as `pip install` does; an editable checkout has no bytecode, as Invoke writes none."""
    compileall.compile_dir(str(Path(ecr_tasks.__file__).parent), quiet=1)


def bench_list(folder: Path, runs: int) -> None:
    """Measure `--list` of our tasks against the same number of tasks that import only Invoke."""
    ours, bare_invoke = folder / "ours", folder / "bare"
    for project in (ours, bare_invoke):
        project.mkdir()
    (ours / "tasks.py").write_text("from ecr_tasks import ns\n\n__all__ = ['ns']\n", encoding="utf-8")
    task = '@task\ndef task{number}(c):\n    """Does something."""\n\n\n'
    tasks = "".join(task.format(number=number) for number in range(len(ecr_tasks.ns.task_names)))
    (bare_invoke / "tasks.py").write_text(f"from invoke import task\n\n\n{tasks}", encoding="utf-8")
    environ = {**os.environ}
    compare(
        "inv --list / bare Invoke's",
        runs * 3,
        lambda: run([*INVOKE, "--list"], ours, environ),
        lambda: run([*INVOKE, "--list"], bare_invoke, environ),
    )


def bench_job(folder: Path, runs: int, base: str) -> None:
    """Measure the same image from the same sources, with the tasks and with the commands, on one local ECR."""
    environ = {**os.environ, "XDG_DATA_HOME": str(folder / "data"), "ECR_REPOSITORY": "bench/tasks"}
    project = folder / "job"
    project.mkdir()
    (project / "tasks.py").write_text("from ecr_tasks import ns\n\n__all__ = ['ns']\n", encoding="utf-8")
    (project / "Dockerfile").write_text(DOCKERFILE.format(base=base), encoding="utf-8")
    (project / ".dockerignore").write_text(".git\n.ecr-tasks\n__pycache__\n", encoding="utf-8")
    (project / ".gitignore").write_text("__pycache__\n", encoding="utf-8")
    run(["git", "init", "--quiet", "--initial-branch=main"], project, environ)
    try:
        script = push_commands(project, environ)
        changes = iter(range(1_000_000))

        def change() -> None:
            (project / "changes.txt").write_text(f"{next(changes)}\n", encoding="utf-8")
            run(["git", "add", "--all"], project, environ)
            identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.invalid"]
            run(["git", *identity, "commit", "--quiet", "--message", "change"], project, environ)

        def tasks() -> None:
            run([*INVOKE, "local", "build", "push"], project, environ)

        def by_hand() -> None:
            run(["sh", "-euc", script], project, environ)

        compare("inv local build push / four commands, changed", runs, tasks, by_hand, before=change)
        compare("inv local build push / four commands, unchanged", runs, tasks, by_hand)
    finally:
        run([*INVOKE, "local.down"], project, environ)


def push_commands(project: Path, environ: dict[str, str]) -> str:
    """Return the "View push commands" of the ECR console for this repository, with the aws CLI."""
    run([*INVOKE, "local.up"], project, environ)
    status = subprocess.run(
        [*INVOKE, "local.status", "--json"], cwd=project, env=environ, capture_output=True, text=True, check=True
    ).stdout
    ecr = json.loads(status)
    host, repository = ecr["registry"], "bench/hand"
    aws = f"AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x {shlex.quote(AWS)} ecr --endpoint-url {ecr['endpoint']}"
    aws += f" --region {ecr['region']}"
    run(["sh", "-euc", f"{aws} create-repository --repository-name {repository}"], project, environ)
    config = project.parent / "hand-docker"
    config.mkdir()
    users = Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    if (users / "cli-plugins").is_dir():
        (config / "cli-plugins").symlink_to(users / "cli-plugins")
    return "\n".join(
        [
            f"export DOCKER_CONFIG={shlex.quote(str(config))}",
            f"{aws} get-login-password | docker login --username AWS --password-stdin {host}",
            f"docker build -t {repository} .",
            f"docker tag {repository}:latest {host}/{repository}:latest",
            f"docker push {host}/{repository}:latest",
        ]
    )


def compare(
    name: str,
    runs: int,
    ours: Callable[[], None],
    other: Callable[[], None],
    before: Callable[[], None] | None = None,
) -> None:
    """Run both sides in turn, without counting the first round, and print medians, spreads and the ratio."""
    times: tuple[list[float], list[float]] = ([], [])
    for round_ in range(runs + 1):
        if before is not None:
            before()
        for seconds, command in zip(times, (ours, other), strict=True):
            start = time.perf_counter()
            command()
            if round_:
                seconds.append(time.perf_counter() - start)
    ratio = statistics.median(a / b for a, b in zip(*times, strict=True))
    print(f"{name}: {spread(times[0])} / {spread(times[1])} = {ratio:.2f}", flush=True)


def spread(values: Sequence[float]) -> str:
    """Return the median, the lowest and the highest value as text."""
    return f"{statistics.median(values):.3f} s ({min(values):.3f}-{max(values):.3f})"


def run(command: Sequence[str], folder: Path, environ: dict[str, str]) -> None:
    """Run a command in a folder. Raises SystemExit with its output when it fails."""
    result = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{shlex.join(command)} failed:\n{result.stdout}{result.stderr}")


if __name__ == "__main__":
    main()
