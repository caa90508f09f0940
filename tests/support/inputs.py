"""Inputs, and images with and without inputs, for tests of ECR_SKIP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecr_tasks.model.image import Image, Inputs
from ecr_tasks.model.manifest import INPUTS, INPUTS_TRACKED
from ecr_tasks.model.tag import Tag
from tests.support.build import ALL_TAGS, REVISION_B, image, manifest

NAME = "team/app"
CURRENT_INPUTS = Inputs(f"sha256:{'a' * 64}", f"sha256:{'c' * 64}")
INPUTS_TAG = CURRENT_INPUTS.tag or ""
ANNOTATIONS = {INPUTS: CURRENT_INPUTS.digest or "", INPUTS_TRACKED: CURRENT_INPUTS.tracked_digest or ""}
IMAGE_OF_SAME_INPUTS = manifest("same inputs", REVISION_B, ANNOTATIONS)
IMAGE_OF_OTHER_INPUTS = manifest(
    "other inputs", REVISION_B, {INPUTS: f"sha256:{'b' * 64}", INPUTS_TRACKED: f"sha256:{'d' * 64}"}
)
IMAGE_WITHOUT_INPUTS = manifest("unknown inputs", REVISION_B)


def image_of(inputs: Inputs | None = CURRENT_INPUTS, tags: Sequence[Tag] = ALL_TAGS) -> Image:
    """Return an image to publish with these inputs, which its annotations repeat."""
    result = image(tags)
    annotations = ANNOTATIONS if inputs == CURRENT_INPUTS else {}
    return replace(result, inputs=inputs, definition=replace(result.definition, annotations=annotations))
