"""Tests of the functions for tasks of a user's own: what they return, raise and print, and what is pushed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

import ecr_tasks
from ecr_tasks import Build, BuiltImage, EcrTasksError, ExitCode, Publication, PublishedImage, build, push, receipt
from ecr_tasks.errors import BuildError
from ecr_tasks.model.image import BuildDefinition
from tests.support.build import HOST, MANIFEST, REVISION_B, manifest, repository
from tests.tasks.conftest import CHANGING_CALLS, Project


def show(text: str) -> None:
    """Print a line, as a user's task does."""
    sys.stdout.write(f"{text}\n")


def run(project: Project, body: Callable[[Context], None], *words: str, **environ: str) -> list[str]:
    """Run a task `own` of the user's beside ours, in a command line with these words; return what it printed."""
    project.namespace = Collection(task(body, name="own"), *_ours())
    result = project.inv(*(words or ("own",)), **environ)
    assert result.code == 0, result.stderr
    return result.stdout.splitlines()


def _ours() -> list[Collection]:
    return [*ecr_tasks.ns.tasks.values(), *ecr_tasks.ns.collections.values()]


def test_what_is_pushed_is_what_was_built_and_tested(project: Project) -> None:
    steps: list[object] = []

    def own(c: Context) -> None:
        built = build(c)
        steps.append(built)
        assert project.calls.named("push") == []
        published = push(c)
        steps.append(published)
        assert receipt(c) == published

    assert run(project, own) == [project.reference]
    sha = f"sha-{project.revision[:7]}"
    image = BuiltImage("team/app", (f"team/app:{sha}", "team/app:main"), project.image.config_digest, None, ())
    (built,) = steps[0].images if isinstance(steps[0], Build) else ()
    assert replace(built, digest=None, platforms=(), image_id=image.image_id) == image
    assert built.reference == built.image_id
    assert steps[1] == Publication(
        project.revision,
        False,
        "main",
        None,
        (
            PublishedImage(
                "team/app",
                HOST,
                "team/app",
                project.image.digest,
                (sha, "main"),
                steps[1].images[0].platforms if isinstance(steps[1], Publication) else (),
                MANIFEST,
                "pushed",
                is_only=True,
            ),
        ),
    )
    assert project.docker.builds == 1


def test_what_was_tested_is_pushed_though_the_source_changed_meanwhile(project: Project) -> None:
    revision = project.revision

    def own(c: Context) -> None:
        built = build(c)
        project.write("Dockerfile", "FROM scratch\nLABEL a=b\n")
        project.commit()
        assert push(c).image().digest == built.image().digest

    run(project, own)
    assert project.docker.builds == 1
    assert set(project.tags) == {f"sha-{revision[:7]}", "main"}


