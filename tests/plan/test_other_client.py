"""What Podman, Finch and nerdctl lack, and the command line with which they build."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecr_tasks.errors import BuildError
from ecr_tasks.model.image import BuildDefinition, BuildInput
from ecr_tasks.plan.other_client import argument_variables, build_words, check_client, lacking

PLAIN = BuildDefinition(
    "/project",
    dockerfile="docker/Dockerfile",
    target="web",
    args={"VERSION": "secret-1"},
    platforms=("linux/arm64",),
    labels={"team": "web"},
    annotations={"key": "text", "index:other": "text"},
    secrets=("id=npm,env=NPM",),
    extra={"no-cache": True, "pull": False, "network": "host"},
)


def test_a_plain_build_is_one_command_without_a_build_arguments_value() -> None:
    words = build_words(BuildInput("app", PLAIN, ("team/app:main",)), "/tmp/id", "podman")  # noqa: S108
    assert words == [
        *("build", "--file", "/project/docker/Dockerfile", "--target", "web", "--platform", "linux/arm64"),
        *("--build-arg", "VERSION", "--label", "team=web", "--annotation", "key=text"),
        *("--secret", "id=npm,env=NPM", "--tag", "team/app:main", "--iidfile", "/tmp/id"),  # noqa: S108
        *("--no-cache", "--network", "host", "/project"),
    ]
    assert argument_variables(PLAIN, {}) == {"VERSION": "secret-1"}
    assert "--annotation" not in build_words(BuildInput("app", PLAIN, ()), "id", "finch")


def test_an_argument_with_the_name_of_a_variable_of_the_programs_is_refused() -> None:
    with pytest.raises(BuildError, match="PATH can only be given in the environment"):
        argument_variables(replace(PLAIN, args={"PATH": "/x"}), {"PATH": "/usr/bin"})


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        (replace(PLAIN, platforms=("linux/amd64", "linux/arm64")), "several platforms in one image"),
        (replace(PLAIN, contexts={"base": "target:base"}), "linked targets"),
        (replace(PLAIN, attest=("type=sbom",)), "attestations"),
        (replace(PLAIN, cache_from=("type=registry,ref=x",)), "ECR_CACHE"),
        (replace(PLAIN, exporter=("compression=zstd",)), "compression=zstd"),
        (replace(PLAIN, extra={"shm-size": "1g"}), "the file's shm-size"),
    ],
)
def test_what_they_lack_is_named_before_the_build(definition: BuildDefinition, words: str) -> None:
    assert list(lacking(PLAIN)) == []
    with pytest.raises(BuildError, match=words):
        check_client("app", definition, "podman")
    check_client("app", definition, "docker")


def test_several_platforms_are_to_be_built_by_a_run_each() -> None:
    definition = replace(PLAIN, platforms=("linux/amd64", "linux/arm64"))
    with pytest.raises(BuildError) as error:
        check_client("app", definition, "podman")
    assert "`inv build push --only PLATFORM`" in error.value.remedy
    with pytest.raises(BuildError) as error:
        check_client("app", replace(definition, attest=("type=sbom",)), "podman")
    assert "--only" not in error.value.remedy


def test_a_builder_of_buildxs_is_refused() -> None:
    check_client("app", PLAIN, "docker", builder="multi")
    with pytest.raises(BuildError, match="ECR_BUILDER=multi"):
        check_client("app", PLAIN, "podman", builder="multi")


def test_copies_to_more_registries_are_refused_too() -> None:
    check_client("app", PLAIN, "podman")
    with pytest.raises(BuildError, match="ECR_DESTINATIONS"):
        check_client("app", PLAIN, "podman", copies=True)
