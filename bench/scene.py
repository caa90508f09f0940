"""Where a row runs: a registry of its own, projects under git, and the clients that it is compared with."""

from __future__ import annotations

import compileall
import contextlib
import itertools
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import ecr_tasks
from bench.measure import Side, write_shim
from bench.registry import REGION, Registry

ROOT = Path(__file__).parents[1]
INV = f"{shlex.quote(sys.executable)} -m invoke"
AWS = shlex.quote(str(Path(sys.executable).with_name("aws")))
BASE = "local/busybox:1"
DOCKERFILE = f"FROM {BASE}\nCOPY changes /changes\nRUN sha256sum /changes > /sum\n"
TASKS = "from ecr_tasks import ns\n\n__all__ = ['ns']\n"
IDENTITY = ("-c", "user.name=Bench", "-c", "user.email=bench@example.invalid", "-c", "gc.auto=0")


def compile_package() -> None:
    """Compile the package, as `pip install` does; an editable checkout has no bytecode, as Invoke writes none."""
    compileall.compile_dir(str(Path(ecr_tasks.__file__).parent), quiet=1)


def bench_environment() -> dict[str, str]:
    """Return this machine's environment without what belongs to somebody's settings, AWS account or CI system."""
    private = (
        "AWS_",
        "ECR_",
        "BUILDX_",
        "BUILDKIT_",
        "BAKE_",
        "COMPOSE_",
        "GIT_",
        "INVOKE_",
        "GITHUB_",
        "GITLAB_",
        "CI",
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    return {**environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


@dataclass
class Scene:
    """The place of one row, with or without a delay.

    ``hand`` is the environment of the other clients: a docker configuration of their own that is logged in.
    """

    folder: Path
    registry: Registry
    environ: dict[str, str]
    hand: dict[str, str]
    clients: str
    shims: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def number(self) -> int:
        """Return a number that this scene has not used."""
        return next(self._numbers)

    def project(self, name: str, dockerfile: str = DOCKERFILE) -> Project:
        """Create a project under git whose image has one file, with one commit."""
        project = Project(self.folder / name, self)
        project.write("tasks.py", TASKS)
        project.write("Dockerfile", dockerfile)
        project.write(".dockerignore", ".git\n.ecr-tasks\n__pycache__\n")
        project.write(".gitignore", "__pycache__\n.ecr-tasks\n")
        project.git("init", "--quiet", "--initial-branch=main")
        project.change()
        return project

    def ours(self, name: str, words: str, project: Project, **settings: str) -> Side:
        """Return our side: `inv` with these words."""
        return Side(name, f"{INV} {words}", project.folder, {**self.environ, **settings})

    def other(self, name: str, script: str, project: Project, environ: Mapping[str, str] | None = None) -> Side:
        """Return another side: a shell script with the clients' login."""
        return Side(name, script, project.folder, environ or self.hand)

    def login(self, host: str | None = None, program: str = "docker", region: str = REGION) -> str:
        """Return the command that logs docker (or `crane auth`) in, with the aws CLI."""
        token = f"{AWS} ecr --endpoint-url {self.registry.endpoint} --region {region} get-login-password"
        return f"{token} | {program} login --username AWS --password-stdin {host or self.registry.host}"

    def repository(self, name: str, account: str | None = None, region: str = REGION) -> str:
        """Create a repository and return its address; its name is this scene's own."""
        return self.registry.create(self.repository_name(name), account, region)

    def ensure(self, side: Side) -> Side:
        """Create the repositories of our side by `inv repo.ensure`, which locks fixed tags; returns the side."""
        check(["sh", "-euc", f"{INV} repo.ensure"], side.folder, side.environ)
        return side

    def repository_name(self, name: str) -> str:
        """Return the name of a repository of this scene: no other's has the same."""
        return f"bench{self.registry.host.partition(':')[2]}/{name}"

    def has(self, program: str) -> bool:
        """Tell whether a client is on this machine."""
        return shutil.which(program, path=self.hand["PATH"]) is not None


@dataclass
class Project:
    """A project's folder in a scene."""

    folder: Path
    scene: Scene

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def git(self, *words: str) -> None:
        """Run git, with a name for its commits."""
        check(["git", *IDENTITY, *words], self.folder, self.scene.environ)

    def change(self, name: str = "changes", size: int = 0) -> None:
        """Commit a file that nobody has built before, of so many random bytes."""
        self.write(name, f"{self.folder} {self.scene.number()}\n".encode() + os.urandom(size))
        self.commit()

    def commit(self) -> None:
        """Commit all files."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "change")


def check(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> str:
    """Run a command and return its output. Raises SystemExit with what it wrote when it fails."""
    result = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{shlex.join(command)} failed:\n{result.stdout}{result.stderr}")
    return result.stdout


@contextlib.contextmanager
def scene(environ: dict[str, str], clients: str, seconds: float) -> Iterator[Scene]:
    """Make a place for a row, behind a delay of ``seconds`` if that isn't zero, and remove all of it afterwards."""
    with tempfile.TemporaryDirectory(prefix="ecr-tasks-bench-") as name:
        folder = Path(name)
        registry = Registry(folder / "ecr", seconds)
        try:
            yield prepare(folder, registry, environ, clients)
        finally:
            registry.stop()
            remove_images(registry.host, environ)


def prepare(folder: Path, registry: Registry, environ: dict[str, str], clients: str) -> Scene:
    """Lay out the folders, the programs that count their starts, and a docker configuration for each side."""
    shims = folder / "shims"
    shims.mkdir()
    for program in ("docker", "git"):
        write_shim(shims / program, program, str(shutil.which(program, path=environ["PATH"])), shims)
    configs = []
    for name in ("ours", "hand"):
        plugins = folder / f"docker-{name}" / "cli-plugins"
        plugins.mkdir(parents=True)
        write_shim(plugins / "docker-buildx", "buildx", buildx_plugin(environ), shims)
        configs.append(str(plugins.parent))
    homes = {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
    common = {**environ, **homes, **registry.environment()}
    hand = {**common, "DOCKER_CONFIG": configs[1], "PATH": f"{common['PATH']}{os.pathsep}{clients}"}
    made = Scene(folder, registry, {**common, "DOCKER_CONFIG": configs[0]}, hand, clients, shims)
    check(["sh", "-euc", made.login()], folder, hand)
    return made


def buildx_plugin(environ: Mapping[str, str]) -> str:
    """Return the path of docker's plugin for builds."""
    answer = check(["docker", "info", "--format", "{{json .ClientInfo.Plugins}}"], ROOT, environ)
    for plugin in json.loads(answer) or []:
        if plugin["Name"] == "buildx":
            return str(plugin["Path"])
    raise SystemExit('docker has no buildx here. Install its plugin, or run `eval "$(script/engine start)"` first.')


def remove_images(host: str, environ: Mapping[str, str]) -> None:
    """Remove from the engine what was built for a registry that is gone, by the names of ``Scene.repository``."""
    mark = f"bench{host.partition(':')[2]}/"
    lines = check(["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"], ROOT, environ).splitlines()
    names = [name for name in lines if mark in name]
    for some in range(0, len(names), 100):
        command = ["docker", "image", "rm", "--force", *names[some : some + 100]]
        subprocess.run(command, env=environ, capture_output=True, check=False)
