"""A build context in a folder, and a fake docker that has its base image."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.image import BuildDefinition, Image, Inputs
from ecr_tasks.source.inputs.collect import with_inputs
from tests.support.build import image
from tests.support.fakes import Calls, FakeDocker, FakeRegistry
from tests.support.folder import Folder

BASE, OTHER_BASE = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


class Tree(Folder):
    """A build context in a folder. Its Dockerfile starts from ``base:1``, which the fake docker has."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.docker = FakeDocker(FakeRegistry(Calls()))
        self.docker.local_bases["base:1"] = BASE
        self.logged_in: list[str] = []
        self.write("Dockerfile", "FROM base:1\nCOPY . /\n")
        self.write(".dockerignore", "**/*.log\n")
        self.write("app.py", "print()\n")
        self.write("lib/part.py", "1\n")

    def log_in(self, references: Iterable[str]) -> dict[str, EcrTasksError]:
        """Note the references whose registries docker is logged in to."""
        self.logged_in.extend(references)
        return {}

    def under_git(self, *options: str) -> Tree:
        """Make the folder a git repository with one commit."""
        self.git("init", "--quiet", "--template=", "--initial-branch=main", *options)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "one")
        return self

    def image(self, **changes: Any) -> Image:
        """Return the image of this context, with its inputs collected."""
        bare = image(definition=BuildDefinition(str(self.path), **changes))
        (result,) = with_inputs(
            [bare],
            project=self.path,
            docker=self.docker,
            builder=None,
            environ=os.environ,
            log_in=self.log_in,
        )
        return result

    def inputs(self, **changes: Any) -> Inputs:
        """Return the inputs of the image."""
        inputs = self.image(**changes).inputs
        assert inputs is not None
        return inputs

    def digest(self, **changes: Any) -> str:
        """Return the digest of the inputs, which must be known."""
        inputs = self.inputs(**changes)
        assert inputs.unknown_reason is None
        assert inputs.digest is not None
        return inputs.digest

    def unknown(self, **changes: Any) -> str:
        """Return the reason why the digest of the inputs is not known."""
        inputs = self.inputs(**changes)
        assert inputs.digest is None
        assert inputs.tag is None
        return inputs.unknown_reason or ""
