"""The main job, with a real engine and the local ECR: build, push, pull, run, and what a second run does."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import Project, project

REFERENCE = re.compile(r"^127\.0\.0\.1:\d+/team/app@sha256:[0-9a-f]{64}$")


@pytest.fixture
def dockerfile(tiny_base: str) -> str:
    return f"FROM {tiny_base}\nCOPY hello.txt /hello.txt\nRUN cat /hello.txt > /built.txt\nCMD cat /built.txt\n"


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, dockerfile: str) -> Project:
    made = project(tmp_path / "app", {**engine, **local_ecr.environment()}, dockerfile)
    made.environ["ECR_CREATE_REPOSITORY"] = "true"
    return made


def registry_tags(app: Project) -> dict[str, str]:
    """Tag → digest, as the registry holds them."""
    plan = json.loads(app.ok("plan", "--json").out)
    return {tag["tag"]: tag["digest"] for tag in plan["images"][0]["tags"]}


def test_build_push_pull_run(app: Project) -> None:
    done = app.ok("build", "push", "pull")
    pushed, pulled = done.lines
    assert REFERENCE.match(pushed)
    assert pulled == pushed
    assert docker(app.environ, "run", "--rm", pushed).stdout == "hello\n"


def test_every_tag_points_at_the_pushed_digest(app: Project) -> None:
    revision = app.git("rev-parse", "HEAD")
    app.git("tag", "v1.2.3")
    digest = app.ok("build", "push").lines[0].partition("@")[2]
    assert registry_tags(app) == {
        f"sha-{revision[:7]}": digest,
        "1.2.3": digest,
        "main": digest,
        "latest": digest,
    }


def test_stdout_holds_the_reference_alone(app: Project) -> None:
    assert len(app.ok("build", "push").lines) == 1
    assert app.ok("build").out == ""


def test_what_is_pushed_is_what_was_built(app: Project) -> None:
    app.ok("build")
    built = app.receipt["images"][0]["digest"]
    again = app.ok("push")
    assert again.lines[0].endswith(built)
    assert "built before" in again.err


def test_push_builds_what_nothing_built_matches(app: Project) -> None:
    app.ok("build")
    app.write("hello.txt", "changed\n")
    revision = app.commit()
    reference = app.ok("push").lines[0]
    assert docker(app.environ, "run", "--rm", reference).stdout == "changed\n"
    assert f"sha-{revision[:7]}" in registry_tags(app)


def test_a_published_commit_is_neither_built_nor_pushed_again(app: Project, local_ecr: LocalEcr) -> None:
    first = app.ok("build", "push").lines
    before = local_ecr.requests()
    second = app.ok("build", "push")
    after = local_ecr.requests()
    assert second.lines == first
    assert app.receipt["images"][0]["published"][0]["state"] == "already-published"
    made = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    assert made == {"DescribeRepositories": 1, "BatchGetImage": 1}
    assert docker_was_not_needed(app)


def docker_was_not_needed(app: Project) -> bool:
    """Whether the same job ends well where no engine answers."""
    return app.inv("build", "push", DOCKER_HOST="unix:///nowhere/docker.sock").code == 0


def test_a_new_tag_on_a_published_commit_is_set_without_a_build(app: Project) -> None:
    digest = app.ok("build", "push").lines[0].partition("@")[2]
    app.git("tag", "v2.0.0")
    app.ok("push", DOCKER_HOST="unix:///nowhere/docker.sock")
    assert registry_tags(app)["2.0.0"] == digest
    assert app.receipt["images"][0]["published"][0]["state"] == "retagged"


def test_the_receipt_says_what_was_published(app: Project) -> None:
    revision = app.git("rev-parse", "HEAD")
    reference = app.ok("build", "push").lines[0]
    receipt = app.receipt
    image = receipt["images"][0]
    assert receipt["schema"] == 1
    assert image["name"] == "team/app"
    assert image["digest"] == reference.partition("@")[2]
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
    assert published["reference"] == reference
    assert published["tags"] == [f"sha-{revision[:7]}", "main"]
    assert published["state"] == "pushed"
    assert image["seconds"] > 0
    assert app.git("status", "--porcelain") == ""


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


def test_labels_and_annotations_tell_the_source(app: Project) -> None:
    revision = app.git("rev-parse", "HEAD")
    reference = app.ok("build", "push", ECR_LABELS="team=blue").lines[0]
    image = json.loads(docker(app.environ, "image", "inspect", reference).stdout)[0]
    labels = image["Config"]["Labels"]
    assert labels["org.opencontainers.image.revision"] == revision
    assert labels["org.opencontainers.image.created"] == "2024-05-06T07:08:09.000Z"
    assert labels["team"] == "blue"
    assert image["Created"].startswith("2024-05-06T07:08:09")


def test_the_commands_by_hand_give_the_same_digest(app: Project, tmp_path: Path, aws_path: str) -> None:
    script = app.ok("commands").out
    by_hand = subprocess.run(
        ["sh", "-euc", script],
        cwd=tmp_path,
        env={**app.environ, "PATH": f"{aws_path}:{app.environ['PATH']}", "DOCKER_CONFIG": hand_config(app, tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert by_hand.returncode == 0, by_hand.stderr
    published = registry_tags(app)
    assert len(set(published.values())) == 1
    app.ok("build")
    assert set(published.values()) == {app.receipt["images"][0]["digest"]}


def hand_config(app: Project, tmp_path: Path) -> str:
    """A docker configuration of the person's own, with the engine's plugins in it."""
    folder = tmp_path / "hand"
    folder.mkdir()
    (folder / "cli-plugins").symlink_to(Path(app.environ["DOCKER_CONFIG"]) / "cli-plugins")
    return str(folder)
