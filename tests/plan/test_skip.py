"""Tests of the plan with ECR_SKIP: which images of the same inputs are used, and which images are built."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ecr_tasks.errors import Refused
from ecr_tasks.model.image import Image, Inputs
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.plan.plan import Plan, make_plan
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.settings.schema import Skip
from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tasks.plan import plan_json
from tests.support.build import ALL_TAGS, REVISION_A, REVISION_B, SHA_TAG, dirty, manifest, repository, source, tags
from tests.support.inputs import (
    CURRENT_INPUTS,
    IMAGE_OF_OTHER_INPUTS,
    IMAGE_OF_SAME_INPUTS,
    IMAGE_WITHOUT_INPUTS,
    INPUTS_TAG,
    NAME,
    image_of,
)


def plan_for(
    tags_in_registry: Mapping[str, StoredImage],
    *,
    skip: Skip = "content",
    planned_image: Image | None = None,
    state: SourceState | None = None,
) -> Plan:
    """Return the plan for one image in a repository with these tags."""
    view = RepositoryView(repository(), tags_in_registry)
    return make_plan([planned_image or image_of()], state or source(), Snapshot({NAME: view}), skip=skip)


def states(plan: Plan) -> dict[str, str | None]:
    """Return the state of each tag of the only image."""
    return {item.tag.name: item.state for item in plan.images[0].tags}


def test_the_same_inputs_are_not_built_again() -> None:
    plan = plan_for({INPUTS_TAG: IMAGE_OF_SAME_INPUTS, "main": IMAGE_WITHOUT_INPUTS})
    plan.check()
    (item,) = plan.images
    assert (item.build_needed, item.published) == (False, IMAGE_OF_SAME_INPUTS)
    assert item.because == f"the same inputs are published as {INPUTS_TAG}"
    assert states(plan) == {SHA_TAG: "new", "1.2.3": "new", "main": "moves", "latest": "new"}
    assert plan_json(plan)["images"][0]["inputs"] == {
        "digest": CURRENT_INPUTS.digest,
        "tag": INPUTS_TAG,
        "because": None,
    }


def test_the_inputs_tag_is_one_of_the_tags_to_read() -> None:
    planned = tuple(tag.name for tag in ALL_TAGS)
    revisions = tuple(f"{SHA_TAG}-r{number}" for number in range(2, 21))
    assert image_of().tag_names == (*planned, INPUTS_TAG, *revisions)
    assert image_of(Inputs(unknown_reason="who knows")).tag_names == (*planned, *revisions)


def test_an_image_with_other_inputs_in_its_annotations_is_not_used() -> None:
    plan = plan_for({INPUTS_TAG: IMAGE_OF_OTHER_INPUTS})
    assert plan.images[0].build_needed
    assert "no image has the same inputs" in plan.images[0].because


def test_an_image_without_annotations_is_identified_by_its_inputs_tag() -> None:
    assert plan_for({INPUTS_TAG: IMAGE_WITHOUT_INPUTS}).images[0].published == IMAGE_WITHOUT_INPUTS


def test_an_image_of_the_same_inputs_is_used_under_any_tag() -> None:
    assert plan_for({"main": IMAGE_OF_SAME_INPUTS}).images[0].published == IMAGE_OF_SAME_INPUTS


def test_the_image_of_the_commit_is_preferred_to_one_of_the_same_inputs() -> None:
    commit_image = manifest("own", REVISION_A)
    plan = plan_for({SHA_TAG: commit_image, INPUTS_TAG: IMAGE_OF_SAME_INPUTS})
    plan.check()
    assert plan.images[0].published == commit_image
    assert "this commit" in plan.images[0].because


def test_an_uncommitted_tree_uses_an_image_of_the_same_inputs() -> None:
    state = dirty()
    plan = plan_for({INPUTS_TAG: IMAGE_OF_SAME_INPUTS}, planned_image=image_of(tags=tags(state)), state=state)
    plan.check()
    assert plan.images[0].published == IMAGE_OF_SAME_INPUTS
    assert states(plan) == {f"{SHA_TAG}-dirty": "new"}


def test_with_unknown_inputs_the_commit_decides() -> None:
    unknown = image_of(Inputs(unknown_reason="docker fetches the context itself"))
    item = plan_for({}, planned_image=unknown).images[0]
    assert item.because.endswith("and its inputs can't be told: docker fetches the context itself")
    assert not plan_for({SHA_TAG: manifest("own")}, planned_image=unknown).images[0].build_needed


@pytest.mark.parametrize(
    ("published", "inputs", "conflict"),
    [
        (IMAGE_OF_SAME_INPUTS, CURRENT_INPUTS, False),
        (IMAGE_OF_SAME_INPUTS, Inputs(f"sha256:{'e' * 64}", CURRENT_INPUTS.tracked_digest), False),
        (IMAGE_OF_SAME_INPUTS, Inputs(None, CURRENT_INPUTS.tracked_digest, "the registry is away"), False),
        (IMAGE_OF_SAME_INPUTS, None, False),
        (IMAGE_OF_OTHER_INPUTS, CURRENT_INPUTS, True),
        (IMAGE_WITHOUT_INPUTS, CURRENT_INPUTS, True),
        (IMAGE_WITHOUT_INPUTS, None, True),
    ],
    ids=[
        *("the same", "another base image since", "another base image, or none", "another setting since"),
        *("another commit's files", "published for its commit", "published for its commit, by this setting as well"),
    ],
)
def test_the_tag_of_a_commit_on_the_image_of_another_commit(
    published: StoredImage, inputs: Inputs | None, conflict: bool
) -> None:
    plan = plan_for({SHA_TAG: published}, planned_image=image_of(inputs))
    assert bool(plan.conflicts) == conflict
    if conflict:
        assert REVISION_B in plan.conflicts[0].error.cause


def test_a_version_tag_on_another_image_is_refused() -> None:
    with pytest.raises(Refused, match=IMAGE_OF_OTHER_INPUTS.digest):
        plan_for({INPUTS_TAG: IMAGE_OF_SAME_INPUTS, "1.2.3": IMAGE_OF_OTHER_INPUTS}).check()


def test_with_never_a_published_image_is_built_and_its_digest_is_named() -> None:
    commit_image = manifest("own", REVISION_A)
    without_release = image_of(None, [tag for tag in ALL_TAGS if tag.name != "1.2.3"])
    published = {SHA_TAG: commit_image, "main": IMAGE_WITHOUT_INPUTS}
    plan = plan_for(published, skip="never", planned_image=without_release)
    plan.check()
    (item,) = plan.images
    assert item.build_needed
    assert commit_image.digest in item.because
    assert states(plan) == {SHA_TAG: "present", "main": "moves", "latest": "new"}
    assert plan_for({}, skip="never", planned_image=image_of(None)).images[0].because == "ECR_SKIP is never"
