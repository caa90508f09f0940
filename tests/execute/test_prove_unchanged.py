"""Tests of the published image that git proves to have an image's inputs, and of the plan for its tags."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecr_tasks.execute.prove_unchanged import MAX_TAGS, SAMPLE, Difference, git_proof
from ecr_tasks.model.image import BuildDefinition, Fresh, Image
from ecr_tasks.model.manifest import IGNORED_FILES, REVISION, SETTINGS, StoredImage
from ecr_tasks.plan.build_settings import SCHEMA
from ecr_tasks.plan.plan import make_plan
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.snapshot import GitProof, Snapshot
from tests.support.build import BRANCH, REVISION_A, REVISION_B, SHA_TAG, image, manifest, repository, source
from tests.support.fakes import Calls, FakeRegistry

NAME = "team/app"
NOW = f"{SCHEMA} target=1"
IMAGE = image(definition=BuildDefinition("/project", labels={SETTINGS: NOW}))


def before(settings: str | None = NOW) -> StoredImage:
    """Return the image of the commit before, as the branch has it."""
    return manifest("before", REVISION_B, {SETTINGS: settings} if settings else None)


def unchanged(definition: BuildDefinition, commit: str, *, of_commits: bool = False) -> str | None:
    return None if commit == REVISION_B else f"{commit} is another one"


def look(
    stored: StoredImage, difference: Difference = unchanged, *, tag: str = BRANCH.name, planned: Image = IMAGE
) -> tuple[GitProof | None, PlannedImage, list[str]]:
    """Return what git proves, the plan that it leads to, and which conflicts that has."""
    registry = FakeRegistry(Calls(), repository())
    registry.put(NAME, stored, tag)
    snapshot = Snapshot(registry.describe({NAME: planned.tag_names}))
    item = make_plan([planned], source(), snapshot).images[0]
    proof = git_proof(item, source(), registry, difference, relations={})
    plan = make_plan([planned], source(), replace(snapshot, unchanged={IMAGE.name: proof} if proof else {}))
    return proof, plan.images[0], [conflict.error.cause for conflict in plan.conflicts]


def test_the_branch_s_image_gets_the_new_commit_s_tags_where_git_proves_that_nothing_changed() -> None:
    stored = before()
    proof, item, conflicts = look(stored)
    assert proof == GitProof(frozenset([REVISION_B]), stored)
    assert (item.build_needed, item.published, conflicts) == (False, stored, [])
    assert item.because == f"nothing of it changed since {REVISION_B[:12]}, which is published"
    assert {tag.tag.name: tag.state for tag in item.tags}[SHA_TAG] == "new"


def test_of_hundreds_of_commits_that_an_image_has_some_that_the_clone_knows_are_compared() -> None:
    asked = list[str]()

    def compare(definition: BuildDefinition, commit: str, *, of_commits: bool = False) -> str | None:
        asked.append(commit)
        return f"{commit} is another one"

    tags = tuple(f"sha-{number:07x}" for number in range(1, 900))
    registry = FakeRegistry(Calls(), repository())
    stored = replace(before(), manifest="")
    registry.put(NAME, stored, BRANCH.name, *tags)
    item = make_plan([IMAGE], source(), Snapshot(registry.describe({NAME: IMAGE.tag_names}))).images[0]
    proof = git_proof(item, source(), registry, compare, relations={"0000301": "older"})
    assert proof == GitProof(difference="0000301 is another one")
    assert len(asked) == SAMPLE


def test_an_image_of_several_commits_is_taken_where_one_of_them_has_the_same_inputs() -> None:
    registry = FakeRegistry(Calls(), repository())
    registry.put(NAME, before(), BRANCH.name, "sha-0000001", f"sha-{REVISION_B[:7]}")
    view = registry.describe({NAME: IMAGE.tag_names})[NAME]
    unread = {tag: replace(stored, manifest="") for tag, stored in view.tags.items()}
    item = make_plan([IMAGE], source(), Snapshot({NAME: replace(view, tags=unread)})).images[0]

    def compare(definition: BuildDefinition, commit: str, *, of_commits: bool = False) -> str | None:
        return None if REVISION_B.startswith(commit) else f"{commit} is another one"

    proof = git_proof(item, source(), registry, compare, relations={})
    assert proof == GitProof(frozenset([REVISION_B]), before())


@pytest.mark.parametrize("changed", [replace(IMAGE, dirty=True), replace(IMAGE, outside=True)])
def test_git_proves_nothing_of_what_no_commit_has(changed: Image) -> None:
    proof, item, _ = look(before(), planned=changed)
    assert (proof, item.build_needed) == (None, True)


@pytest.mark.parametrize(
    "tag", ["", f"sha-{REVISION_B[:7]}", f"{REVISION_B[:9]}-alpine", f"v1-{REVISION_B[:7]}.prod"]
)
def test_labels_alone_may_be_a_base_image_s(tag: str) -> None:
    """Of an image that somebody has built from ours by hand, say."""
    stored = replace(manifest("by hand", None), labels={REVISION: REVISION_B, SETTINGS: NOW})
    proof, _, _ = look(replace(stored, tags=(tag,) if tag else ()))
    assert proof is not None
    assert (proof.published is not None) == bool(tag)
    assert tag or "they may be its base image's" in str(proof.difference)


def test_a_later_run_accepts_the_other_commit_s_image_under_this_one_s_tag() -> None:
    proof, item, conflicts = look(before(), tag=SHA_TAG)
    assert proof == GitProof(frozenset([REVISION_B]))
    assert (item.build_needed, conflicts) == (False, [])
    _, _, conflicts = look(before(), lambda definition, commit, **_: "app.py changed", tag=SHA_TAG)
    assert "built from another commit" in conflicts[0]


def test_what_is_in_this_folder_alone_is_no_conflict_with_what_an_earlier_run_took() -> None:
    def compare(definition: BuildDefinition, commit: str, *, of_commits: bool = False) -> str | None:
        return None if of_commits else "an ignored file lies in the build context"

    proof, item, conflicts = look(before(), compare, tag=SHA_TAG)
    assert proof == GitProof(frozenset([REVISION_B]))
    assert (item.build_needed, conflicts) == (False, [])


def test_what_takes_no_other_commit_s_image_accepts_what_an_earlier_run_took() -> None:
    """--republish and ECR_SKIP=never give the commit a revision beside the other one's image; content takes it."""
    registry = FakeRegistry(Calls(), repository())
    registry.put(NAME, before(), SHA_TAG, BRANCH.name)
    snapshot = Snapshot(registry.describe({NAME: IMAGE.tag_names}))
    item = make_plan([IMAGE], source(), snapshot, republish=True).images[0]
    proof = git_proof(item, source(), registry, unchanged, reuses=False, relations={})
    assert proof == GitProof(frozenset([REVISION_B]))
    snapshot = replace(snapshot, unchanged={IMAGE.name: proof})
    plan = make_plan([IMAGE], source(), snapshot, republish=True)
    assert plan.conflicts == ()
    assert plan.images[0].image.tags[0].name == f"{SHA_TAG}-r2"
    assert make_plan([IMAGE], source(), snapshot, skip="content").conflicts == ()
    plan = make_plan([IMAGE], source(), snapshot, skip="never")
    assert plan.conflicts == ()
    assert plan.images[0].image.tags[0].name == f"{SHA_TAG}-r2"  # it can't come out as the other one's
    assert plan.images[0].because.startswith("ECR_SKIP is never, and its image is another commit's; ")


