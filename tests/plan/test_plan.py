"""The plan: what a run will do and why, decided before anything is built."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from ecr_tasks.errors import BuildError, ExitCode, Refused, RegistryError
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Mutability, Repository, RepositoryView
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.plan import Conflict, Plan, PlannedImage, make_plan
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.source.state import SourceState
from ecr_tasks.tags.from_settings import tags
from ecr_tasks.tasks.plan import plan_json
from tests.support.build import (
    ALL_TAGS,
    BRANCH,
    FIXED,
    HOST,
    LATEST,
    REVISION_A,
    REVISION_B,
    SHA_TAG,
    VERSION,
    dirty,
    image,
    manifest,
    repository,
    source,
)

OURS = manifest("ours")
OTHER = manifest("other", REVISION_B)


def planned(
    there: Mapping[str, StoredImage] | None = None,
    *,
    held_in: Repository | None = None,
    state: SourceState | None = None,
    names: Sequence[Tag] = ALL_TAGS,
) -> Plan:
    """The plan for one image, given what the repository holds under which tags."""
    view = RepositoryView(held_in or repository(), there or {})
    return make_plan([image(names)], state or source(), Snapshot({"team/app": view}))


def states(plan: Plan) -> dict[str, str | None]:
    """What becomes of each tag of the one image."""
    return {item.tag.name: item.state for item in plan.images[0].tags}


def only(plan: Plan) -> PlannedImage:
    """The one image, with nothing in its way."""
    assert plan.conflicts == ()
    plan.check()
    return plan.images[0]


def refused(plan: Plan) -> Refused:
    """The one refusal."""
    with pytest.raises(Refused) as caught:
        plan.check()
    return caught.value


def test_an_empty_repository_gets_every_tag_anew() -> None:
    plan = planned()
    assert only(plan).build_needed
    assert states(plan) == {SHA_TAG: "new", "1.2.3": "new", "main": "new", "latest": "new"}


def test_moving_tags_move() -> None:
    plan = planned({"main": OTHER, "latest": OTHER})
    assert only(plan).build_needed
    assert states(plan) == {SHA_TAG: "new", "1.2.3": "new", "main": "moves", "latest": "moves"}
    assert [item.digest for item in plan.images[0].tags] == [None, None, OTHER.digest, OTHER.digest]


def test_a_published_commit_is_not_built() -> None:
    plan = planned(dict.fromkeys((tag.name for tag in ALL_TAGS), OURS))
    item = only(plan)
    assert not item.build_needed
    assert item.published == OURS
    assert set(states(plan).values()) == {"present"}
    assert SHA_TAG in item.because


def test_a_published_commit_whose_tags_are_missing_or_elsewhere_is_only_retagged() -> None:
    plan = planned({SHA_TAG: OURS, "main": OTHER})
    assert not only(plan).build_needed
    assert states(plan) == {SHA_TAG: "present", "1.2.3": "new", "main": "moves", "latest": "new"}


@pytest.mark.parametrize("mutability", ["IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION"])
def test_an_immutable_repository_lets_a_published_commit_be_published_again(mutability: Mutability) -> None:
    there = dict.fromkeys((tag.name for tag in ALL_TAGS), OURS)
    assert not only(planned(there, held_in=repository(mutability))).build_needed


@pytest.mark.parametrize(
    ("mutability", "exclusions", "expected"),
    [
        ("MUTABLE", (), "moves"),
        ("IMMUTABLE", (), "locked"),
        ("IMMUTABLE_WITH_EXCLUSION", ("ma*", "latest"), "moves"),
        ("IMMUTABLE_WITH_EXCLUSION", ("v*",), "locked"),
        ("MUTABLE_WITH_EXCLUSION", ("ma*", "latest"), "locked"),
    ],
)
def test_whether_a_moving_tag_may_move_is_the_repositorys_word(
    mutability: Mutability, exclusions: Sequence[str], expected: str
) -> None:
    plan = planned({"main": OTHER}, held_in=repository(mutability, *exclusions))
    assert states(plan)["main"] == expected
    assert bool(plan.conflicts) == (expected == "locked")


def test_a_locked_moving_tag_is_refused_with_the_filter_that_would_help() -> None:
    error = refused(planned({SHA_TAG: OURS, "main": OTHER}, held_in=repository("IMMUTABLE")))
    assert "main" in error.cause
    assert OTHER.digest in error.cause
    assert OURS.digest in error.cause
    assert "exclusion filter" in error.remedy


def test_a_version_that_another_commit_has_is_refused_even_where_it_could_be_moved() -> None:
    error = refused(planned({SHA_TAG: OURS, "1.2.3": OTHER}))
    assert "1.2.3" in error.cause
    assert OURS.digest in error.cause
    assert OTHER.digest in error.cause
    assert REVISION_B in error.cause


def test_a_version_that_is_taken_is_refused_before_the_build() -> None:
    plan = planned({"1.2.3": OTHER})
    assert plan.images[0].build_needed
    assert states(plan)["1.2.3"] == "locked"
    assert OTHER.digest in refused(plan).cause


def test_another_commit_whose_id_begins_alike_is_refused() -> None:
    error = refused(planned({SHA_TAG: OTHER}))
    assert SHA_TAG in error.cause
    assert OTHER.digest in error.cause
    assert REVISION_B in error.cause


def test_an_image_that_does_not_say_its_commit_is_taken_for_ours() -> None:
    assert not only(planned({SHA_TAG: manifest("by hand", None)}, names=[FIXED])).build_needed


def test_a_dirty_tree_is_built_whatever_is_published() -> None:
    state = dirty()
    name = f"{SHA_TAG}-dirty"
    plan = planned({name: OTHER, SHA_TAG: OURS}, state=state, names=tags(state))
    item = only(plan)
    assert item.build_needed
    assert item.published is None
    assert states(plan) == {name: "moves"}
    assert "uncommitted" in item.because


def test_an_uncommitted_trees_tag_moves_also_where_the_repository_locks_it() -> None:
    state = dirty()
    view = RepositoryView(repository("MUTABLE_WITH_EXCLUSION", "sha-*"), {f"{SHA_TAG}-dirty": OTHER})
    plan = make_plan([image(tags(state))], state, Snapshot({"team/app": view}))
    plan.check()
    assert states(plan) == {f"{SHA_TAG}-dirty": "moves"}


def test_a_folder_without_commits_is_built_whatever_is_published() -> None:
    state = source(revision=None, branch=None)
    item = only(planned({"unversioned": OTHER}, state=state, names=tags(state)))
    assert item.build_needed
    assert "no commit" in item.because


def test_a_missing_repository_stops_here_and_names_the_command() -> None:
    plan = make_plan([image()], source(), Snapshot({"team/app": RepositoryView(None)}))
    with pytest.raises(RegistryError) as caught:
        plan.check()
    assert caught.value.code == ExitCode.REGISTRY
    assert "team/app" in caught.value.cause
    assert "repo.ensure" in caught.value.remedy
    assert "ECR_CREATE_REPOSITORY=true" in caught.value.remedy


def test_a_missing_repository_that_may_be_created_is_in_nobodys_way() -> None:
    plan = make_plan([image()], source(), Snapshot({"team/app": RepositoryView(None)}), create_repository=True)
    item = only(plan)
    assert item.build_needed
    assert item.creates_repository
    assert set(states(plan).values()) == {"new"}


def test_without_the_registrys_word_everything_is_built_and_nothing_claimed() -> None:
    plan = make_plan([image()], source(), None)
    assert only(plan).build_needed
    assert set(states(plan).values()) == {None}
    assert plan.images[0].published is None


def test_several_conflicts_are_told_together_and_end_as_the_first() -> None:
    gone = image(name="team/gone")
    views = {"team/app": RepositoryView(repository(), {"1.2.3": OTHER}), "team/gone": RepositoryView(None)}
    plan = make_plan([image(), gone], source(), Snapshot(views))
    assert [item.image for item in plan.conflicts] == ["team/app", "team/gone"]
    error = refused(plan)
    assert "1.2.3" in error.cause
    assert "team/gone" in error.cause


def test_conflicts_of_any_kind_can_be_told_together() -> None:
    conflicts = (Conflict("one", BuildError("No engine.", "Start it.")), Conflict("two", Refused("No.", "Yes.")))
    with pytest.raises(BuildError, match=r"No engine\.[\s\S]*No\."):
        Plan((), conflicts).check()


def test_images_are_planned_each_against_its_own_repository() -> None:
    other = image([FIXED, BRANCH], name="team/worker")
    views = {
        "team/app": RepositoryView(repository(), {SHA_TAG: OURS}),
        "team/worker": RepositoryView(repository(name="team/worker")),
    }
    plan = make_plan([image([FIXED, LATEST]), other], source(), Snapshot(views))
    assert [item.build_needed for item in plan.images] == [False, True]


def test_the_json_document_has_every_field() -> None:
    plan = planned({SHA_TAG: OURS, "1.2.3": OTHER, "main": OTHER}, names=[FIXED, VERSION, BRANCH, LATEST])
    document = json.loads(json.dumps(plan_json(plan)))
    (found,) = document["images"]
    assert (found["name"], found["repository"], found["registry"]) == ("team/app", "team/app", HOST)
    assert found["build"]["needed"] is False
    assert SHA_TAG in found["build"]["because"]
    assert [(tag["tag"], tag["kind"], tag["state"], tag["digest"]) for tag in found["tags"]] == [
        (SHA_TAG, "fixed", "present", OURS.digest),
        ("1.2.3", "fixed", "locked", OTHER.digest),
        ("main", "moving", "moves", OTHER.digest),
        ("latest", "moving", "new", None),
    ]
    (conflict,) = document["conflicts"]
    assert conflict["image"] == "team/app"
    assert OTHER.digest in conflict["cause"]
    assert REVISION_A not in conflict["remedy"]


def test_the_json_document_says_null_where_the_registry_was_not_asked() -> None:
    (found,) = plan_json(make_plan([image([FIXED])], source(), None))["images"]
    assert found["registry"] is None
    assert found["tags"][0]["state"] is None
    assert found["build"]["needed"] is True
