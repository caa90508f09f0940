"""Tests of `outdated` on a command line: which published images stand on a base image that has moved."""

from __future__ import annotations

import json

import pytest

from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.manifest import BASE_DIGEST, BASE_NAME, REVISION, SETTINGS, StoredImage
from tests.support.build import HOST, INDEX, manifest
from tests.tasks.conftest import Project
from tests.tasks.several_images import several

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
PYTHON = "docker.io/library/python:3.12"
GOLANG = "docker.io/library/golang:1"


@pytest.fixture
def published(project: Project) -> Project:
    """A repository with an image on each base, one that fixes it, and one that says nothing of it."""
    images = {
        "old": manifest("old", annotations={BASE_NAME: PYTHON, BASE_DIGEST: A}),
        "new": manifest("new", annotations={BASE_NAME: PYTHON, BASE_DIGEST: B}),
        "fixed": manifest("fixed", annotations={BASE_NAME: PYTHON.partition(":")[0], BASE_DIGEST: A}),
        "silent": manifest("silent"),
    }
    for tag, image in images.items():
        project.registry.stored["team/app"][image.digest] = image
        project.registry.tags["team/app"][tag] = image.digest
    project.docker.registry_bases[PYTHON] = B
    return project


def test_the_state_of_each_published_image_is_told(published: Project) -> None:
    result = published.inv("outdated", "--json")
    found = {image["tags"][0]: image for image in result.document["images"]}
    assert {tag: image["state"] for tag, image in found.items()} == {
        "old": "moved",
        "new": "current",
        "fixed": "unknown",
        "silent": "unknown",
    }
    assert found["old"]["base"] == {"name": PYTHON, "digest": A, "now": B}
    assert found["silent"]["because"] == "it doesn't say what it stands on"


def on_both(revision: str) -> StoredImage:
    """Return an image of a commit for two platforms that stand on different images."""
    entries = [
        {"digest": digest, "size": 1, "platform": {"os": "linux", "architecture": arch}, "annotations": annotations}
        for digest, arch, annotations in (
            (B, "amd64", {BASE_NAME: PYTHON, BASE_DIGEST: B}),
            (A, "arm64", {BASE_NAME: GOLANG, BASE_DIGEST: B}),
        )
    ]
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries, "annotations": {REVISION: revision}}
    text = json.dumps(document)
    return StoredImage(sha256_digest(text), text, INDEX)


def test_of_several_platforms_each_ones_base_counts(published: Project) -> None:
    image = on_both(published.revision)
    published.registry.stored["team/app"][image.digest] = image
    published.registry.tags["team/app"]["both"] = image.digest
    published.docker.registry_bases[GOLANG] = B
    assert published.inv("outdated", "--check", "--filter", "both").code == 0
    published.docker.registry_bases[GOLANG] = A
    (found,) = published.inv("outdated", "--json", "--filter", "both").document["images"]
    assert (found["state"], found["base"]) == ("moved", {"name": GOLANG, "digest": B, "now": A})


def test_an_image_whose_tags_all_have_later_revisions_is_no_more_outdated(published: Project) -> None:
    tags = published.registry.tags["team/app"]
    tags.update({"1.2.3": tags["old"], "old-r2": tags["new"], "1.2.3-r2": tags["new"]})
    result = published.inv("outdated", "--json", "--check")
    assert result.code == 0
    found = {image["tags"][0]: image for image in result.document["images"]}
    old = next(image for image in found.values() if "old" in image["tags"])
    assert (old["state"], old["because"]) == ("replaced", "published anew as 1.2.3-r2")
    tags["stable"] = tags["old"]  # which somebody may still pull
    assert published.inv("outdated", "--check").code == 6


def test_nothing_is_pulled_and_each_base_is_asked_for_once(published: Project) -> None:
    assert published.inv("outdated").code == 0
    names = [name for name, *_ in published.calls.log]
    assert (names.count("image_digest"), "pull" in names) == (1, False)


