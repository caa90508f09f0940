"""ECR_SKIP=content with a real engine and the local ECR: the same inputs are built once, whatever their commit."""

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

READS = {"DescribeRepositories": 1, "BatchGetImage": 1}


@pytest.fixture
def base(engine: dict[str, str], tiny_base: str) -> Iterator[str]:
    """A base image of this test's own, by a name that can be given to another one."""
    name = f"local/base-{uuid.uuid4().hex[:8]}:1"
    docker(engine, "tag", tiny_base, name)
    yield name
    docker(engine, "image", "rm", "--force", name)


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, base: str) -> Project:
    dockerfile = f"ARG GREETING=hello\nFROM {base}\nARG GREETING\nCOPY . /app/\nENV GREETING=$GREETING\n"
    made = project(tmp_path / "app", {**engine, **local_ecr.environment()}, dockerfile)
    made.environ |= {"ECR_CREATE_REPOSITORY": "true", "ECR_SKIP": "content"}
    made.write(".dockerignore", ".git\n.env\n.env.*\n.ecr-tasks\n__pycache__\n*.md\n")
    made.commit("ignore")
    return made


def made_since(local_ecr: LocalEcr, before: Mapping[str, int]) -> dict[str, int]:
    after = local_ecr.requests()
    return {name: number - before.get(name, 0) for name, number in after.items() if number != before.get(name, 0)}


def pushed(app: Project) -> str:
    """Builds and pushes; gives the digest."""
    (reference,) = app.ok("build", "push").lines
    return reference.partition("@")[2]


def state(app: Project) -> str:
    found: str = app.receipt["images"][0]["published"][0]["state"]
    return found


def held(app: Project) -> dict[str, str]:
    """Tag → digest, of all that the repository holds."""
    (repository,) = json.loads(app.ok("images", "--json").out)["repositories"]
    return {tag: image["digest"] for image in repository["images"] for tag in image["tags"]}


def test_another_branch_an_amended_and_a_rebased_commit_are_not_built(app: Project, local_ecr: LocalEcr) -> None:
    (planned,) = json.loads(app.ok("plan", "--json").out)["images"]
    first = pushed(app)
    assert held(app)[planned["inputs"]["tag"]] == first
    app.git("checkout", "--quiet", "-b", "feature")
    app.git("commit", "--quiet", "--amend", "--message", "other words")
    before = local_ecr.requests()
    assert pushed(app) == first
    assert made_since(local_ecr, before) == {**READS, "PutImage": 2}
    assert state(app) == "retagged"
    app.git("checkout", "--quiet", "main")
    app.write("notes.md", "not in the context\n")
    app.commit("notes")
    app.git("checkout", "--quiet", "feature")
    app.git("rebase", "--quiet", "main")
    before = local_ecr.requests()
    assert pushed(app) == first
    assert made_since(local_ecr, before) == {**READS, "PutImage": 1}
    before = local_ecr.requests()
    assert pushed(app) == first
    assert made_since(local_ecr, before) == READS
    assert state(app) == "already-published"
    tags = held(app)
    assert set(tags.values()) == {first}
    assert {"main", "feature", f"sha-{app.git('rev-parse', 'HEAD')[:7]}"} <= tags.keys()
    assert app.inv("plan", ECR_SKIP="commit").code == 0


def test_a_release_and_a_fresh_clone_take_what_a_branch_has_built(
    app: Project, local_ecr: LocalEcr, tmp_path: Path
) -> None:
    first = pushed(app)
    app.write("notes.md", "for the release\n")
    app.commit("release")
    app.git("tag", "v1.0.0")
    app.git("clone", "--quiet", str(app.folder), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone", app.environ)
    before = local_ecr.requests()
    assert pushed(clone) == first
    assert not {"PUT manifest", "POST upload", "PUT upload"} & made_since(local_ecr, before).keys()
    assert held(clone)["1.0.0"] == held(clone)["latest"] == first


def test_two_runs_at_once_build_it_once(app: Project, tmp_path: Path) -> None:
    """Two commits of the same tree, on one machine: the second waits and takes the first one's image."""
    app.write("Dockerfile", (app.folder / "Dockerfile").read_text("utf-8") + "RUN sleep 3; date > /when.txt\n")
    app.commit("slow")
    app.ok("repo.ensure")
    app.git("clone", "--quiet", str(app.folder), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone", app.environ)
    clone.git("checkout", "--quiet", "-b", "other")
    clone.commit("other words")
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda one: one.ok("build", "push"), (app, clone)))
    assert len({one.out for one in done}) == 1
    assert sorted(state(one) for one in (app, clone)) == ["pushed", "retagged"]
    assert sum("waiting: another run publishes" in one.err for one in done) == 1


