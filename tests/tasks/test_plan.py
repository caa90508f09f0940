"""Tests of `plan`, and of --dry, on a command line."""

from __future__ import annotations

import pytest

from ecr_tasks.errors import BuildError, LostBuild, NoAnswer
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.registry import Repository
from tests.support.build import ACCOUNT, HOST, REVISION_B, manifest
from tests.tasks.conftest import CHANGING_CALLS, Project

RELEASE = "type=sha;type=semver,pattern={{version}},value=1.2.3;type=ref,event=branch"
OLD_IMAGE = manifest("old", REVISION_B)


@pytest.mark.parametrize("words", [("--dry", "build", "push"), ("build", "push", "--dry"), ("--dry", "push")])
def test_a_dry_run_shows_the_plan_and_changes_nothing(project: Project, words: tuple[str, ...]) -> None:
    result = project.inv(*words)
    assert (result.code, result.stdout) == (0, "")
    assert "main" in result.stderr
    assert project.calls.named(*CHANGING_CALLS) == []
    assert project.receipt is None


def test_plan_shows_what_would_happen_and_changes_nothing(project: Project) -> None:
    project.registry.put("team/app", OLD_IMAGE, "main")
    result = project.inv("plan")
    assert (result.code, result.stderr) == (0, "")
    assert f"moves from {OLD_IMAGE.digest}" in result.stdout  # complete in a pipe
    assert f"to {HOST}/team/app\n" in result.stdout
    assert project.calls.named(*CHANGING_CALLS) == []
    assert project.receipt is None


def test_plan_asks_for_a_token_only_where_a_base_image_is_read(project: Project) -> None:
    """The build cache isn't read, so nobody needs a right for it to see a plan."""
    assert project.inv("plan", ECR_CACHE="registry").code == 0
    assert project.calls.named("read_dockerfiles") != []
    assert project.calls.named("token") == []
    project.write("Dockerfile", f"FROM {HOST}/base:1\n")
    project.commit()
    assert project.inv("plan", ECR_CACHE="registry").code == 0
    assert len(project.calls.named("token")) == 1


@pytest.mark.parametrize("error", [LostBuild, NoAnswer])
def test_a_builder_that_says_nothing_of_a_dockerfile_is_nothing_in_the_way(
    project: Project, error: type[BuildError]
) -> None:
    def fail() -> None:
        raise error("The builder says nothing.", "Run it again.")

    project.calls.before["read_dockerfiles"] = fail
    result = project.inv("plan", "--json")
    assert (result.code, result.document["conflicts"]) == (0, [])


def test_a_dockerfile_that_docker_would_fetch_is_not_asked_for(project: Project) -> None:
    project.write("docker-bake.hcl", "")
    project.commit()
    project.docker.bake_targets = {"app": BuildDefinition("https://git.example.com/team/app.git")}
    assert project.inv("plan", ECR_BAKE_FILE="docker-bake.hcl").code == 0
    assert project.calls.named("read_dockerfiles") == []


def test_the_builder_is_asked_for_nothing_where_nothing_would_be_built(project: Project) -> None:
    assert project.inv("plan", "--dry").code == 0
    assert project.calls.named("read_dockerfiles") == []
    assert project.inv("build", "push").code == 0
    assert project.inv("plan").code == 0
    assert project.calls.named("read_dockerfiles") == []


def test_the_builder_is_not_asked_to_say_once_more_what_is_in_the_way_of_a_build(project: Project) -> None:
    result = project.inv("plan", "--json", ECR_TARGET="gone")
    assert (result.code, len(result.document["conflicts"])) == (6, 1)
    assert project.calls.named("read_dockerfiles") == []


def test_plan_shows_the_revisions_that_republish_would_give(project: Project) -> None:
    assert project.inv("build", "push", ECR_TAGS=RELEASE).code == 0
    result = project.inv("plan", "--republish", "--json", ECR_TAGS=RELEASE)
    (item,) = result.document["images"]
    fixed = [tag["tag"] for tag in item["tags"] if tag["state"] == "stays"]
    revisions = [tag["tag"] for tag in item["tags"] if tag["because"] == "--republish"]
    assert (result.code, len(fixed)) == (0, 2)
    assert revisions == [f"{name}-r2" for name in fixed]
    shown = project.inv("plan", "--republish", ECR_TAGS=RELEASE).stdout
    assert all(name in shown for name in revisions)
    assert "-r2" not in project.inv("plan", ECR_TAGS=RELEASE).stdout


