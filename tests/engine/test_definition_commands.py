"""`inv commands` for bake and compose files: the printed lines run in a shell and give the same digests."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project

BAKE = """\
group "default" { targets = ["app", "base", "inline"] }
target "base" {
  context = "base"
  args = { TEXT = "it's $${HOME} \\"x\\"" }
}
target "app" {
  context = "app"
  contexts = { base = "target:base" }
  labels = { say = "it's $${HOME}" }
}
target "inline" {
  dockerfile-inline = "FROM BASE\\nENV INLINE=yes"
  no-cache-filter = ["nothing"]
}
"""
COMPOSE = """\
services:
  app:
    build:
      context: ../app
      additional_contexts: {base: service:base}
      secrets: [token]
  base:
    profiles: [never]
    build: {context: ../base, args: {TEXT: "${TEXT}"}}
  plain:
    build: {context: ../base, dockerfile: ../base/Dockerfile, extra_hosts: ["other:10.0.0.1"]}
secrets:
  token: {environment: API_TOKEN}
"""


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    app = project(tmp_path / "it's here", {**engine, **local_ecr.environment()}, f"FROM {tiny_base}\n")
    app.environ |= {"ECR_CREATE_REPOSITORY": "true", "ECR_REPOSITORY_PREFIX": "hand/"}
    app.write("base/Dockerfile", f"FROM {tiny_base}\nARG TEXT=none\nENV TEXT=$TEXT\n")
    # The same whenever it runs: a builder may have dropped the step from its cache when it is built by hand.
    secret = "RUN --mount=type=secret,id=token wc -c /run/secrets/token >/size || true; touch -d @0 /size\n"
    app.write("app/Dockerfile", f"FROM base\n{secret}COPY app.txt /app.txt\n")
    app.write("app/app.txt", "app\n")
    app.write(".env", "API_TOKEN=12345\nTEXT=from .env\n")
    app.name = ""
    return app


def run(app: Project, script: str, folder: Path, aws: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a person would who pastes it in another folder, with a docker configuration of their own."""
    config = folder / "hand"
    config.mkdir(exist_ok=True)
    if not (config / "cli-plugins").exists():
        (config / "cli-plugins").symlink_to(Path(app.environ["DOCKER_CONFIG"]) / "cli-plugins")
    environ = {**app.environ, "PATH": f"{aws}:{app.environ['PATH']}", "DOCKER_CONFIG": str(config), **variables}
    return subprocess.run(
        ["sh", "-euc", script], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("file", "text"), [("docker-bake.hcl", BAKE), ("deploy/compose.yaml", COMPOSE)])
def test_the_printed_commands_give_the_same_digests(
    app: Project, tmp_path: Path, aws_path: str, tiny_base: str, file: str, text: str
) -> None:
    app.write(file, text.replace("BASE", tiny_base))
    app.commit()
    app.ok("build", ECR_BAKE_FILE=file)
    built = {f"hand/{image['name']}": image["digest"] for image in app.receipt["images"]}
    script = app.ok("commands", ECR_BAKE_FILE=file).stdout
    assert "12345" not in script
    if file.endswith(".yaml"):
        assert "export it first" in run(app, script, tmp_path, aws_path).stderr
    values = {"API_TOKEN": "12345", "TEXT": 'it\'s ${HOME} "x"'}  # the second is an argument that may be a secret
    result = run(app, script, tmp_path, aws_path, **values)
    assert result.returncode == 0, result.stderr
    published = app.ok("push", ECR_BAKE_FILE=file)
    assert "building with" not in published.stderr
    digests = {line.partition("/")[2].partition("@")[0]: line.rpartition("@")[2] for line in published.lines}
    assert digests == built
