"""Builders of receipts, and of the outputs that a CI gets of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ecr_tasks.ci.outputs.adapter import Action, Adapter
from ecr_tasks.ci.outputs.model import ImageOutput, Outputs
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.receipt import Built, ImageReceipt, Published, PublishState, Receipt, Source
from tests.support.build import ALL_TAGS, HOST, manifest

NAME = "team/app"
STORED = manifest("app")
PROJECT = Path("/project")
FOLDER = PROJECT / ".ecr-tasks"
ENVIRON = {
    "GITHUB_OUTPUT": "/ci/output",
    "GITHUB_STEP_SUMMARY": "/ci/summary",
    "BASH_ENV": "/ci/bash_env",
    "BITBUCKET_PIPELINES_VARIABLES_PATH": "/ci/variables",
    "BUILDKITE_STEP_ID": "step-1",
}
TAGS = tuple(tag.name for tag in ALL_TAGS)
REFERENCE = f"{HOST}/{NAME}@{STORED.digest}"


def built(name: str = NAME, digest: str | None = STORED.digest) -> Built:
    """Return the result of a build."""
    return Built(name, None, digest, digest, ("linux/amd64",), "store", 1.5)


def published(name: str = NAME, state: PublishState = "pushed", stored: StoredImage = STORED) -> Published:
    """Return the result of a push."""
    return Published(name, HOST, name, stored.digest, TAGS, state, stored)


def entry(name: str = NAME, state: PublishState = "pushed", **changes: Any) -> ImageReceipt:
    """Return the entry of a built and published image."""
    defaults: dict[str, Any] = {
        "version": "1.2.3",
        "built": built(name),
        "published": (published(name, state),),
        "size": 32100,
        "seconds": 2.25,
    }
    return ImageReceipt(name, name, TAGS, "no image is tagged sha-a1b2c3d yet", **{**defaults, **changes})


def receipt(*images: ImageReceipt, complete: bool = True) -> Receipt:
    """Return the receipt of a run on main."""
    return Receipt(Source("a1b2c3d4" * 5, False, "main", None, None, None), images, complete)


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