def test_a_commit_that_has_a_revision_of_its_own_is_known_by_that() -> None:
    """Where git can't prove that the other commit is the same, and where ECR_SKIP is never, which makes it once."""
    registry = FakeRegistry(Calls(), repository())
    registry.put(NAME, before(), SHA_TAG)
    registry.put(NAME, manifest("own", REVISION_A, {SETTINGS: NOW}), f"{SHA_TAG}-r2")
    views = registry.describe({NAME: (*IMAGE.tag_names, f"{SHA_TAG}-r2")})
    assert make_plan([IMAGE], source(), Snapshot(views)).conflicts == ()
    nobodys = replace(views[NAME], tags={**views[NAME].tags, f"{SHA_TAG}-r2": manifest("foreign", None)})
    assert make_plan([IMAGE], source(), Snapshot({NAME: nobodys})).conflicts
    snapshot = Snapshot(views, unchanged={IMAGE.name: GitProof(frozenset([REVISION_B]))})
    planned = replace(IMAGE, tags=tuple(tag for tag in IMAGE.tags if tag.name in (SHA_TAG, BRANCH.name)))
    item = make_plan([planned], source(), snapshot, skip="never").images[0]
    assert not item.makes_revision


def test_a_shallow_clone_that_can_t_tell_says_what_helps() -> None:
    registry = FakeRegistry(Calls(), repository())
    registry.put(NAME, before(), SHA_TAG)
    snapshot = Snapshot(registry.describe({NAME: IMAGE.tag_names}))
    error = make_plan([IMAGE], source(shallow=True), snapshot).conflicts[0].error
    assert "this shallow clone can't show whether the two have the same inputs" in error.cause
    assert "git fetch --unshallow" in error.remedy


