"""Bake and compose files with a real engine: what is published, and that it is read as it is built."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import CommandResult, Project, project

LINKED = """\
group "default" { targets = ["app"] }
target "deep" {
  context = "deep"
}
target "base" {
  context = "base"
  contexts = { deep = "target:deep" }
}
target "app" {
  context = "app"
  contexts = { base = "target:base" }
}
"""


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    """A project whose image app is built from base, and base from deep."""
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, f"FROM {tiny_base}\n")
    app.environ["ECR_CREATE_REPOSITORY"] = "true"
    app.write("deep/Dockerfile", f"FROM {tiny_base}\nCOPY deep.txt /deep.txt\n")
    app.write("deep/deep.txt", "deep\n")
    app.write(
        "base/Dockerfile", "FROM deep\nARG VERSION=none\nCOPY base.txt /base.txt\nRUN echo $VERSION >/version\n"
    )
    app.write("base/base.txt", "base\n")
    app.write("app/Dockerfile", "FROM base\nCOPY app.txt /app.txt\n")
    app.write("app/app.txt", "app\n")
    return app


def cat(app: Project, reference: str, *paths: str) -> str:
    """Return the content of an image's files."""
    return docker(app.environ, "run", "--rm", reference, "cat", *paths).stdout


def several(app: Project, *arguments: str, **environ: str) -> CommandResult:
    """Run `inv` with a prefix instead of one repository."""
    return app.ok(*arguments, ECR_REPOSITORY="", ECR_REPOSITORY_PREFIX="team/", **environ)


def test_a_linked_target_is_built_and_not_published(app: Project) -> None:
    app.write("docker-bake.hcl", LINKED)
    app.commit()
    (reference,) = app.ok("build", "push", ECR_BAKE_FILE="docker-bake.hcl").lines
    assert "/team/app@" in reference
    assert cat(app, reference, "/deep.txt", "/base.txt", "/app.txt") == "deep\nbase\napp\n"
    assert json.loads(app.ok("images", "--json", ECR_BAKE_FILE="docker-bake.hcl").stdout)


@pytest.mark.parametrize("skip", ["commit", "content"])
def test_a_group_in_which_only_one_image_is_left_to_build(app: Project, skip: str) -> None:
    """base is published, and app, which is built from it, is not."""
    app.write("docker-bake.hcl", LINKED.replace('["app"]', '["app", "base"]'))
    first = app.write("first.hcl", LINKED.replace('["app"]', '["base"]')) if skip == "commit" else None
    app.commit()
    environ = {"ECR_SKIP": skip}
    several(app, "build", "push", **environ, **({"ECR_BAKE_FILE": first.name} if first else {}))
    if skip == "content":
        app.write("app/app.txt", "changed\n")
        app.commit()
    second = several(app, "build", "push", **environ)
    by_name = {line.partition("@")[0].rpartition("/")[2]: line for line in second.lines}
    assert sorted(by_name) == ["app", "base"]
    text = "changed\n" if skip == "content" else "app\n"
    assert cat(app, by_name["app"], "/base.txt", "/app.txt") == f"base\n{text}"


def test_a_change_of_a_linked_target_is_one_of_the_image(app: Project) -> None:
    app.write("docker-bake.hcl", LINKED)
    app.commit()
    environ = {"ECR_SKIP": "content", "ECR_BAKE_FILE": "docker-bake.hcl"}
    first = app.ok("build", "push", **environ).lines
    app.write("README.md", "text\n")
    app.commit()
    assert app.ok("build", "push", **environ).lines == first
    app.write("deep/deep.txt", "changed\n")
    app.commit()
    (second,) = app.ok("build", "push", **environ).lines
    assert cat(app, second, "/deep.txt") == "changed\n"
    app.write("docker-bake.hcl", LINKED.replace('context = "base"', 'context = "base"\n  args = { VERSION = "2" }'))
    app.commit()
    (third,) = app.ok("build", "push", **environ).lines
    assert cat(app, third, "/version") == "2\n"


def test_an_image_is_the_same_whether_or_not_what_it_links_to_is_built_for_publishing(app: Project) -> None:
    app.write("docker-bake.hcl", LINKED.replace('["app"]', '["app", "base"]'))
    app.write("first.hcl", LINKED.replace('["app"]', '["base"]'))
    app.commit()
    several(app, "build")
    digests = {image["name"]: image["digest"] for image in app.receipt["images"]}
    several(app, "build", "push", ECR_BAKE_FILE="first.hcl")
    second = several(app, "build", "push")
    assert any(line.endswith(f"/team/app@{digests['app']}") for line in second.lines)


COMPOSE = """\
services:
  web:
    image: shop/web
    build:
      context: ../app
      additional_contexts:
        base: service:base
      args:
        VERSION: "${VERSION}"
      secrets:
        - token
  base:
    profiles: [never]
    build:
      context: ../base
      additional_contexts: {deep: ../deep}
  db:
    image: postgres
secrets:
  token:
    environment: API_TOKEN
"""