def test_check_exits_with_6_and_names_what_builds_anew(published: Project) -> None:
    result = published.inv("outdated", "--check")
    assert result.code == 6
    assert "1 of 4 published images stand on a base image that has moved." in result.stderr
    assert "inv push --republish --pull" in result.stderr
    assert published.inv("outdated", "--check", "--filter", "new").code == 0


def test_a_base_image_that_cant_be_looked_up_is_an_error_after_the_table(published: Project) -> None:
    published.docker.registry_bases.clear()
    result = published.inv("outdated")
    assert result.code == 5
    assert "silent" in result.stdout
    assert f"There is no {PYTHON}" in result.stderr


@pytest.mark.parametrize("words", [["--limit", "0"], ["--limit", "x"]])
def test_a_limit_that_is_no_number_is_refused(published: Project, words: list[str]) -> None:
    published.inv("outdated", *words).failed(2)


@pytest.mark.parametrize("words", [[], ["--check"], ["--json"]])
def test_a_filter_that_no_tag_matches_is_an_error(published: Project, words: list[str]) -> None:
    result = published.inv("outdated", "--filter", "nwe", *words)
    assert "No image in team/app has a tag like 'nwe'." in result.failed(2)
    assert result.stdout == ""


def test_an_empty_repository_has_no_outdated_image(project: Project) -> None:
    assert project.inv("outdated", "--check").code == 0


def test_push_outdated_builds_only_where_the_base_has_moved(project: Project) -> None:
    project.write("Dockerfile", "FROM python:3.12\n")
    project.commit()
    project.docker.unstable = True
    project.docker.registry_bases[PYTHON] = A
    assert project.inv("push", "--outdated").code == 0  # the commit isn't published yet
    result = project.inv("push", "--outdated")
    assert (result.code, project.docker.builds) == (0, 1)
    assert project.tags["main"] in result.stdout
    assert "no image of this commit stands on a base image that has moved" in result.stderr
    project.docker.registry_bases[PYTHON] = B
    assert project.inv("push", "--outdated").code == 0
    assert project.docker.builds == 2
    sha = f"sha-{project.revision[:7]}"
    assert project.tags["main"] == project.tags[f"{sha}-r2"] != project.tags[sha]


@pytest.mark.parametrize(
    ("on", "because"),
    [
        (PYTHON, None),
        (GOLANG, f"it stands on {GOLANG}; "),
        ("both", f"it stands on {PYTHON}, {GOLANG}; "),
        ("unknown", "it doesn't say what it stands on; "),
    ],
)
def test_push_outdated_builds_anew_what_stands_on_other_images_than_its_dockerfile_names(
    project: Project, on: str, because: str | None
) -> None:
    """A build argument may have named the other one."""
    project.write("Dockerfile", "FROM python:3.12\n")
    project.commit()
    project.docker.registry_bases[PYTHON] = B
    annotations = {} if on == "unknown" else {BASE_NAME: on, BASE_DIGEST: B}
    image = on_both(project.revision) if on == "both" else manifest("app", project.revision, annotations)
    project.registry.put("team/app", image, f"sha-{project.revision[:7]}", "main")
    result = project.inv("push", "--outdated")
    assert (result.code, project.docker.builds) == (0, 0 if because is None else 1)
    assert because is None or because in result.stderr


@pytest.mark.parametrize(("bases", "is_older"), [({PYTHON: A}, True), ({PYTHON: B}, False), ({PYTHON: None}, False)])
def test_push_outdated_names_a_lock_that_the_next_commit_is_built_on_again(
    project: Project, bases: dict[str, str | None], is_older: bool
) -> None:
    project.write("Dockerfile", "FROM python:3.12\n")
    project.write("ecr-bases.lock", json.dumps({"schema": 1, "bases": bases}))
    project.commit()
    project.docker.registry_bases[PYTHON] = A
    assert project.inv("push", "--outdated").code == 0
    project.docker.registry_bases[PYTHON] = B
    result = project.inv("push", "--outdated")
    warning = f"ecr-bases.lock has another digest of {PYTHON} than its registry now"
    assert (result.code, warning in result.stderr) == (0, is_older)
    del project.docker.registry_bases[PYTHON]  # its registry doesn't answer
    result = project.inv("push", "--outdated")
    assert (result.code != 0, "ecr-bases.lock has another" in result.stderr) == (True, False)