def test_an_image_is_not_taken_where_none_is_to_be() -> None:
    registry = FakeRegistry(Calls(), repository())
    registry.put(NAME, before(), BRANCH.name)
    item = make_plan([IMAGE], source(), Snapshot(registry.describe({NAME: IMAGE.tag_names}))).images[0]
    assert git_proof(item, source(), registry, unchanged, reuses=False, relations={}) is None


@pytest.mark.parametrize("classic", [False, True])
def test_an_image_with_files_that_git_ignores_is_no_other_commit_s(classic: bool) -> None:
    said = {IGNORED_FILES: "yes", SETTINGS: NOW}
    stored = manifest("before", REVISION_B, said)
    if classic:  # whose manifest has no annotations
        stored = replace(manifest("before", None), labels={REVISION: REVISION_B, **said}, tags=(f"sha-{REVISION_B}",))
    _, item, _ = look(stored)
    assert item.build_needed
    assert item.because.endswith(f"; {REVISION_B[:12]} was built with files that git ignores")


def test_what_changed_is_the_reason_for_the_build() -> None:
    proof, item, _ = look(before(), lambda definition, commit, **_: f"app.py changed since {commit[:12]}")
    assert proof is not None
    assert proof.published is None
    assert item.build_needed
    assert item.because.endswith(f"; app.py changed since {REVISION_B[:12]}")


@pytest.mark.parametrize(
    ("settings", "because"),
    [
        (f"{SCHEMA} target=2", f"{REVISION_B[:12]} was built with other target"),
        (None, f"the settings that {REVISION_B[:12]} was built with are not known"),
        ("0 target=1", f"the settings that {REVISION_B[:12]} was built with are not known"),
    ],
)
def test_other_settings_and_unknown_ones_prove_nothing(settings: str | None, because: str) -> None:
    _, item, _ = look(before(settings))
    assert item.build_needed
    assert because in item.because


@pytest.mark.parametrize("linked", [False, True])
def test_what_is_to_be_built_anew_is_built(linked: bool) -> None:
    definition = Fresh(pull=True, no_cache=True).applied_to(BuildDefinition("/project", labels={SETTINGS: NOW}))
    if linked:
        definition = BuildDefinition("/project", labels={SETTINGS: NOW}, linked={"base": definition})
    _, item, _ = look(before(), planned=image(definition=definition))
    assert item.build_needed
    assert item.because.endswith("; it is to be built with no-cache and pull")
    _, item, conflicts = look(before(), tag=SHA_TAG, planned=image(definition=definition))
    assert (item.build_needed, conflicts) == (False, [])


def test_an_image_whose_commit_is_not_known_proves_nothing() -> None:
    proof, item, _ = look(manifest("foreign", None))
    assert (proof, item.build_needed) == (None, True)


def test_an_image_with_as_many_tags_as_ecr_allows_is_built_anew() -> None:
    tags = tuple(f"sha-{number:07x}" for number in range(MAX_TAGS - 1))  # and main
    _, item, _ = look(replace(before(), tags=tags))
    assert item.build_needed
    assert "950 tags by now" in item.because


def test_the_commit_s_own_image_is_not_compared() -> None:
    proof, item, _ = look(manifest("own", REVISION_A), tag=SHA_TAG)
    assert (proof, item.build_needed) == (None, False)
