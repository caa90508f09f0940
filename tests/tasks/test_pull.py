"""Tests of `pull` on a command line."""

from __future__ import annotations

import pytest

from tests.support.build import HOST, REVISION_B, manifest
from tests.tasks.conftest import Project

OLD_IMAGE = manifest("old", REVISION_B)


def test_pull_gets_the_pushed_image_by_digest(project: Project) -> None:
    result = project.inv("build", "push", "pull")
    assert project.calls.named("pull") == [("pull", project.reference, "")]
    assert result.stdout == f"{project.reference}\n" * 2


def test_pull_gets_the_last_revision_of_a_commit(project: Project) -> None:
    project.inv("build", "push")
    (fixed,) = [tag for tag in project.registry.tags["team/app"] if tag.startswith("sha-")]
    revision = manifest("built anew", None)
    project.registry.put("team/app", revision, f"{fixed}-r2")
    assert project.inv("pull").stdout == f"{HOST}/team/app@{revision.digest}\n"


def test_pull_by_tag_and_platform(project: Project) -> None:
    project.registry.put("team/app", OLD_IMAGE, "stable")
    result = project.inv("pull", "--image", "stable", "--platform", "linux/arm64")
    assert result.stdout == f"{HOST}/team/app@{OLD_IMAGE.digest}\n"
    assert project.calls.named("pull") == [("pull", f"{HOST}/team/app@{OLD_IMAGE.digest}", "linux/arm64")]
    assert project.docker.store[f"{HOST}/team/app:stable"] == OLD_IMAGE
    names = [call[0] for call in project.calls.log]
    assert names.index("authorize") < names.index("pull")


def test_pull_takes_its_image_by_position(project: Project) -> None:
    project.registry.put("team/app", OLD_IMAGE, "stable")
    for line in ("pull stable", "pull --platform linux/arm64 stable", "ci.context pull stable"):
        result = project.inv(*line.split())
        assert result.stdout.splitlines()[-1:] == [f"{HOST}/team/app@{OLD_IMAGE.digest}"], result.stderr
    assert project.inv("pull", "settings").code == 5  # another task's name is no image


def test_a_missing_image_or_repository_is_named(project: Project) -> None:
    assert "nosuch" in project.inv("pull", "--image", "nosuch").failed(5)
    assert "team/new" in project.inv("pull", "--image", "1", ECR_REPOSITORY="team/new").failed(5)


def test_pull_by_the_reference_that_push_printed(project: Project) -> None:
    project.registry.put("team/app", OLD_IMAGE, "stable")
    reference = f"{HOST}/team/app@{OLD_IMAGE.digest}"
    result = project.inv("pull", "--image", reference)
    assert result.stdout == f"{reference}\n", result.stderr
    assert project.inv("pull", "--image", f"https://{HOST}/team/app:stable").stdout == f"{reference}\n"
    assert "team/other" in project.inv("pull", "--image", f"{HOST}/team/other:stable").failed(2)
    assert "elsewhere" in project.inv("pull", "--image", "elsewhere:5000/team/app:stable").failed(5)


@pytest.mark.parametrize("words", [("pull",), ("pull", "--image", "stable")])
def test_what_is_printed_is_what_was_pulled_though_the_tag_moves(project: Project, words: tuple[str, ...]) -> None:
    project.inv("build", "push")
    (fixed,) = [tag for tag in project.registry.tags["team/app"] if tag.startswith("sha-")]
    project.registry.put("team/app", project.image, "stable")
    for moment in ("authorize", "image"):
        project.registry.put("team/app", project.image, fixed, "stable")
        project.calls.after[moment] = lambda: project.registry.put("team/app", OLD_IMAGE, fixed, "stable")
        assert project.inv(*words).stdout == f"{project.reference}\n"
        assert [call[1] for call in project.calls.named("pull")] == [project.reference]


def test_another_commits_image_is_not_pulled_as_this_ones(project: Project) -> None:
    project.git("tag", "v1.2.3")
    project.registry.put("team/app", OLD_IMAGE, "1.2.3")
    assert REVISION_B in project.inv("pull", ECR_TAGS="type=semver,pattern={{version}}").failed(6)
    assert project.calls.named("pull") == []


def test_json_has_the_local_names(project: Project) -> None:
    project.registry.put("team/app", OLD_IMAGE, "stable")
    reference = f"{HOST}/team/app@{OLD_IMAGE.digest}"
    for name, tags in (("stable", [f"{HOST}/team/app:stable"]), (OLD_IMAGE.digest, [])):
        (image,) = project.inv("pull", name, "--json").document["images"]
        assert image == {"reference": reference, "digest": OLD_IMAGE.digest, "tags": tags}


def test_pulling_leaves_the_receipt_of_the_push(project: Project) -> None:
    project.inv("build", "push", "pull")
    assert project.receipt["images"][0]["published"]
    project.inv("pull")
    assert project.receipt["images"][0]["published"]