def test_plan_names_the_change_that_the_run_is_for(project: Project) -> None:
    assert "no branch's tag moves" not in project.inv("plan").stdout
    result = project.inv("plan", ECR_PULL_REQUEST="7")
    assert "this run is for a pull request (ECR_PULL_REQUEST): no branch's tag moves" in result.stdout
    assert "pull request 7 (ECR_PULL_REQUEST)" in result.stdout
    assert "main" not in result.stdout
    (tag,) = project.inv("tags", ECR_PULL_REQUEST="true").stdout.split()
    assert tag.startswith("sha-")


def test_plan_for_one_of_several_runners_has_its_part_and_what_the_last_one_publishes(project: Project) -> None:
    platforms = "linux/amd64,linux/arm64"
    result = project.inv("plan", "--only", "linux/arm64", ECR_PLATFORMS=platforms)
    assert result.code == 0
    assert "build for linux/arm64" in result.stdout
    assert "linux/amd64 by other runners; the last one publishes the image" in result.stdout
    (image,) = project.inv("plan", "--json", "--only", "linux/arm64", ECR_PLATFORMS=platforms).document["images"]
    assert image["part"]["platform"] == "linux/arm64"
    assert "main" in [tag["tag"] for tag in image["tags"]]
    refused = project.inv("plan", "--only", "linux/s390x", ECR_PLATFORMS=platforms)
    assert refused.code == 2
    assert "linux/s390x" in refused.stderr


def test_plan_as_json_is_one_document(project: Project) -> None:
    project.registry.put("team/app", OLD_IMAGE, "main")
    document = project.inv("plan", "--json").document
    assert document["images"][0]["tags"][1] == {
        "tag": "main",
        "kind": "moving",
        "state": "moves",
        "digest": OLD_IMAGE.digest,
        "because": document["images"][0]["tags"][1]["because"],
    }
    assert document["conflicts"] == []


@pytest.mark.parametrize("platforms", ["linux/arm64", "linux/amd64,linux/arm64"])
def test_plan_names_a_platform_whose_programs_the_builder_can_not_run(project: Project, platforms: str) -> None:
    project.docker.platforms = ("linux/amd64", "linux/386")
    project.write("Dockerfile", "FROM alpine\nRUN true\n")
    project.commit()
    result = project.inv("plan", ECR_PLATFORMS=platforms)
    assert result.code == 6
    assert "linux/arm64, whose programs the builder" in result.stdout
    project.docker.platforms = ("linux/amd64", "linux/arm64")
    assert project.inv("plan", ECR_PLATFORMS=platforms).code == 0


def test_images_with_the_same_tags_have_one_table_also_where_the_registry_has_others(project: Project) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=team/\n")
    project.write("docker-bake.hcl", "")
    project.commit()
    project.docker.bake_targets = {"api": BuildDefinition("."), "web": BuildDefinition(".")}
    for name in ("team/api", "team/web"):
        project.registry.repositories[name] = Repository(name, ACCOUNT, f"{HOST}/{name}")
        project.registry.stored[name], project.registry.tags[name] = {}, {}
    assert "The tags of each of these 2 images:" in project.inv("plan").stdout
    others = {name: manifest(name, REVISION_B) for name in ("api", "web")}
    for name, image in others.items():
        project.registry.put(f"team/{name}", image, "main")
    lines = project.inv("plan").stdout.splitlines()
    table = lines[lines.index("The tags of these 2 images:") + 1 :]
    assert [line.split()[:2] for line in table if line] == [
        ["tag", "image"],
        [table[1].split()[0], "all"],
        ["main", "api"],
        ["main", "web"],
    ]
    assert [image.digest in line for line, image in zip(table[2:], others.values(), strict=True)] == [True, True]


@pytest.mark.parametrize("task", ["tags", "plan"])
def test_a_tag_that_is_for_something_else_is_refused(project: Project, task: str) -> None:
    result = project.inv(task, ECR_TAGS="type=sha\necr-tasks-upload-1")
    error = "The rule ecr-tasks-upload-1 gives the tag ecr-tasks-upload-1, which is for a push under way"
    assert (result.code, error in result.stderr) == (2, True)


def test_the_dockerfiles_are_read_with_their_bases_where_the_build_reads_them(project: Project) -> None:
    digest, place = f"sha256:{'a' * 64}", "mirror.example.com/hub/library/python:3.12"
    project.write("Dockerfile", "FROM python:3.12\n")
    project.commit()
    project.docker.registry_bases[place] = digest
    assert project.inv("plan", ECR_MIRRORS="docker.io=mirror.example.com/hub").code == 0
    assert project.docker.read_contexts == [{"python:3.12": f"docker-image://{place}@{digest}"}]
