"""Tests of ECR_SKIP=content with a real engine: the same inputs are built once, for any number of commits."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import Project, project
from tests.support.inv import AT_ONCE

READ_REQUESTS = {"DescribeImages": 1}
LOOKS = {"DescribeRepositories": 1, "DescribeImages": 4}
"""The looks at a new commit with published inputs: at its tag, a revision, the branch and the inputs,
and at its tag again."""


@pytest.fixture
def base(engine: dict[str, str], tiny_base: str) -> Iterator[str]:
    """Tag a base image with a name of its own, which a test may move to another image."""
    name = f"local/base-{uuid.uuid4().hex[:8]}:1"
    docker(engine, "tag", tiny_base, name)
    yield name
    docker(engine, "image", "rm", "--force", name)


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, base: str) -> Project:
    dockerfile = f"ARG GREETING=hello\nFROM {base}\nARG GREETING\nCOPY . /app/\nENV GREETING=$GREETING\n"
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, dockerfile)
    app.environ |= {"ECR_CREATE_REPOSITORY": "true", "ECR_SKIP": "content"}
    app.write(".dockerignore", ".git\n.env\n.env.*\n.ecr-tasks\n__pycache__\n*.md\n")
    app.commit("ignore")
    return app


def requests_since(local_ecr: LocalEcr, before: Mapping[str, int]) -> dict[str, int]:
    """Return the number of requests since then, by name."""
    after = local_ecr.requests()
    return {name: number - before.get(name, 0) for name, number in after.items() if number != before.get(name, 0)}


def build_and_push(app: Project) -> str:
    """Build and push, and return the digest."""
    (reference,) = app.ok("build", "push").lines
    return reference.partition("@")[2]


def state(app: Project) -> str:
    """Return the state of the published image in the receipt."""
    state: str = app.receipt["images"][0]["published"][0]["state"]
    return state


def digests_by_tag(app: Project) -> dict[str, str]:
    """Return the digest of each tag in the repository."""
    (repository,) = json.loads(app.ok("images", "--json").stdout)["repositories"]
    return {tag: image["digest"] for image in repository["images"] for tag in image["tags"]}


def test_another_branch_an_amended_and_a_rebased_commit_are_not_built(app: Project, local_ecr: LocalEcr) -> None:
    app.environ |= AT_ONCE
    (planned_image,) = json.loads(app.ok("plan", "--json").stdout)["images"]
    first = build_and_push(app)
    assert digests_by_tag(app)[planned_image["inputs"]["tag"]] == first
    app.git("checkout", "--quiet", "-b", "feature")
    app.git("commit", "--quiet", "--amend", "--message", "other words")
    before = local_ecr.requests()
    assert build_and_push(app) == first
    assert requests_since(local_ecr, before) == {**LOOKS, "PutImage": 2}
    assert state(app) == "retagged"
    app.git("checkout", "--quiet", "main")
    app.write("notes.md", "not in the context\n")
    app.commit("notes")
    app.git("checkout", "--quiet", "feature")
    app.git("rebase", "--quiet", "main")
    before = local_ecr.requests()
    assert build_and_push(app) == first
    assert requests_since(local_ecr, before) == {**LOOKS, "PutImage": 1}
    before = local_ecr.requests()
    assert build_and_push(app) == first
    assert requests_since(local_ecr, before) == READ_REQUESTS
    assert state(app) == "already-published"
    tags = digests_by_tag(app)
    assert set(tags.values()) == {first}
    assert {"main", "feature", f"sha-{app.git('rev-parse', 'HEAD')[:7]}"} <= tags.keys()
    assert app.inv("plan", ECR_SKIP="commit").code == 0


def test_a_release_in_a_fresh_clone_uses_the_image_of_a_branch(
    app: Project, local_ecr: LocalEcr, tmp_path: Path
) -> None:
    first = build_and_push(app)
    app.write("notes.md", "for the release\n")
    app.commit("release")
    app.git("tag", "v1.0.0")
    app.git("clone", "--quiet", str(app.folder), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone", app.environ)
    before = local_ecr.requests()
    assert build_and_push(clone) == first
    assert not {"PUT manifest", "POST upload", "PUT upload"} & requests_since(local_ecr, before).keys()
    assert digests_by_tag(clone)["1.0.0"] == digests_by_tag(clone)["latest"] == first


def test_two_runs_at_the_same_time_build_once(app: Project, tmp_path: Path) -> None:
    """Two commits of the same tree, on one machine: the second run waits and uses the image of the first."""
    app.write("Dockerfile", (app.folder / "Dockerfile").read_text("utf-8") + "RUN sleep 3; date > /when.txt\n")
    app.commit("slow")
    app.ok("repo.ensure")
    app.git("clone", "--quiet", str(app.folder), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone", app.environ)
    clone.git("checkout", "--quiet", "-b", "other")
    clone.commit("other words")
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda each: each.ok("build", "push"), (app, clone)))
    assert len({result.stdout for result in results}) == 1
    assert sorted(state(each) for each in (app, clone)) == ["pushed", "retagged"]
    assert sum("waiting: another run publishes" in result.stderr for result in results) == 1


def test_an_uncommitted_tree_is_built_once(app: Project) -> None:
    app.write("hello.txt", "half done\n")
    first = build_and_push(app)
    revision = app.commit("done")
    assert build_and_push(app) == first
    assert state(app) == "retagged"
    assert digests_by_tag(app)[f"sha-{revision[:7]}"] == first


def test_every_change_of_an_input_is_built(app: Project, engine: dict[str, str], base: str) -> None:
    digests = [build_and_push(app)]
    app.write("hello.txt", "changed\n")
    app.commit("a file")
    digests.append(build_and_push(app))
    app.write("Dockerfile", (app.folder / "Dockerfile").read_text("utf-8") + "WORKDIR /app\n")
    app.commit("the Dockerfile")
    digests.append(build_and_push(app))
    app.environ["ECR_BUILD_ARGS"] = "GREETING=bye"
    app.commit("an argument")
    digests.append(build_and_push(app))
    app.commit("nothing")
    assert build_and_push(app) == digests[-1]
    other = app.folder.parent / "base"
    other.mkdir()
    (other / "Dockerfile").write_text(f"FROM {base}\nENV OTHER=yes\n", encoding="utf-8")
    docker(engine, "build", "--quiet", "--provenance=false", "--tag", base, str(other))
    plan = app.ok("plan", "--json")
    assert json.loads(plan.stdout)["images"][0]["build"]["needed"] is False  # this commit's tag never moves
    app.commit("another base image")
    digests.append(build_and_push(app))
    assert len(set(digests)) == len(digests)


def test_an_index_of_the_same_inputs_is_not_built_again(app: Project) -> None:
    app.environ["ECR_PLATFORMS"] = "linux/amd64,linux/arm64"
    app.write("Dockerfile", "FROM scratch\nCOPY . /\n")
    app.commit("for two platforms")
    first = build_and_push(app)
    app.commit("nothing")
    assert build_and_push(app) == first
    assert state(app) == "retagged"


def test_the_digest_of_a_base_image_in_ecr_is_an_input(
    app: Project, local_ecr: LocalEcr, engine: dict[str, str]
) -> None:
    """It is read from its registry, with the run's own login."""
    bases = Project(app.folder, {**app.environ, "ECR_SKIP": "commit"}, "team/base")
    reference = bases.ok("build", "push").lines[0]
    tag = f"{local_ecr.registry}/team/base:main"
    for name in (tag, reference, tag.replace("main", f"sha-{app.git('rev-parse', 'HEAD')[:7]}")):
        docker(engine, "image", "rm", "--force", name, check=False)
    app.write("Dockerfile", f"FROM {tag}\nCOPY hello.txt /\n")
    app.commit("on ECR")
    first = build_and_push(app)
    app.commit("nothing")
    assert build_and_push(app) == first
    assert state(app) == "retagged"


