"""The inputs of images: base images' digests, named contexts, and inputs that are unknown."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ecr_tasks.errors import BuildError, SettingsError
from ecr_tasks.model.image import BuildDefinition, Inputs
from ecr_tasks.model.manifest import INPUTS, INPUTS_TRACKED
from ecr_tasks.source.git import blob
from ecr_tasks.source.inputs.collect import with_inputs
from tests.support.build import image
from tests.support.tree import BASE, OTHER_BASE, Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "tree")


def test_a_named_folder_is_a_context_too(tree: Tree) -> None:
    contexts = {"shared": "lib"}
    tree.write(".dockerignore", "lib\n")
    before = tree.digest(contexts=contexts)
    assert tree.digest(contexts={"other": "lib"}) != before
    tree.write("lib/part.py", "2\n")
    assert tree.digest(contexts=contexts) != before


def test_named_contexts_that_are_images_go_by_their_digest(tree: Tree) -> None:
    tree.docker.registry_bases["other:1"] = BASE
    contexts = {"base:1": "docker-image://other:1"}
    before = tree.digest(contexts=contexts)
    assert ("image_digest", "base:1", "local") not in tree.docker.calls.log
    tree.docker.registry_bases["other:1"] = OTHER_BASE
    assert tree.digest(contexts=contexts) != before


def test_a_locked_context_goes_by_the_locked_digest(tree: Tree) -> None:
    contexts, bases = (
        {"base:1": "docker-image://other:1"},
        {"base:1": f"docker-image://docker.io/library/other:1@{BASE}"},
    )
    tree.digest(contexts=contexts, bases=bases)
    assert tree.docker.calls.named("image_digest") == []


def test_a_base_image_is_asked_of_the_store_first_and_then_of_the_registry(tree: Tree) -> None:
    tree.digest()
    tree.docker.local_bases.clear()
    tree.docker.registry_bases["base:1"] = BASE
    assert tree.logged_in == []
    before = tree.digest()
    assert tree.logged_in == ["base:1"]
    tree.docker.registry_bases["base:1"] = OTHER_BASE
    assert tree.digest() != before


def test_a_target_that_pulls_has_its_base_from_the_registry(tree: Tree) -> None:
    tree.docker.registry_bases["base:1"] = OTHER_BASE
    tree.digest(extra={"pull": True})
    assert ("image_digest", "base:1", "local") not in tree.docker.calls.log


def test_a_classic_store_has_no_other_platforms_image(tree: Tree) -> None:
    tree.docker.classic = True
    tree.docker.registry_bases["base:1"] = OTHER_BASE
    tree.digest(platforms=("linux/arm64",))
    assert ("image_digest", "base:1", "registry") in tree.docker.calls.log


def test_a_pinned_base_and_scratch_need_no_docker(tree: Tree) -> None:
    tree.write("Dockerfile", f"FROM base@{BASE} AS one\nFROM scratch\nCOPY --from=one / /\n")
    tree.digest(platforms=("linux/amd64",))
    assert tree.docker.calls.log == []


def test_a_dockerfile_of_another_name_or_in_a_bake_file(tree: Tree) -> None:
    tree.write("docker/app", "FROM base:1\n")
    tree.write("docker/app.dockerignore", "lib\n")
    before = tree.digest(dockerfile="docker/app")
    tree.write("lib/part.py", "2\n")
    assert tree.digest(dockerfile="docker/app") == before
    inline = {"dockerfile-inline": "FROM base:1\n"}
    assert tree.digest(extra=inline) != tree.digest(extra={"dockerfile-inline": "FROM base:1\nRUN true\n"})


def test_what_cant_be_told_says_why_and_stops_nothing(tree: Tree) -> None:
    images = [image(definition=BuildDefinition("https://example.com/a.git"))]
    (remote,) = with_inputs(
        images, project=tree.path, docker=tree.docker, builder=None, environ=os.environ, log_in=tree.log_in
    )
    assert remote.inputs == Inputs(unknown_reason="docker fetches the context itself")
    assert remote.definition == images[0].definition
    assert "named context x" in tree.unknown(contexts={"x": "https://example.com/a.git"})
    assert "named context x" in tree.unknown(contexts={"x": "target:other"})
    assert "nowhere" in tree.unknown(dockerfile="nowhere")
    assert "https://example.com" not in tree.unknown(dockerfile="https://example.com/Dockerfile")
    tree.docker.local_bases.clear()
    assert "There is no base:1" in tree.unknown()
    tree.write("Dockerfile", "FROM $NOTHING\n")
    assert "$NOTHING" in tree.unknown()
    tree.write("Dockerfile", "ARG FROM\nFROM $FROM/base\n")
    assert "There is no base.example.com/base" in tree.unknown(args={"FROM": "base.example.com"})


def test_a_base_image_with_a_secret_in_its_name_is_no_argument_of_docker_s(tree: Tree) -> None:
    asked: list[str] = []
    look_up = tree.docker.image_digest

    def image_digest(reference: str, builder: str | None, *, local: bool, seconds: float | None = None) -> str | None:
        asked.append(reference)
        return look_up(reference, builder, local=local)

    tree.docker.image_digest = image_digest  # type: ignore[method-assign]
    tree.write("Dockerfile", "ARG FROM\nFROM $FROM/base\n")
    assert "${FROM}/base has a secret in it" in tree.unknown(args={"FROM": "a-s3cr3t-99.example.com"})
    tree.write("Dockerfile", "ARG TOKEN=zq7marker\nFROM base:$TOKEN\n")
    assert "base:${TOKEN} has a secret in it" in tree.unknown()
    assert asked == []


def test_without_an_engine_only_what_needs_none_is_told(tree: Tree) -> None:
    def away() -> None:
        raise BuildError("No Docker engine answers.", "Start it.")

    tree.docker.calls.before["engine"] = away
    assert tree.unknown() == "No Docker engine answers"
    tree.docker.calls.before["engine"] = away
    assert tree.inputs(platforms=("linux/amd64",)).unknown_reason is not None
    assert tree.inputs().tracked_digest is not None


def test_a_malformed_dockerignore_is_an_error(tree: Tree) -> None:
    tree.write(".dockerignore", "[")
    with pytest.raises(SettingsError):
        tree.inputs()


def test_a_file_that_cant_be_read(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(blob, "open_file", refuse)
        assert "can't be read (Permission denied)" in tree.unknown()


def test_an_image_says_what_it_is_made_of(tree: Tree) -> None:
    app = tree.image(annotations={"a": "1"})
    assert app.inputs is not None
    assert app.definition.annotations == {
        "a": "1",
        INPUTS: app.inputs.digest,
        INPUTS_TRACKED: app.inputs.tracked_digest,
    }
    assert app.planned_names[-1] == app.inputs.tag == f"inputs-{(app.inputs.digest or '')[7:47]}"


def test_only_what_settings_say_counts_and_not_what_git_says(tree: Tree) -> None:
    app = tree.image()
    configured = BuildDefinition(str(tree.path))
    labelled = replace(
        app,
        configured_definition=configured,
        definition=replace(configured, labels={"revision": "1"}, args={"EPOCH": "1"}),
    )
    (result,) = with_inputs(
        [labelled],
        project=tree.path,
        docker=tree.docker,
        builder=None,
        environ=os.environ,
        log_in=tree.log_in,
    )
    assert result.inputs == app.inputs


def test_several_images_are_asked_for_together(tree: Tree, tmp_path: Path) -> None:
    other = Tree(tmp_path / "other")
    other.write("Dockerfile", "FROM base:1\nCOPY --from=more:1 / /\n")
    tree.docker.local_bases["more:1"] = OTHER_BASE
    images = [image(definition=BuildDefinition(str(one.path))) for one in (tree, other)]
    with_inputs(images, project=tree.path, docker=tree.docker, builder=None, environ=os.environ, log_in=tree.log_in)
    calls = tree.docker.calls.named("image_digest", "engine")
    assert sorted(calls) == [
        ("engine",),
        ("image_digest", "base:1", "local"),
        ("image_digest", "more:1", "local"),
    ]
