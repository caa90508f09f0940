"""Tests of plan/plan: which images are built, which tags are set, and what is refused, before a build."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from ecr_tasks.errors import BuildError, ExitCode, Refused, RegistryError
from ecr_tasks.model.image import BuildDefinition, Inputs
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Mutability, Repository, RepositoryView
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.conflicts import Conflict
from ecr_tasks.plan.plan import Plan, make_plan
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tasks.plan import plan_json
from tests.support.build import (
    ACCOUNT,
    ALL_TAGS,
    BRANCH,
    FIXED,
    HOST,
    LATEST,
    REVISION_A,
    REVISION_B,
    SHA_TAG,
    VERSION,
    digest,
    dirty,
    image,
    manifest,
    repository,
    source,
    tags,
)

COMMIT_IMAGE = manifest("ours")
OTHER_IMAGE = manifest("other", REVISION_B)
INPUTS = Inputs(digest("inputs"))


def plan_for(
    tags_in_registry: Mapping[str, StoredImage] | None = None,
    *,
    target: Repository | None = None,
    state: SourceState | None = None,
    image_tags: Sequence[Tag] = ALL_TAGS,
) -> Plan:
    """Return the plan for one image in a repository with these tags."""
    view = RepositoryView(target or repository(), tags_in_registry or {})
    return make_plan([image(image_tags)], state or source(), Snapshot({"team/app": view}))


def states(plan: Plan) -> dict[str, str | None]:
    """Return the state of each tag of the only image."""
    return {item.tag.name: item.state for item in plan.images[0].tags}


def only_image(plan: Plan) -> PlannedImage:
    """Return the only image of a plan without conflicts."""
    assert plan.conflicts == ()
    plan.check()
    return plan.images[0]


def refusal(plan: Plan) -> Refused:
    """Return the error of a plan that is refused."""
    with pytest.raises(Refused) as error:
        plan.check()
    return error.value


def test_every_tag_is_new_in_an_empty_repository() -> None:
    plan = plan_for()
    assert only_image(plan).build_needed
    assert states(plan) == {SHA_TAG: "new", "1.2.3": "new", "main": "new", "latest": "new"}


def test_moving_tags_move() -> None:
    plan = plan_for({"main": OTHER_IMAGE, "latest": OTHER_IMAGE})
    assert only_image(plan).build_needed
    assert states(plan) == {SHA_TAG: "new", "1.2.3": "new", "main": "moves", "latest": "moves"}
    assert [item.digest for item in plan.images[0].tags] == [None, None, OTHER_IMAGE.digest, OTHER_IMAGE.digest]


def test_a_published_commit_is_not_built() -> None:
    plan = plan_for(dict.fromkeys((tag.name for tag in ALL_TAGS), COMMIT_IMAGE))
    item = only_image(plan)
    assert not item.build_needed
    assert item.published == COMMIT_IMAGE
    assert set(states(plan).values()) == {"present"}
    assert SHA_TAG in item.because


def test_a_published_commit_with_missing_or_moved_tags_is_not_built() -> None:
    plan = plan_for({SHA_TAG: COMMIT_IMAGE, "main": OTHER_IMAGE})
    assert not only_image(plan).build_needed
    assert states(plan) == {SHA_TAG: "present", "1.2.3": "new", "main": "moves", "latest": "new"}


@pytest.mark.parametrize("mutability", ["IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION"])
def test_an_immutable_repository_lets_a_published_commit_be_published_again(mutability: Mutability) -> None:
    tags_in_registry = dict.fromkeys((tag.name for tag in ALL_TAGS), COMMIT_IMAGE)
    assert not only_image(plan_for(tags_in_registry, target=repository(mutability))).build_needed


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
def test_the_mutability_of_the_repository_decides_if_a_moving_tag_moves(
    mutability: Mutability, exclusions: Sequence[str], expected: str
) -> None:
    plan = plan_for({"main": OTHER_IMAGE}, target=repository(mutability, *exclusions))
    assert states(plan)["main"] == expected
    assert bool(plan.conflicts) == (expected == "locked")


def test_a_locked_moving_tag_is_refused_with_the_filter_that_would_help() -> None:
    error = refusal(plan_for({SHA_TAG: COMMIT_IMAGE, "main": OTHER_IMAGE}, target=repository("IMMUTABLE")))
    assert "main" in error.cause
    assert OTHER_IMAGE.digest in error.cause
    assert COMMIT_IMAGE.digest in error.cause
    assert "exclusion filter" in error.remedy


def test_a_version_that_another_commit_has_is_refused_even_where_it_could_be_moved() -> None:
    error = refusal(plan_for({SHA_TAG: COMMIT_IMAGE, "1.2.3": OTHER_IMAGE}))
    assert "1.2.3" in error.cause
    assert COMMIT_IMAGE.digest in error.cause
    assert OTHER_IMAGE.digest in error.cause
    assert REVISION_B in error.cause


def test_a_version_that_is_taken_is_refused_before_the_build() -> None:
    plan = plan_for({"1.2.3": OTHER_IMAGE})
    assert plan.images[0].build_needed
    assert states(plan)["1.2.3"] == "locked"
    assert OTHER_IMAGE.digest in refusal(plan).cause


def test_a_sha_tag_of_another_commit_is_refused() -> None:
    plan = plan_for({SHA_TAG: OTHER_IMAGE})
    assert plan.images[0].because == f"{SHA_TAG} has another commit's image"  # and not that this one is published
    error = refusal(plan)
    assert SHA_TAG in error.cause
    assert OTHER_IMAGE.digest in error.cause
    assert REVISION_B in error.cause


def test_an_image_without_a_revision_counts_as_this_commits_image() -> None:
    assert not only_image(plan_for({SHA_TAG: manifest("by hand", None)}, image_tags=[FIXED])).build_needed


def test_an_uncommitted_tree_is_always_built() -> None:
    state = dirty()
    name = f"{SHA_TAG}-dirty"
    plan = plan_for({name: OTHER_IMAGE, SHA_TAG: COMMIT_IMAGE}, state=state, image_tags=tags(state))
    item = only_image(plan)
    assert item.build_needed
    assert item.published is None
    assert states(plan) == {name: "moves"}
    assert "uncommitted" in item.because


def test_the_tag_of_an_uncommitted_tree_moves_in_a_repository_that_locks_it() -> None:
    state = dirty()
    view = RepositoryView(repository("MUTABLE_WITH_EXCLUSION", "sha-*"), {f"{SHA_TAG}-dirty": OTHER_IMAGE})
    plan = make_plan([image(tags(state))], state, Snapshot({"team/app": view}))
    plan.check()
    assert states(plan) == {f"{SHA_TAG}-dirty": "moves"}


def test_a_folder_without_commits_is_always_built() -> None:
    state = source(revision=None, branch=None)
    item = only_image(plan_for({"unversioned": OTHER_IMAGE}, state=state, image_tags=tags(state)))
    assert item.build_needed
    assert "no commit" in item.because


def test_a_missing_repository_is_an_error_that_names_the_command() -> None:
    plan = make_plan([image()], source(), Snapshot({"team/app": RepositoryView(None)}))
    with pytest.raises(RegistryError) as error:
        plan.check()
    assert error.value.code == ExitCode.REGISTRY
    assert "team/app" in error.value.cause
    assert "repo.ensure" in error.value.remedy
    assert "ECR_CREATE_REPOSITORY=true" in error.value.remedy


def test_a_missing_repository_that_may_be_created_is_no_conflict() -> None:
    plan = make_plan([image()], source(), Snapshot({"team/app": RepositoryView(None)}), create_repository=True)
    item = only_image(plan)
    assert item.build_needed
    assert item.creates_repository
    assert set(states(plan).values()) == {"new"}


def test_a_repository_that_ecr_creates_on_push_is_no_conflict() -> None:
    view = RepositoryView(repository(), template="team")
    plan = make_plan([image()], source(), Snapshot({"team/app": view}))
    item = only_image(plan)
    assert (plan.conflicts, item.build_needed, item.creates_repository) == ((), True, False)
    assert item.because == "its repository does not exist yet"


def test_without_a_snapshot_every_image_is_built_and_no_tag_has_a_state() -> None:
    plan = make_plan([image()], source(), None)
    assert only_image(plan).build_needed
    assert set(states(plan).values()) == {None}
    assert plan.images[0].published is None


def test_several_conflicts_are_one_error_with_the_type_of_the_first() -> None:
    second_image = image(name="team/gone")
    views = {"team/app": RepositoryView(repository(), {"1.2.3": OTHER_IMAGE}), "team/gone": RepositoryView(None)}
    plan = make_plan([image(), second_image], source(), Snapshot(views))
    assert [item.image for item in plan.conflicts] == ["team/app", "team/gone"]
    error = refusal(plan)
    assert "1.2.3" in error.cause
    assert "team/gone" in error.cause


def test_conflicts_of_different_types_are_one_error() -> None:
    conflicts = (Conflict("one", BuildError("No engine.", "Start it.")), Conflict("two", Refused("No.", "Yes.")))
    with pytest.raises(BuildError, match=r"No engine\.[\s\S]*No\."):
        Plan((), conflicts).check()


def test_images_are_planned_each_against_its_own_repository() -> None:
    other = image([FIXED, BRANCH], name="team/worker")
    views = {
        "team/app": RepositoryView(repository(), {SHA_TAG: COMMIT_IMAGE}),
        "team/worker": RepositoryView(repository(name="team/worker")),
    }
    plan = make_plan([image([FIXED, LATEST]), other], source(), Snapshot(views))
    assert [item.build_needed for item in plan.images] == [False, True]


@pytest.mark.parametrize(
    ("reference", "is_refused"),
    [
        (f"{HOST}/team/app:main", True),
        (f"{ACCOUNT}.dkr-ecr.eu-central-1.on.aws/team/app:main", True),  # the same registry by IPv6
        (f"{HOST}/team/app", True),  # latest
        (f"{HOST}/team/app:{INPUTS.tag}", True),
        (f"{HOST}/team/other:main", True),  # of another image of the run
        (f"{HOST}/team/app:cache", False),
        (f"{HOST}/team/third:main", False),
        ("210987654321.dkr.ecr.eu-central-1.amazonaws.com/team/app:main", False),
        ("r.example/team/app:main", False),
        ("team/app:main", False),
    ],
)
@pytest.mark.parametrize("entry", ["type=registry,ref={},mode=max", "{}"])
def test_no_cache_is_written_over_a_tag_of_the_runs_own(reference: str, entry: str, is_refused: bool) -> None:
    definition = BuildDefinition("/project", cache_to=(entry.format(reference),))
    linked = BuildDefinition("/project", linked={"base": definition})
    names = ("team/app", "team/other")
    snapshot = Snapshot({name: RepositoryView(repository(name=name), {}) for name in names})
    for own in (definition, linked):
        app = replace(image(definition=own), inputs=INPUTS)
        plan = make_plan([app, image(name="team/other")], source(), snapshot)
        assert [item.image for item in plan.conflicts] == ["team/app"] * is_refused
    if is_refused:
        assert f"would write its build cache as {reference}" in refusal(plan).cause
    read = BuildDefinition("/project", cache_from=definition.cache_to)
    assert make_plan([image(definition=read)], source(), snapshot).conflicts == ()


def test_a_repository_that_was_not_read_may_be_any_ecrs_or_one_on_this_machine() -> None:
    def conflicts(reference: str) -> tuple[Conflict, ...]:
        definition = BuildDefinition("/project", cache_to=(f"type=registry,ref={reference}",))
        return make_plan([image(definition=definition)], source(), None).conflicts

    for host in (HOST, "127.0.0.1:5000", "localhost:5000"):
        assert len(conflicts(f"{host}/team/app:main")) == 1
        assert conflicts(f"{host}/team/app:buildcache") == ()
    assert conflicts("r.example/team/app:main") == ()


def test_what_is_not_built_writes_no_cache_over_a_tag() -> None:
    definition = BuildDefinition("/project", cache_to=(f"type=registry,ref={HOST}/team/app:main",))
    published = Snapshot({"team/app": RepositoryView(repository(), {SHA_TAG: COMMIT_IMAGE})})
    app = image(definition=definition)
    assert make_plan([app], source(), published).conflicts == ()
    assert len(make_plan([app], source(), published, builds_all=True).conflicts) == 1


def test_the_json_document_has_every_field() -> None:
    plan = plan_for(
        {SHA_TAG: COMMIT_IMAGE, "1.2.3": OTHER_IMAGE, "main": OTHER_IMAGE},
        image_tags=[FIXED, VERSION, BRANCH, LATEST],
    )
    document = json.loads(json.dumps(plan_json(plan)))
    (image_json,) = document["images"]
    assert (image_json["name"], image_json["repository"], image_json["registry"]) == ("team/app", "team/app", HOST)
    assert image_json["build"]["needed"] is False
    assert SHA_TAG in image_json["build"]["because"]
    assert [(tag["tag"], tag["kind"], tag["state"], tag["digest"]) for tag in image_json["tags"]] == [
        (SHA_TAG, "fixed", "present", COMMIT_IMAGE.digest),
        ("1.2.3", "fixed", "locked", OTHER_IMAGE.digest),
        ("main", "moving", "moves", OTHER_IMAGE.digest),
        ("latest", "moving", "new", None),
    ]
    (conflict,) = document["conflicts"]
    assert conflict["image"] == "team/app"
    assert OTHER_IMAGE.digest in conflict["cause"]
    assert REVISION_A not in conflict["remedy"]


def test_the_json_document_has_null_where_the_registry_was_not_read() -> None:
    (image_json,) = plan_json(make_plan([image([FIXED])], source(), None))["images"]
    assert image_json["registry"] is None
    assert image_json["tags"][0]["state"] is None
    assert image_json["build"]["needed"] is True
