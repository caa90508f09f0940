"""Measure `inv promote` against docker pull, tag and push, for several sizes, and `--to` against `crane copy`.

Both sides run in turn on one local ECR. `--to` and crane copy to the registry of another account, so that every layer
is copied. `inv promote` always gets its tokens; the other side runs once with an earlier login, and once with its own
logins, as in a CI system. Goals: inside a repository the time does not depend on the size of the image, and is at
most a twentieth of pull, tag and push at 500 MB; a copy is not slower than crane's.
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

from main_job import AWS, INVOKE, compare, compile_package, run

ACCOUNT, REGION = "222233334444", "eu-west-1"
CHECKOUT = Path(__file__).parents[1]
TAGS = (f"bench-{number}" for number in itertools.count())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[5, 500])
    options = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory(prefix="ecr-tasks-bench-") as folder:
        project = Path(folder, "job")
        project.mkdir()
        environ = {**os.environ, "XDG_DATA_HOME": str(Path(folder, "data")), "ECR_REPOSITORY": "bench/promote"}
        (project / "tasks.py").write_text("from ecr_tasks import ns\n\n__all__ = ['ns']\n", encoding="utf-8")
        try:
            for size in options.megabytes:
                bench(project, environ, size, options.runs)
        finally:
            run([*INVOKE, "local.down"], project, environ)


def bench(project: Path, environ: dict[str, str], megabytes: int, runs: int) -> None:
    """Measure with an image of this size: one incompressible layer, which the engine does not have."""
    with (project / "layer").open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1_000_000))
    with tarfile.open(project / "layer.tar", "w") as tar:
        tar.add(project / "layer", "layer")
    run([*INVOKE, "local", "repo.ensure"], project, environ)
    docker = {**environ, "DOCKER_CONFIG": str(docker_config_with_login(project, environ))}
    crane = shutil.which("crane", path=f"{clients()}{os.pathsep}{environ['PATH']}") or "crane"
    name = f"{registry(project, environ)}/bench/promote"
    tag = f"{name}:{megabytes}"
    run([crane, "append", "--insecure", "--new_layer", "layer.tar", "--new_tag", tag], project, docker)
    run([crane, "mutate", "--insecure", "--set-platform", "linux/amd64", "--tag", tag, tag], project, docker)

    pulled: list[str] = []
    login = login_script(project, environ, "us-east-1", name.partition("/")[0])

    def tasks() -> None:
        run([*INVOKE, "local", "promote", str(megabytes), "--tag", next(TAGS)], project, environ)

    def by_hand(login: str = ":") -> None:
        new = f"{name}:{next(TAGS)}"
        pulled.extend((new, tag))
        script = f"{login}; docker pull -q {tag}; docker tag {tag} {new}; docker push -q {new}"
        run(["sh", "-euc", script], project, docker)

    def remove_images() -> None:
        """Remove the images, as a CI runner has none, and wait until docker has written and removed its files."""
        if pulled:
            run(["docker", "image", "rm", "-f", *pulled], project, docker)
            pulled.clear()
        os.sync()
        time.sleep(3)

    compare(f"promote / pull, tag, push at {megabytes} MB", runs, tasks, by_hand, before=remove_images)
    compare(
        f"promote / login, pull, tag, push at {megabytes} MB",
        runs,
        tasks,
        lambda: by_hand(login),
        before=remove_images,
    )
    bench_to(project, environ, docker, tag, runs, crane)


def bench_to(project: Path, environ: dict[str, str], docker: dict[str, str], tag: str, runs: int, crane: str) -> None:
    """Measure copies to another account's registry in another region, each to an empty repository."""
    size = tag.rpartition(":")[2]
    numbers = itertools.count()
    targets: list[str] = []

    def prepare() -> None:
        for address in targets:
            delete_repository(project, environ, address.partition("/")[2])
        targets[:] = [create_repository(project, environ, f"bench/{size}-{next(numbers)}") for _ in range(2)]
        os.sync()

    prepare()
    target_host, source_host = targets[0].partition("/")[0], tag.partition("/")[0]
    logins = [
        login_script(project, environ, "us-east-1", source_host),
        login_script(project, environ, REGION, target_host),
    ]
    run(["sh", "-euc", "; ".join(logins)], project, docker)

    def to() -> None:
        repository = targets[0].partition("/")[2]
        words = ["promote", size, "--to", f"{ACCOUNT}/{REGION}/{repository}", "--tag", "a"]
        run([*INVOKE, "local", *words], project, environ)

    def copy(login: str = ":") -> None:
        run(["sh", "-euc", f"{login}; {crane} copy --insecure {tag} {targets[1]}:a"], project, docker)

    crane_logins = "; ".join(login.replace("docker login", f"{crane} auth login") for login in logins)
    compare(f"promote --to / crane copy at {size} MB", runs, to, copy, before=prepare)
    compare(f"promote --to / logins, crane copy at {size} MB", runs, to, lambda: copy(crane_logins), before=prepare)


def create_repository(project: Path, environ: dict[str, str], repository: str) -> str:
    """Create a repository in the other account's registry and return its address."""
    command = f"{aws(project, environ)} --region {REGION} create-repository --registry-id {ACCOUNT}"
    command += f" --repository-name {repository} --query repository.repositoryUri --output text"
    result = subprocess.run(["sh", "-euc", command], env=environ, stdout=subprocess.PIPE, text=True, check=True)
    return result.stdout.strip()


def delete_repository(project: Path, environ: dict[str, str], repository: str) -> None:
    """Delete a repository in the other account's registry."""
    command = f"{aws(project, environ)} --region {REGION} delete-repository --registry-id {ACCOUNT} --force"
    run(["sh", "-euc", f"{command} --repository-name {repository}"], project, environ)


def login_script(project: Path, environ: dict[str, str], region: str, host: str) -> str:
    """Return the command that logs docker in."""
    token = f"{aws(project, environ)} --region {region} get-login-password"
    return f"{token} | docker login --username AWS --password-stdin {host}"


def aws(project: Path, environ: dict[str, str]) -> str:
    """Return the start of an aws CLI command for the local ECR."""
    endpoint = f"http://{registry(project, environ)}"
    return f"AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x {shlex.quote(AWS)} ecr --endpoint-url {endpoint}"


def registry(project: Path, environ: dict[str, str]) -> str:
    """Return the host and port of the local ECR."""
    status = [*INVOKE, "local.status", "--json"]
    result = subprocess.run(status, cwd=project, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    return str(json.loads(result.stdout)["registry"])


def docker_config_with_login(project: Path, environ: dict[str, str]) -> Path:
    """Create a docker configuration that is logged in to the local ECR, and return its folder."""
    config = project.parent / "hand-docker"
    config.mkdir(exist_ok=True)
    users = Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "cli-plugins"
    if users.is_dir() and not (config / "cli-plugins").exists():
        (config / "cli-plugins").symlink_to(users)
    run([*INVOKE, "local", "login"], project, {**environ, "DOCKER_CONFIG": str(config)})
    return config


def clients() -> str:
    """Return the folder of crane."""
    result = subprocess.run([CHECKOUT / "script" / "clients"], stdout=subprocess.PIPE, text=True, check=True)
    return result.stdout.strip()


if __name__ == "__main__":
    main()
