"""Builders for the tests of outputs: a run's entries, outputs, and the environment of a CI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ecr_tasks.ci.outputs.actions import Action
from ecr_tasks.ci.outputs.adapter import Adapter
from ecr_tasks.ci.outputs.model import ImageOutput, Outputs
from ecr_tasks.execute.build import Built
from ecr_tasks.execute.push import Published, State
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.plan.plan import Plan, PlannedImage
from ecr_tasks.plan.retag import PlannedTag
from ecr_tasks.runner.receipt import Entry
from tests.support.build import ALL_TAGS, HOST, image, manifest

NAME = "team/app"
STORED = manifest("app")
PROJECT = Path("/project")
TAGS = tuple(tag.name for tag in ALL_TAGS)
REFERENCE = f"{HOST}/{NAME}@{STORED.digest}"
FOLDER = PROJECT / ".ecr-tasks"
ENVIRON = {
    "GITHUB_OUTPUT": "/ci/output",
    "GITHUB_STEP_SUMMARY": "/ci/summary",
    "BASH_ENV": "/ci/bash_env",
    "BITBUCKET_PIPELINES_VARIABLES_PATH": "/ci/variables",
    "BUILDKITE_STEP_ID": "step-1",
}


def planned(name: str = NAME, because: str = "no image is tagged sha-a1b2c3d yet") -> PlannedImage:
    """Return an image that is to be built."""
    definition = image(name=name)
    return PlannedImage(
        definition, tuple(PlannedTag(tag) for tag in definition.tags), build_needed=True, because=because
    )


def plan(*images: PlannedImage) -> Plan:
    """Return a plan without conflicts."""
    return Plan(images or (planned(),), ())


def built(name: str = NAME, digest: str | None = STORED.digest) -> Built:
    """Return the result of a build."""
    return Built(name, None, digest, digest, ("linux/amd64",), "store", 1.5)


def published(name: str = NAME, state: State = "pushed", stored: StoredImage = STORED) -> Published:
    """Return the result of a push."""
    return Published(name, HOST, name, stored.digest, TAGS, state, stored)


def entry(name: str = NAME, state: State = "pushed") -> Entry:
    """Return the entry of a built and published image."""
    return Entry(built(name), [published(name, state)], size=32100, seconds=2.25)


def output(**changes: Any) -> ImageOutput:
    """Return the output of one published image."""
    defaults: dict[str, Any] = {
        "name": NAME,
        "repository": f"{HOST}/{NAME}",
        "digest": STORED.digest,
        "tags": TAGS,
        "version": "1.2.3",
        "state": "pushed",
        "because": "no image is tagged sha-a1b2c3d yet",
        "platforms": {"linux/amd64": 32100},
        "size": 32100,
        "seconds": 2.25,
    }
    return ImageOutput(**{**defaults, **changes})


def outputs(*images: ImageOutput, **changes: Any) -> Outputs:
    """Return a run's outputs, with one image if none is given."""
    defaults: dict[str, Any] = {"receipt": ".ecr-tasks/receipt.json", "branch": "main", "revision": "a1b2c3d4" * 5}
    return Outputs(images or (output(),), **{**defaults, **changes})


def actions_of(adapter: Adapter, run: Outputs | None = None) -> list[Action]:
    """Return the actions by which an adapter passes on the outputs of a run."""
    return list(adapter.outputs(run or outputs(), ENVIRON, FOLDER))