def test_an_uncommitted_tree_is_built_once(app: Project) -> None:
    app.write("hello.txt", "half done\n")
    first = pushed(app)
    revision = app.commit("done")
    assert pushed(app) == first
    assert state(app) == "retagged"
    assert held(app)[f"sha-{revision[:7]}"] == first


def test_what_is_in_the_image_is_built(app: Project, engine: dict[str, str], base: str) -> None:
    digests = [pushed(app)]
    app.write("hello.txt", "changed\n")
    app.commit("a file")
    digests.append(pushed(app))
    app.write("Dockerfile", (app.folder / "Dockerfile").read_text("utf-8") + "WORKDIR /app\n")
    app.commit("the Dockerfile")
    digests.append(pushed(app))
    app.environ["ECR_BUILD_ARGS"] = "GREETING=bye"
    app.commit("an argument")
    digests.append(pushed(app))
    app.commit("nothing")
    assert pushed(app) == digests[-1]
    other = app.folder.parent / "base"
    other.mkdir()
    (other / "Dockerfile").write_text(f"FROM {base}\nENV OTHER=yes\n", encoding="utf-8")
    docker(engine, "build", "--quiet", "--provenance=false", "--tag", base, str(other))
    again = app.ok("plan", "--json")
    assert json.loads(again.out)["images"][0]["build"]["needed"] is False  # this commit's tag never moves
    app.commit("another base image")
    digests.append(pushed(app))
    assert len(set(digests)) == len(digests)


def test_an_index_is_found_too(app: Project) -> None:
    app.environ["ECR_PLATFORMS"] = "linux/amd64,linux/arm64"
    app.write("Dockerfile", "FROM scratch\nCOPY . /\n")
    app.commit("for two platforms")
    first = pushed(app)
    app.commit("nothing")
    assert pushed(app) == first
    assert state(app) == "retagged"


def test_a_base_image_in_ecr(app: Project, local_ecr: LocalEcr, engine: dict[str, str]) -> None:
    """It is asked for in its registry, with a login of the run's own."""
    bases = Project(app.folder, {**app.environ, "ECR_SKIP": "commit"}, "team/base")
    reference = bases.ok("build", "push").lines[0]
    tag = f"{local_ecr.registry}/team/base:main"
    for name in (tag, reference, tag.replace("main", f"sha-{app.git('rev-parse', 'HEAD')[:7]}")):
        docker(engine, "image", "rm", "--force", name, check=False)
    app.write("Dockerfile", f"FROM {tag}\nCOPY hello.txt /\n")
    app.commit("on ECR")
    first = pushed(app)
    app.commit("nothing")
    assert pushed(app) == first
    assert state(app) == "retagged"


def test_a_classic_store(
    tmp_path: Path, classic_engine: dict[str, str], classic_tiny_base: str, local_ecr: LocalEcr
) -> None:
    """Its images have no annotations: the tag is what they are found by."""
    app = project(
        tmp_path / "app",
        {**classic_engine, **local_ecr.environment()},
        f"FROM {classic_tiny_base}\nCOPY hello.txt /\n",
    )
    app.environ |= {"ECR_CREATE_REPOSITORY": "true", "ECR_SKIP": "content"}
    first = pushed(app)
    app.commit("nothing")
    before = local_ecr.requests()
    assert pushed(app) == first
    assert made_since(local_ecr, before) == {**READS, "PutImage": 1}


def test_never_refuses_what_comes_out_as_another_image(app: Project) -> None:
    app.environ["ECR_SKIP"] = "never"
    app.write("Dockerfile", "FROM scratch\nCOPY hello.txt /\n")
    app.commit("the same bytes every time")
    first = pushed(app)
    done = app.ok("build", "push")
    assert "ECR_SKIP is never" in done.err
    assert done.lines[0].endswith(first)
    assert state(app) == "already-published"
    before = held(app)
    refused = app.inv("build", "push", ECR_LABELS="other=yes")
    assert refused.code == 6
    assert refused.out == ""
    assert first in refused.err
    assert held(app) == before