def test_a_compose_file_counts_its_paths_from_its_own_folder(app: Project, tiny_base: str) -> None:
    app.write("base/Dockerfile", f"FROM {tiny_base}\nCOPY --from=deep deep.txt /deep.txt\n")
    app.write(
        "app/Dockerfile",
        "FROM base\nARG VERSION\n"
        "RUN --mount=type=secret,id=token echo $VERSION $(cat /run/secrets/token | wc -c) >/v\n",
    )
    app.write("deploy/compose.yaml", COMPOSE)
    app.commit()
    app.write(".env", "VERSION=dev\nAPI_TOKEN=12345\n")
    app.write(".env.prod", "VERSION=prod\n")
    environ = {"ECR_BAKE_FILE": "deploy/compose.yaml"}
    (dev,) = app.ok("build", "push", **environ).lines
    assert cat(app, dev, "/v", "/deep.txt") == "dev 5\ndeep\n"
    app.commit("another")
    (app.folder / "src").mkdir()
    app.folder, folder = app.folder / "src", app.folder
    (prod,) = app.ok("env", "prod", "build", "push", **environ).lines
    app.folder = folder
    assert cat(app, prod, "/v") == "prod 5\n"
    app.commit("a third")
    (shell,) = app.ok("env", "prod", "build", "push", VERSION="shell", **environ).lines
    assert cat(app, shell, "/v") == "shell 5\n"


def test_a_compose_secret_is_read_from_the_dotenv_file_beside_the_compose_file(app: Project, tiny_base: str) -> None:
    app.write(
        "web/Dockerfile", f"FROM {tiny_base}\nRUN --mount=type=secret,id=token cp /run/secrets/token /own-file\n"
    )
    app.write(
        "deploy/compose.yaml",
        "services: {web: {build: {context: ../web, secrets: [token, other]}}}\n"
        "secrets: {token: {environment: API_TOKEN}, other: {environment: UNSET_TOKEN}}\n",
    )
    app.write("deploy/extras.yaml", "# nothing yet\n")
    app.write("deploy/.env", "API_TOKEN=beside\n")
    environ = {"ECR_BAKE_FILE": "deploy/compose.yaml,deploy/extras.yaml"}
    result = app.ok("build", "push", **environ)
    assert cat(app, result.lines[0], "/own-file") == "beside"
    assert "the secret other is read from UNSET_TOKEN, which is not set" in result.stderr
    assert "API_TOKEN, which" not in result.stderr
    assert "${API_TOKEN:?" in app.ok("commands", **environ).stdout


def test_a_compose_file_has_ecr_names_of_its_own(app: Project) -> None:
    app.write("compose.yaml", "services: {web: {image: '${ECR_REGISTRY:?}/web', build: {context: deep}}}\n")
    app.commit()
    app.write(".env", "ECR_REGISTRY=registry.example\n")
    result = several(app, "build", "push", ECR_REPO="x")
    assert [line.partition("@")[0].partition("/")[2] for line in result.lines] == ["team/web"]
    (warning,) = [line for line in result.stderr.splitlines() if "left alone" in line]
    assert "ECR_REGISTRY (.env:1" in warning
    assert "ECR_REPO (environment: did you mean ECR_REPOSITORY?)" in warning


def test_an_image_for_several_platforms_is_built_from_what_it_links_to(app: Project) -> None:
    app.write("base/Dockerfile", "FROM scratch\nARG TARGETARCH\nCOPY --from=files $TARGETARCH.txt /arch.txt\n")
    for architecture in ("amd64", "arm64"):
        app.write(f"files/{architecture}.txt", f"{architecture}\n")
    app.write("app/Dockerfile", "FROM base AS base\nFROM deep\nCOPY --from=base /arch.txt /\n")
    app.write(
        "docker-bake.hcl",
        LINKED.replace('deep = "target:deep"', 'files = "files"').replace(
            'base = "target:base"', 'base = "target:base", deep = "target:deep"'
        ),
    )
    app.write("deep/Dockerfile", "FROM scratch\nCOPY deep.txt /deep.txt\n")
    app.commit()
    environ = {"ECR_BAKE_FILE": "docker-bake.hcl", "ECR_PLATFORMS": "linux/amd64,linux/arm64"}
    (reference,) = app.ok("build", "push", **environ).lines
    for architecture in ("amd64", "arm64"):
        container = docker(
            app.environ, "create", "--platform", f"linux/{architecture}", reference, "x"
        ).stdout.strip()
        archive = docker(app.environ, "export", container).stdout
        docker(app.environ, "rm", container)
        assert f"{architecture}\n" in archive
        assert "deep.txt" in archive


@pytest.mark.parametrize("line", ["two 'words", 'TOKEN="hunter2'])
def test_a_line_of_the_env_file_that_docker_cant_read_is_named_without_its_text(app: Project, line: str) -> None:
    app.write("compose.yaml", "services: {web: {image: '${ECR_REGISTRY:?}/web', build: {context: deep}}}\n")
    app.commit()
    app.write(".env", f"ECR_REGISTRY=registry.example\n{line}\n")
    result = app.inv("build", ECR_REPOSITORY="", ECR_REPOSITORY_PREFIX="team/")
    assert result.code == 3
    assert "reads the .env beside it, too, and stops near line " in result.stderr
    assert ".env:2" in result.stderr
    assert line[-6:] not in result.stderr
