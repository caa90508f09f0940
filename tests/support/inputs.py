"""Inputs and images of some, for the tests of ECR_SKIP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecr_tasks.model.image import Image, Inputs
from ecr_tasks.model.manifest import INPUTS, INPUTS_TRACKED
from ecr_tasks.model.tag import Tag
from tests.support.build import ALL_TAGS, REVISION_B, image, manifest

NAME = "team/app"
OURS = Inputs(f"sha256:{'a' * 64}", f"sha256:{'c' * 64}")
TAG = OURS.tag or ""
ANNOTATIONS = {INPUTS: OURS.digest or "", INPUTS_TRACKED: OURS.tracked or ""}
THERE = manifest("of the same inputs", REVISION_B, ANNOTATIONS)
OTHER = manifest("of other inputs", REVISION_B, {INPUTS: f"sha256:{'b' * 64}", INPUTS_TRACKED: f"sha256:{'d' * 64}"})
PLAIN = manifest("of nobody knows what", REVISION_B)


def of(inputs: Inputs | None = OURS, names: Sequence[Tag] = ALL_TAGS) -> Image:
    """An image with its inputs, which it says of itself."""
    made = image(names)
    noted = ANNOTATIONS if inputs == OURS else {}
    return replace(made, inputs=inputs, definition=replace(made.definition, annotations=noted))