def test_without_version_control_it_is_the_same_image_too(project: Project) -> None:
    for path in sorted((project.path / ".git").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (project.path / ".git").rmdir()

    def own(c: Context) -> None:
        assert build(c).image().digest == push(c).image().digest

    run(project, own, ECR_TAGS="type=raw,value=v1")
    assert project.docker.builds == 1


def test_a_test_that_fails_publishes_nothing(project: Project) -> None:
    @task
    def own(c: Context) -> None:
        build(c)
        c.run("exit 7", hide=True, in_stream=False)
        push(c)

    project.namespace = Collection(own)
    assert project.inv("own").code == 7
    assert project.calls.named("push", "set_tag") == []


def test_a_published_commit_is_built_for_the_test_and_stays_as_it_is(project: Project) -> None:
    project.inv("build", "push")
    states: list[str] = []

    def own(c: Context) -> None:
        build(c)
        states.extend(image.state for image in push(c).images)

    assert run(project, own) == [project.reference]
    assert states == ["already-published"]
    assert project.calls.named("push", "set_tag") == []


def test_a_published_commit_is_republished_as_it_was_tested(project: Project) -> None:
    project.inv("build", "push")
    sha, first = f"sha-{project.revision[:7]}", project.image.digest
    digests: list[str | None] = []

    def own(c: Context) -> None:
        digests.extend([build(c).image().digest, push(c, republish=True).image().digest])

    project.docker.unstable = True
    run(project, own)
    assert project.docker.builds == 2
    assert project.tags[sha] == first
    assert digests == [project.tags[f"{sha}-r2"]] * 2


def test_an_error_can_be_caught_after_it_was_shown(project: Project) -> None:
    project.docker.build_error = BuildError("The build failed at [2/2] RUN false.", "Mend that step.")
    caught = []

    def own(c: Context) -> None:
        try:
            build(c)
        except EcrTasksError as error:
            caught.append(error)
        show("went on")

    assert run(project, own) == ["went on"]
    (error,) = caught
    assert (error.code, error.cause, error.remedy) == (
        ExitCode.BUILD,
        "The build failed at [2/2] RUN false.",
        "Mend that step.",
    )
    assert str(error) == "The build failed at [2/2] RUN false. Mend that step."


@pytest.mark.parametrize("function", [build, push, receipt])
def test_an_error_that_nobody_catches_ends_the_run_with_its_code(
    project: Project, function: Callable[[Context], object]
) -> None:
    project.write(".env", "ECR_REPOSITORY=Team/App\n")
    project.namespace = Collection(task(lambda c: show(str(function(c))), name="own"))
    assert "team/app" in project.inv("own").failed(2)


def test_ctrl_c_is_not_caught_as_an_error(project: Project) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    def own(c: Context) -> None:
        try:
            build(c)
        except EcrTasksError:
            show("caught")

    project.calls.before["build"] = interrupt
    project.namespace = Collection(task(own, name="own"))
    assert project.inv("own").failed(130)


def test_the_receipt_of_an_earlier_run_is_read_without_a_registry(project: Project) -> None:
    def own(c: Context) -> None:
        show(receipt(c).image().reference)

    project.inv("build", "push")
    project.calls.log.clear()
    assert run(project, own) == [project.reference]
    assert project.calls.log == []
    project.commit()
    assert "its receipt is of commit" in project.inv("own").failed(5)
    assert run(project, own, "push", "own")[1:] == [f"{HOST}/team/app@{project.image.digest}"]


def test_a_dry_run_builds_and_publishes_nothing(project: Project) -> None:
    def own(c: Context) -> None:
        assert build(c) == Build(())
        assert push(c).images == ()

    assert run(project, own, "--dry", "own") == []
    assert project.calls.named(*CHANGING_CALLS) == []


def test_our_tasks_below_another_name_and_settings_in_config(project: Project) -> None:
    project.write(".env", "")
    below = Collection.from_module(ecr_tasks, name="images")
    project.registry.repositories["team/other"] = repository(name="team/other")
    project.registry.stored["team/other"], project.registry.tags["team/other"] = {}, {}

    @task
    def own(c: Context) -> None:
        build(c)
        show(push(c).image().repository)

    namespace = Collection(own, below)
    namespace.configure({"ecr": {"repository": "team/other", "region": "eu-central-1"}})
    project.namespace = namespace
    result = project.inv("own")
    assert result.stdout.splitlines()[1:] == ["team/other"], result.stderr
    assert project.inv("images.build", "own").stdout.splitlines()[1:] == ["team/other"]
    assert project.docker.builds == 3


@pytest.mark.parametrize("by", ["environment", "configuration"])
def test_settings_that_a_task_changes_are_those_of_what_follows(
    project: Project, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\n")
    monkeypatch.setenv("ECR_TAGS", "type=sha")
    for name in ("team/first", "team/second"):
        project.registry.repositories[name] = repository(name=name)
        project.registry.stored[name], project.registry.tags[name] = {}, {}

    def own(c: Context) -> None:
        for name in ("team/first", "team/second"):
            if by == "environment":
                monkeypatch.setenv("ECR_REPOSITORY", name)
            else:
                c.config.update({"ecr": {"repository": name}})
            assert build(c).image().name == name
            assert receipt_of(push(c)) == receipt_of(receipt(c)) == [name]

    run(project, own)
    assert project.docker.builds == 2


def receipt_of(publication: Publication) -> list[str]:
    """Return the repositories of what was published."""
    return [image.repository for image in publication.images]


def test_a_wrong_call_is_the_callers_mistake(project: Project) -> None:
    def own(c: Context) -> None:
        with pytest.raises(TypeError, match="images"):
            push(c, images=["api"])  # type: ignore[call-arg]

    run(project, own)


def test_several_images_are_found_by_name(project: Project) -> None:
    project.write(".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=team/\n")
    project.write("docker-bake.hcl", "")
    project.commit()
    project.docker.bake_targets = {"api": BuildDefinition("."), "worker": BuildDefinition(".")}
    for name in ("team/api", "team/worker"):
        project.registry.repositories[name] = repository(name=name)
        project.registry.stored[name], project.registry.tags[name] = {}, {}

    def own(c: Context) -> None:
        built, published = build(c), push(c)
        assert built.image("api").tags[0].startswith("team/api:")
        assert published.image("worker").address == f"{HOST}/team/worker"
        for images in (built, published):
            with pytest.raises(LookupError, match="api, worker"):
                images.image()
            with pytest.raises(LookupError, match="api, worker"):
                images.image("nosuch")

    run(project, own)


def test_of_several_platforms_with_a_builder_the_engines_own_can_be_run(project: Project) -> None:
    docker = project.docker
    docker.builder, docker.driver, docker.classic = "beside", "docker-container", True
    project.write(".env", "ECR_REPOSITORY=team/app\nAWS_REGION=eu-central-1\nECR_PLATFORMS=linux/arm64,linux/amd64\n")
    (image,) = project.inv("build", "--json").document["images"]
    assert image["builder_platforms"] == ["linux/arm64"]
    assert image["platforms"] == ["linux/arm64", "linux/amd64"]
    assert docker.store[image["reference"]] == docker.store[image["tags"][0]]

    def own(c: Context) -> None:
        built = build(c).image()
        assert (built.reference, built.digest) == (image["reference"], push(c).image().digest)

    run(project, own)


def test_an_image_that_stays_with_the_builder_says_so() -> None:
    image = BuiltImage("api", (), None, "sha256:1", ("linux/amd64", "linux/arm64"))
    assert not image.is_local
    with pytest.raises(EcrTasksError, match=r"stays with the builder.*linux/arm64.*ECR_PLATFORMS"):
        _ = image.reference


def test_json_is_one_document_for_each_task_that_was_asked(project: Project) -> None:
    document = project.inv("build", "--json").document
    (image,) = document["images"]
    assert image["tags"] == [f"team/app:sha-{project.revision[:7]}", "team/app:main"]
    assert image["reference"]
    assert project.inv("push", "--json").document == project.receipt
    both = project.inv("build", "push", "--json")
    assert both.document == project.receipt
    assert project.inv("--dry", "build", "--json").document == {"images": []}
    (planned,) = project.inv("--dry", "push", "--json").document["images"]
    assert planned["published"] == []


def test_json_of_a_run_that_fails_is_its_error_alone(project: Project) -> None:
    project.registry.put("team/app", manifest("old", REVISION_B), "main")
    project.registry.repositories["team/app"] = repository("IMMUTABLE")
    assert project.inv("push", "--json").failed(6)
