"""Times `inv promote` beside docker pull, tag and push, for several sizes, and `--to` beside `crane copy`.

Every pair is run in turn on one local ECR; `--to` and crane copy to another account's registry there, so that every
layer moves. Ours gets its tokens itself; the other side once as it is when somebody has logged in before, once with
its own logins, as on a CI's runner. Goals (issue 4): inside a repository the time does not depend on the image's
size, and is at most a twentieth of pull/tag/push at 500 MB; a copy is not slower than crane's.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

from main_job import AWS, INVOKE, compare, compiled, run

ACCOUNT, REGION = "222233334444", "eu-west-1"
CHECKOUT = Path(__file__).parents[1]
TAGS = (f"bench-{number}" for number in itertools.count())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--megabytes", type=int, nargs="+", default=[5, 500])
    chosen = options.parse_args()
    compiled()
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
    login = login_script(project, environ, "us-east-1", name.partition("/")[0])

    def tasks() -> None:
        run([*INVOKE, "local", "promote", str(megabytes), "--tag", next(TAGS)], project, environ)

    def hand(first: str = ":") -> None:
        new = f"{name}:{next(TAGS)}"
        pulled.extend((new, tag))
        script = f"{first}; docker pull -q {tag}; docker tag {tag} {new}; docker push -q {new}"
        run(["sh", "-euc", script], project, docker)

    def settle() -> None:
        """A CI's runner has nothing of the image; what docker has yet to write and remove is on nobody's account."""
        if pulled:
            run(["docker", "image", "rm", "-f", *pulled], project, docker)
            pulled.clear()
        os.sync()
        time.sleep(3)

    compare(f"promote / pull, tag, push at {megabytes} MB", runs, tasks, hand, before=settle)
    compare(f"promote / login, pull, tag, push at {megabytes} MB", runs, tasks, lambda: hand(login), before=settle)
    bench_to(project, environ, docker, tag, runs, crane)


def bench_to(project: Path, environ: dict[str, str], docker: dict[str, str], tag: str, runs: int, crane: str) -> None:
    """Copies to another account's registry in another region, each to a repository that holds nothing yet."""
    size = tag.rpartition(":")[2]
    numbers = itertools.count()
    targets: list[str] = []

    def prepare() -> None:
        for address in targets:
            deleted(project, environ, address.partition("/")[2])
        targets[:] = [created(project, environ, f"bench/{size}-{next(numbers)}") for _ in range(2)]
        os.sync()

    prepare()
    there, here = targets[0].partition("/")[0], tag.partition("/")[0]
    logins = [login_script(project, environ, "us-east-1", here), login_script(project, environ, REGION, there)]
    run(["sh", "-euc", "; ".join(logins)], project, docker)

    def to() -> None:
        repository = targets[0].partition("/")[2]
        words = ["promote", size, "--to", f"{ACCOUNT}/{REGION}/{repository}", "--tag", "a"]
        run([*INVOKE, "local", *words], project, environ)

    def copy(first: str = ":") -> None:
        run(["sh", "-euc", f"{first}; {crane} copy --insecure {tag} {targets[1]}:a"], project, docker)

    again = "; ".join(login.replace("docker login", f"{crane} auth login") for login in logins)
    compare(f"promote --to / crane copy at {size} MB", runs, to, copy, before=prepare)
    compare(f"promote --to / logins, crane copy at {size} MB", runs, to, lambda: copy(again), before=prepare)


def created(project: Path, environ: dict[str, str], repository: str) -> str:
    """A new repository in the other account's registry; its address."""
    command = f"{aws(project, environ)} --region {REGION} create-repository --registry-id {ACCOUNT}"
    command += f" --repository-name {repository} --query repository.repositoryUri --output text"
    said = subprocess.run(["sh", "-euc", command], env=environ, stdout=subprocess.PIPE, text=True, check=True)
    return said.stdout.strip()


def deleted(project: Path, environ: dict[str, str], repository: str) -> None:
    """Makes room for the next copy."""
    command = f"{aws(project, environ)} --region {REGION} delete-repository --registry-id {ACCOUNT} --force"
    run(["sh", "-euc", f"{command} --repository-name {repository}"], project, environ)


def login_script(project: Path, environ: dict[str, str], region: str, host: str) -> str:
    """The console's first command."""
    token = f"{aws(project, environ)} --region {region} get-login-password"
    return f"{token} | docker login --username AWS --password-stdin {host}"


def aws(project: Path, environ: dict[str, str]) -> str:
    """The aws CLI for ECR, at the local one."""
    endpoint = f"http://{registry(project, environ)}"
    return f"AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x {shlex.quote(AWS)} ecr --endpoint-url {endpoint}"


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