def test_with_the_classic_store_the_image_is_found_by_its_tag(
    tmp_path: Path, classic_engine: dict[str, str], classic_tiny_base: str, local_ecr: LocalEcr
) -> None:
    """Images of the classic store have no annotations."""
    app = project(
        tmp_path / "app",
        {**classic_engine, **local_ecr.environment()},
        f"FROM {classic_tiny_base}\nCOPY hello.txt /\n",
    )
    app.environ |= {"ECR_CREATE_REPOSITORY": "true", "ECR_SKIP": "content", **AT_ONCE}
    first = build_and_push(app)
    app.commit("nothing")
    before = local_ecr.requests()
    assert build_and_push(app) == first
    assert requests_since(local_ecr, before) == {**LOOKS, "PutImage": 1}


def test_with_the_classic_store_a_commit_that_got_another_ones_image_is_published(
    tmp_path: Path, classic_engine: dict[str, str], classic_tiny_base: str, local_ecr: LocalEcr
) -> None:
    """Only the labels of such an image name its commit, and they are read after the first plan."""
    dockerfile = f"FROM {classic_tiny_base}\nCOPY hello.txt /\n"
    app = project(tmp_path / "app", {**classic_engine, **local_ecr.environment()}, dockerfile)
    app.environ["ECR_CREATE_REPOSITORY"] = "true"
    app.write(".dockerignore", "*\n!hello.txt\n")
    app.commit()
    first = build_and_push(app)
    app.write("notes.md", "not in the context\n")
    app.commit()
    assert (build_and_push(app), state(app)) == (first, "retagged")
    assert (build_and_push(app), state(app)) == (first, "already-published")


def test_with_never_another_digest_is_refused(app: Project) -> None:
    app.environ["ECR_SKIP"] = "never"
    app.write("Dockerfile", "FROM scratch\nCOPY hello.txt /\n")
    app.commit("the same bytes every time")
    first = build_and_push(app)
    result = app.ok("build", "push")
    assert "ECR_SKIP is never" in result.stderr
    assert result.lines[0].endswith(first)
    assert state(app) == "already-published"
    before = digests_by_tag(app)
    refused = app.inv("build", "push", ECR_LABELS="other=yes")
    assert refused.code == 6
    assert refused.stdout == ""
    assert first in refused.stderr
    assert digests_by_tag(app) == before
