"""ECR_SKIP in the plan: what is found by its inputs, and what is built all the same."""

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
from ecr_tasks.source.state import SourceState
from ecr_tasks.tags.from_settings import tags
from ecr_tasks.tasks.plan import plan_json
from tests.support.build import ALL_TAGS, REVISION_A, REVISION_B, SHA_TAG, dirty, manifest, repository, source
from tests.support.inputs import NAME, OTHER, OURS, PLAIN, TAG, THERE, of


def planned(
    there: Mapping[str, StoredImage],
    *,
    skip: Skip = "content",
    made: Image | None = None,
    state: SourceState | None = None,
) -> Plan:
    view = RepositoryView(repository(), there)
    return make_plan([made or of()], state or source(), Snapshot({NAME: view}), skip=skip)


def states(plan: Plan) -> dict[str, str | None]:
    return {item.tag.name: item.state for item in plan.images[0].tags}


def test_the_same_inputs_are_not_built_again() -> None:
    plan = planned({TAG: THERE, "main": PLAIN})
    plan.check()
    (item,) = plan.images
    assert (item.build_needed, item.published) == (False, THERE)
    assert item.because == f"the same inputs are published as {TAG}"
    assert states(plan) == {SHA_TAG: "new", "1.2.3": "new", "main": "moves", "latest": "new"}
    assert plan_json(plan)["images"][0]["inputs"] == {"digest": OURS.digest, "tag": TAG, "because": None}


def test_the_inputs_tag_is_asked_for_with_the_others() -> None:
    assert of().tag_names == (*(tag.name for tag in ALL_TAGS), TAG)
    assert of(Inputs(unknown="who knows")).tag_names == tuple(tag.name for tag in ALL_TAGS)


def test_an_image_of_other_inputs_is_not_taken_whatever_its_tag_says() -> None:
    plan = planned({TAG: OTHER})
    assert plan.images[0].build_needed
    assert "no image has the same inputs" in plan.images[0].because


def test_an_image_without_annotations_is_taken_at_its_tags_word() -> None:
    assert planned({TAG: PLAIN}).images[0].published == PLAIN


def test_any_tag_that_is_looked_at_may_have_the_image() -> None:
    assert planned({"main": THERE}).images[0].published == THERE


def test_a_commits_own_image_comes_before_one_of_its_inputs() -> None:
    own = manifest("own", REVISION_A)
    plan = planned({SHA_TAG: own, TAG: THERE})
    plan.check()
    assert plan.images[0].published == own
    assert "this commit" in plan.images[0].because


def test_an_uncommitted_tree_takes_an_image_of_its_inputs() -> None:
    state = dirty()
    plan = planned({TAG: THERE}, made=of(names=tags(state)), state=state)
    plan.check()
    assert plan.images[0].published == THERE
    assert states(plan) == {f"{SHA_TAG}-dirty": "new"}


def test_inputs_that_cant_be_told_leave_the_commit_to_decide() -> None:
    unknown = of(Inputs(unknown="docker fetches the context itself"))
    item = planned({}, made=unknown).images[0]
    assert item.because.endswith("and its inputs can't be told: docker fetches the context itself")
    assert not planned({SHA_TAG: manifest("own")}, made=unknown).images[0].build_needed


@pytest.mark.parametrize(
    ("there", "inputs", "conflict"),
    [
        (THERE, OURS, False),
        (THERE, Inputs(f"sha256:{'e' * 64}", OURS.tracked), False),
        (THERE, Inputs(None, OURS.tracked, "the registry is away"), False),
        (THERE, None, False),
        (OTHER, OURS, True),
        (PLAIN, OURS, True),
        (PLAIN, None, True),
    ],
    ids=[
        *("the same", "another base image since", "another base image, or none", "another setting since"),
        *("another commit's files", "published for its commit", "published for its commit, by this setting as well"),
    ],
)
def test_a_commits_tag_on_another_commits_image(there: StoredImage, inputs: Inputs | None, conflict: bool) -> None:
    plan = planned({SHA_TAG: there}, made=of(inputs))
    assert bool(plan.conflicts) == conflict
    if conflict:
        assert REVISION_B in plan.conflicts[0].error.cause


def test_a_version_that_is_another_image_is_refused_as_ever() -> None:
    with pytest.raises(Refused, match=OTHER.digest):
        planned({TAG: THERE, "1.2.3": OTHER}).check()


def test_never_builds_what_is_published_and_says_what_it_must_be() -> None:
    own = manifest("own", REVISION_A)
    plan = planned({SHA_TAG: own, "main": PLAIN}, skip="never", made=of(None))
    plan.check()
    (item,) = plan.images
    assert item.build_needed
    assert own.digest in item.because
    assert states(plan) == {SHA_TAG: "present", "1.2.3": "new", "main": "moves", "latest": "new"}
    assert planned({}, skip="never", made=of(None)).images[0].because == "ECR_SKIP is never"
