"""A small project under git, in which tests run the tasks with a fake docker and a fake registry."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from invoke.collection import Collection
from invoke.program import Program

from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.tasks.collection import ns
from tests.support.build import HOST, manifest, repository
from tests.support.fakes import Calls, FakeDocker, FakeRegistry, FakeSignatures
from tests.support.folder import Folder

CHANGING_CALLS = (
    *("build", "push", "tag", "set_tag", "untag", "create", "set_policies", "change", "delete"),
    *("pull", "login", "logout", "authorize"),
)
"""The names of the calls that change something."""


@dataclass(frozen=True)
class Outcome:
    """The exit code and the output of a command line."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The JSON document that stdout is."""
        return json.loads(self.stdout)

    def failed(self, code: int) -> str:
        """Return the error message, after checking the exit code, two sentences on stderr and nothing on stdout."""
        assert self.code == code
        assert self.stdout == ""
        assert "Traceback" not in self.stderr
        cause, remedy = self.stderr.rstrip("\n").splitlines()[-2:]
        assert cause.startswith("ecr-tasks: ")
        assert cause.endswith(".")
        assert remedy.endswith(".")
        return f"{cause} {remedy}"


class Project(Folder):
    """A project folder in which the tasks run, as with `inv`."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(path)
        self.registry = FakeRegistry(Calls(), repository())
        self.docker = FakeDocker(self.registry)
        self.calls = self.registry.calls
        self.signatures = FakeSignatures(self.registry)
        self.namespace: Collection = ns
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self._left: list[threading.Thread] = []

    def commit(self) -> None:
        """Commit all files."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "Change")

    @property
    def revision(self) -> str:
        """The commit that is checked out."""
        return self.git("rev-parse", "HEAD")

    @property
    def image(self) -> StoredImage:
        """The image that a build of this commit gives."""
        return manifest("team/app as built", self.revision)

    @property
    def reference(self) -> str:
        """The reference that `push` prints for the image."""
        return f"{HOST}/team/app@{self.image.digest}"

    def inv(self, *words: str, **environ: str) -> Outcome:
        """Run a command line in this process, with ``environ`` added to the environment."""
        for thread in self._left:  # what a process of its own would have ended with
            thread.join(10)
        self.calls.log.clear()
        self._capsys.readouterr()
        others = threading.enumerate()
        with self._monkeypatch.context() as patch:
            for name, text in environ.items():
                patch.setenv(name, text)
            patch.setattr(sys, "argv", ["inv", *words])
            try:
                Program(name="inv", binary="inv", namespace=self.namespace).run(["inv", *words])
                code = 0
            except SystemExit as error:
                code = error.code if isinstance(error.code, int) else 0
        self._left = [thread for thread in threading.enumerate() if thread not in others]
        output = self._capsys.readouterr()
        return Outcome(code, output.out, output.err)

    @property
    def tags(self) -> dict[str, str]:
        """The digest of each tag of the repository."""
        return dict(self.registry.tags["team/app"])

    @property
    def receipt(self) -> Any:
        """The receipt, or None if there is no receipt file."""
        path = self.path / ".ecr-tasks" / "receipt.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


@pytest.fixture
def project(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Project]:
    """Return a project with one commit on main, a Dockerfile and an ignored .env; nothing is built or published."""
    path = tmp_path / "project"
    path.mkdir()
    project = Project(path, monkeypatch, capsys)
    project.write("Dockerfile", "FROM scratch\n")
    project.write(".gitignore", ".env\n.env.*\n.ecr-tasks/\n")
    project.write(".dockerignore", ".env\n.env.*\n.git\n.ecr-tasks\n")
    project.write(".env", "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\n")
    project.git("init", "--quiet", "--template=", "--initial-branch=main")
    project.commit()
    monkeypatch.chdir(path)
    monkeypatch.setattr("ecr_tasks.clients.docker.client.WhalesDocker", lambda *arguments, **options: project.docker)
    monkeypatch.setattr("ecr_tasks.clients.ecr.registry.EcrRegistry", lambda *arguments: project.registry)
    programs = "ecr_tasks.clients.signing.programs.SigningPrograms"
    monkeypatch.setattr(programs, lambda *arguments: project.signatures)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield project
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def github(project: Project) -> dict[str, str]:
    """Return the environment of a GitHub Actions step."""
    folder = project.path.parent
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
    }