@pytest.mark.parametrize("moved", [False, True])
def test_push_outdated_builds_nothing_else_with_ecr_skip_never(two: Project, moved: bool) -> None:
    if moved:
        two.docker.registry_bases[PYTHON] = B
    assert two.inv("push", "--outdated", ECR_SKIP="never").code == 0
    assert built(two) == ([("api", True)] if moved else [])


def test_build_before_push_outdated_is_refused(project: Project) -> None:
    assert "inv push --outdated" in project.inv("build", "push", "--outdated").failed(2)


def test_push_outdated_ends_where_a_base_cant_be_looked_up(project: Project) -> None:
    project.write("Dockerfile", "FROM python:3.12\n")
    project.commit()
    project.inv("build", "push")
    assert f"There is no {PYTHON}" in project.inv("push", "--outdated").failed(5)
    assert project.docker.builds == 1


def test_an_image_on_nothing_is_never_outdated(project: Project) -> None:
    project.inv("build", "push")
    assert project.inv("push", "--outdated").code == 0
    assert project.docker.builds == 1


@pytest.fixture
def two(project: Project) -> Project:
    """Two published images, each of a folder and on a base image of its own."""
    for name, base in {"api": "python:3.12", "web": "golang:1"}.items():
        project.write(f"{name}/Dockerfile", f"FROM {base}\n")
    several(project, "api", "web")
    project.docker.bake_targets = {name: BuildDefinition(name) for name in ("api", "web")}
    project.docker.unstable = True
    project.docker.annotations += (SETTINGS,)
    project.docker.registry_bases |= {PYTHON: A, GOLANG: A}
    assert project.inv("push", "--outdated").code == 0
    project.docker.inputs.clear()
    return project


def built(project: Project) -> list[tuple[str, bool]]:
    """Return what was built, and whether on today's base images."""
    return [(item.name, item.definition.extra.get("pull", False)) for item in project.docker.inputs]


def test_push_outdated_prints_every_image_and_builds_those_on_what_has_moved(two: Project) -> None:
    before = two.inv("push").stdout.splitlines()
    two.docker.registry_bases[PYTHON] = B
    result = two.inv("push", "--outdated")
    assert f"{PYTHON} has moved; sha-{two.revision[:7]} is published" in result.stderr
    assert built(two) == [("api", True)]
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{HOST}/team/api@")
    assert (lines[0] == before[0], lines[1:]) == (False, before[1:])
    assert [image["name"] for image in two.receipt["images"]] == ["api", "web"]


def test_push_outdated_of_another_commit_builds_no_image_that_git_proves_unchanged(two: Project) -> None:
    two.write("api/file", "changed")
    two.commit()
    assert two.inv("push", "--outdated").code == 0
    assert built(two) == [("api", True)]
    tags = two.registry.tags["team/web"]
    assert tags[f"sha-{two.revision[:7]}"] == tags["main"]


def test_push_outdated_of_another_commit_builds_what_git_proves_unchanged_on_a_base_that_has_moved(
    two: Project,
) -> None:
    two.write("api/file", "changed")
    two.commit()
    two.docker.registry_bases[GOLANG] = B
    result = two.inv("push", "--outdated")
    assert (result.code, sorted(built(two))) == (0, [("api", True), ("web", True)])
    assert f"{GOLANG} has moved" in result.stderr
    tags = two.registry.tags["team/web"]
    assert (tags[f"sha-{two.revision[:7]}"], [tag for tag in tags if "-r2" in tag]) == (tags["main"], [])
