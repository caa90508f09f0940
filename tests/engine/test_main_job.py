"""Tests of build, push and pull with a real engine and the local ECR, and of a second run."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import Project, project
from tests.support.inv import AT_ONCE

REFERENCE = re.compile(r"^127\.0\.0\.1:\d+/team/app@sha256:[0-9a-f]{64}$")


@pytest.fixture
def dockerfile(tiny_base: str) -> str:
    return f"FROM {tiny_base}\nCOPY hello.txt /hello.txt\nRUN cat /hello.txt > /built.txt\nCMD cat /built.txt\n"


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, dockerfile: str) -> Project:
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, dockerfile)
    app.environ["ECR_CREATE_REPOSITORY"] = "true"
    return app


def registry_tags(app: Project) -> dict[str, str]:
    """Return the digest of each planned tag in the registry."""
    plan = json.loads(app.ok("plan", "--json").stdout)
    return {tag["tag"]: tag["digest"] for tag in plan["images"][0]["tags"]}


def test_an_image_is_built_pushed_pulled_and_run(app: Project) -> None:
    """Its labels have the commit and its time, and the receipt has all of it."""
    revision = app.git("rev-parse", "HEAD")
    pushed, pulled = app.ok("build", "push", "pull", ECR_LABELS="team=blue").lines
    assert REFERENCE.match(pushed)
    assert pulled == pushed
    assert docker(app.environ, "run", "--rm", pushed).stdout == "hello\n"
    inspected = json.loads(docker(app.environ, "image", "inspect", pushed).stdout)[0]
    labels = inspected["Config"]["Labels"]
    assert labels["org.opencontainers.image.revision"] == revision
    assert labels["org.opencontainers.image.created"] == "2024-05-06T07:08:09.000Z"
    assert labels["team"] == "blue"
    assert inspected["Created"].startswith("2024-05-06T07:08:09")
    receipt = app.receipt
    image = receipt["images"][0]
    assert receipt["schema"] == 1
    assert image["name"] == "team/app"
    assert image["digest"] == pushed.partition("@")[2]
    assert image["platforms"] == ["linux/amd64"]
    assert image["size"] > 0
    assert image["source"] == {
        "revision": revision,
        "dirty": False,
        "branch": "main",
        "tag": None,
        "pull_request": None,
        "ci": None,
    }
    published = image["published"][0]
    assert published["reference"] == pushed
    assert published["tags"] == [f"sha-{revision[:7]}", "main"]
    assert published["state"] == "pushed"
    assert image["seconds"] > 0
    assert app.git("status", "--porcelain") == ""


def test_stdout_is_the_reference_only_and_every_tag_points_at_its_digest(app: Project) -> None:
    revision = app.git("rev-parse", "HEAD")
    app.git("tag", "v1.2.3")
    (reference,) = app.ok("build", "push").lines
    digest = reference.partition("@")[2]
    assert registry_tags(app) == {
        f"sha-{revision[:7]}": digest,
        "1.2.3": digest,
        "main": digest,
        "latest": digest,
    }
    assert app.ok("build").stdout == ""


def test_the_pushed_image_is_the_built_one_and_built_if_the_last_build_does_not_match(app: Project) -> None:
    app.ok("build")
    built = app.receipt["images"][0]["digest"]
    second = app.ok("push")
    assert second.lines[0].endswith(built)
    assert "built before" in second.stderr
    app.write("hello.txt", "changed\n")
    revision = app.commit()
    reference = app.ok("push").lines[0]
    assert docker(app.environ, "run", "--rm", reference).stdout == "changed\n"
    assert f"sha-{revision[:7]}" in registry_tags(app)


def test_a_published_commit_is_neither_built_nor_pushed_again(app: Project, local_ecr: LocalEcr) -> None:
    first = app.ok("build", "push").lines
    before = local_ecr.requests()
    second = app.ok("build", "push", **AT_ONCE)
    after = local_ecr.requests()
    assert second.lines == first
    assert app.receipt["images"][0]["published"][0]["state"] == "already-published"
    requests = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    assert requests == {"DescribeImages": 1}
    assert publishes_without_docker(app)


def publishes_without_docker(app: Project) -> bool:
    """Tell whether the same tasks succeed without an engine."""
    return app.inv("build", "push", DOCKER_HOST="unix:///nowhere/docker.sock").code == 0


def test_a_new_tag_on_a_published_commit_is_set_without_a_build(app: Project) -> None:
    digest = app.ok("build", "push").lines[0].partition("@")[2]
    app.git("tag", "v2.0.0")
    app.ok("push", DOCKER_HOST="unix:///nowhere/docker.sock")
    assert registry_tags(app)["2.0.0"] == digest
    assert app.receipt["images"][0]["published"][0]["state"] == "retagged"


def test_other_settings_are_told_and_republished_beside_the_published_image(app: Project) -> None:
    revision = app.git("rev-parse", "HEAD")
    fixed, second = f"sha-{revision[:7]}", f"sha-{revision[:7]}-r2"
    first = app.ok("build", "push").lines[0].partition("@")[2]
    changed = {"ECR_BUILD_ARGS": "COLOUR=red", "ECR_LABELS": "team=blue"}
    result = app.ok("build", "push", **changed)
    assert result.lines[0].endswith(first)
    assert f"{fixed} was built with other build arguments and labels than the settings have now" in result.stderr
    assert "--republish" in result.stderr
    planned = json.loads(app.ok("plan", "--json", **changed).stdout)["images"][0]
    assert planned["build"]["because"].endswith("built with other build arguments and labels")
    assert "red" not in result.stderr
    result = app.ok("build", "push", "--republish", **changed)
    digest = result.lines[0].partition("@")[2]
    assert digest != first
    assert (result.stderr.count("build, --republish"), "stays as it is" in result.stderr) == (1, False)
    published = app.receipt["images"][0]["published"][0]
    assert (published["tags"], list(published["stays"])) == ([second, "main"], [fixed])
    again = app.ok("build", "push", **changed)
    assert again.lines[0].endswith(digest)
    assert "was built with other" not in again.stderr
    assert registry_tags(app) == {second: digest, fixed: first, "main": digest}


def test_with_never_a_release_of_a_published_commit_is_published(app: Project) -> None:
    app.write("Dockerfile", (app.folder / "Dockerfile").read_text("utf-8") + "ARG NEWS\nRUN echo $NEWS > /news.txt\n")
    app.commit()
    first = app.ok("build", "push", ECR_SKIP="never", ECR_BUILD_ARGS="NEWS=old").lines[0].partition("@")[2]
    app.git("tag", "v1.2.3")
    second = app.ok("build", "push", ECR_SKIP="never", ECR_BUILD_ARGS="NEWS=new").lines[0].partition("@")[2]
    tags = registry_tags(app)
    assert tags["1.2.3"] == tags["latest"] == tags["main"] == second != first
    assert tags[f"sha-{app.git('rev-parse', 'HEAD')[:7]}"] == first
    assert app.ok("build", "push").lines[0].endswith(second)


def pipeline_of(revision: str) -> dict[str, str]:
    """Return the variables of a CI run for a push of main."""
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_SHA": revision,
    }


@pytest.mark.parametrize("shallow", [False, True])
def test_the_pipeline_of_an_older_commit_does_not_put_main_back(app: Project, tmp_path: Path, shallow: bool) -> None:
    first = app.git("rev-parse", "HEAD")
    app.write("hello.txt", "second\n")
    second = app.commit("second", time="2024-05-07T07:08:09+00:00")
    newer = app.ok("build", "push", **pipeline_of(second)).lines[0].partition("@")[2]
    if shallow:
        app.git("checkout", "--quiet", "-B", "old", first)
        clone = tmp_path / "clone"
        app.git("clone", "--quiet", "--depth", "1", app.folder.as_uri(), str(clone))
        app = replace(app, folder=clone)
    else:
        app.git("checkout", "--quiet", "--detach", first)
    planned = json.loads(app.ok("plan", "--json", **pipeline_of(first)).stdout)["images"][0]["tags"]
    assert [(tag["tag"], tag["state"]) for tag in planned] == [(f"sha-{first[:7]}", "new"), ("main", "stays")]
    result = app.ok("build", "push", **pipeline_of(first))
    older = result.lines[0].partition("@")[2]
    assert older != newer
    assert f"main stays with {newer[:19]}, which is newer: built from {second[:12]}" in result.stderr
    published = app.receipt["images"][0]["published"][0]
    assert (published["tags"], list(published["stays"])) == ([f"sha-{first[:7]}"], ["main"])
    assert app.ok("pull", "--image", "main").lines[0].endswith(newer)
    app.ok("build", "push", ECR_FLAVOR="forward=false", **pipeline_of(first))
    assert app.ok("pull", "--image", "main").lines[0].endswith(older)


def test_an_uncommitted_tree_moves_no_tag_but_its_own(app: Project) -> None:
    app.ok("build", "push")
    before = registry_tags(app)
    app.write("hello.txt", "half done\n")
    app.git("tag", "v9.9.9")
    app.ok("build", "push")
    tags = app.receipt["images"][0]["published"][0]["tags"]
    assert tags == [f"sha-{app.git('rev-parse', 'HEAD')[:7]}-dirty"]
    app.git("checkout", "--quiet", "hello.txt")
    app.git("tag", "--delete", "v9.9.9")
    assert registry_tags(app) == before


def test_the_printed_commands_give_the_same_digest(app: Project, tmp_path: Path, aws_path: str) -> None:
    script = app.ok("commands").stdout
    commands_result = subprocess.run(
        ["sh", "-euc", script],
        cwd=tmp_path,
        env={
            **app.environ,
            "PATH": f"{aws_path}:{app.environ['PATH']}",
            "DOCKER_CONFIG": new_docker_config(app, tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert commands_result.returncode == 0, commands_result.stderr
    published = registry_tags(app)
    assert len(set(published.values())) == 1
    app.ok("build")
    assert set(published.values()) == {app.receipt["images"][0]["digest"]}


def new_docker_config(app: Project, tmp_path: Path) -> str:
    """Create a docker configuration with the plugins of the engine, and return its folder."""
    folder = tmp_path / "hand"
    folder.mkdir()
    (folder / "cli-plugins").symlink_to(Path(app.environ["DOCKER_CONFIG"]) / "cli-plugins")
    return str(folder)
