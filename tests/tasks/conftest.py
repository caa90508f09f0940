"""The tasks on a command line of their own: a small project under git, with docker and the registry in memory."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from invoke.program import Program

from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.tasks.collection import ns
from tests.support.build import HOST, manifest, repository
from tests.support.fakes import Calls, FakeDocker, FakeRegistry
from tests.support.folder import Folder

OURS = ("AWS_", "ECR_", "DOCKER_", "GIT_", "INVOKE_", "BUILDX_")
CHANGES = (
    *("build", "push", "tag", "set_tag", "untag", "create", "set_policies", "change", "delete"),
    *("pull", "login", "logout", "authorize"),
)
"""The calls that change something, by name."""


@dataclass(frozen=True)
class Outcome:
    """How a command line ended, and what it printed."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """Stdout as the one JSON document it must be."""
        return json.loads(self.stdout)

    def failed(self, code: int) -> str:
        """The error of a command line that must fail this way: two sentences on stderr, nothing on stdout."""
        assert self.code == code
        assert self.stdout == ""
        assert "Traceback" not in self.stderr
        cause, remedy = self.stderr.rstrip("\n").splitlines()[-2:]
        assert cause.startswith("ecr-tasks: ")
        assert cause.endswith(".")
        assert remedy.endswith(".")
        return f"{cause} {remedy}"


class Project(Folder):
    """A project folder, and the tasks run in it as `inv` would."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(path)
        self.registry = FakeRegistry(Calls(), repository())
        self.docker = FakeDocker(self.registry)
        self.calls = self.registry.calls
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def commit(self) -> None:
        """Commits everything."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "Change")

    @property
    def revision(self) -> str:
        """The commit that is checked out."""
        return self.git("rev-parse", "HEAD")

    @property
    def image(self) -> StoredImage:
        """What a build of this commit makes."""
        return manifest("team/app as built", self.revision)

    @property
    def reference(self) -> str:
        """What `push` prints for it."""
        return f"{HOST}/team/app@{self.image.digest}"

    def inv(self, *words: str, **environ: str) -> Outcome:
        """Runs a command line in this process; ``environ`` is exported for it alone."""
        self.calls.log.clear()
        self._capsys.readouterr()
        with self._monkeypatch.context() as patch:
            for name, text in environ.items():
                patch.setenv(name, text)
            patch.setattr(sys, "argv", ["inv", *words])
            try:
                Program(name="inv", binary="inv", namespace=ns).run(["inv", *words])
                code = 0
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else 0
        said = self._capsys.readouterr()
        return Outcome(code, said.out, said.err)

    @property
    def tags(self) -> dict[str, str]:
        """What each tag of the repository points at."""
        return dict(self.registry.tags["team/app"])

    @property
    def receipt(self) -> Any:
        """The receipt; None where there is none."""
        path = self.path / ".ecr-tasks" / "receipt.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


@pytest.fixture(autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's own settings: neither the shell's nor those of a home folder."""
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture
def project(
    tmp_path: Path,
    clean_environment: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Project]:
    """One commit on main with a Dockerfile and an ignored .env; nothing is built or published yet."""
    path = tmp_path / "project"
    path.mkdir()
    made = Project(path, monkeypatch, capsys)
    made.write("Dockerfile", "FROM scratch\n")
    made.write(".gitignore", ".env\n.env.*\n.ecr-tasks/\n")
    made.write(".dockerignore", ".env\n.env.*\n.git\n.ecr-tasks\n")
    made.write(".env", "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\n")
    made.git("init", "--quiet", "--template=", "--initial-branch=main")
    made.commit()
    monkeypatch.chdir(path)
    monkeypatch.setattr("ecr_tasks.clients.docker.client.WhalesDocker", lambda *arguments: made.docker)
    monkeypatch.setattr("ecr_tasks.clients.ecr.registry.EcrRegistry", lambda *arguments: made.registry)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield made
    for number, handler in handlers.items():
        signal.signal(number, handler)
