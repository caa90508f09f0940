"""What `export` writes, read by the programs that it is for: docker compose, kustomize, a shell, the AWS CLI."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project

COMPOSE = """\
services:
  app: {build: ., network_mode: none, command: [cat, /hello.txt]}
  db: {image: postgres}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  template:
    spec:
      containers:
        - {name: short, image: team/app}
        - {name: tagged, image: "REGISTRY/team/app:main"}
        - {name: other, image: "team/app2:1"}
"""


@pytest.fixture
def app(
    tmp_path: Path,
    engine: dict[str, str],
    clients_path: str,
    local_ecr: LocalEcr,
    tiny_base: str,
) -> Project:
    """Return a project whose image is pushed and pulled."""
    environ = {**engine, **local_ecr.environment(), "PATH": clients_path, "ECR_CREATE_REPOSITORY": "true"}
    app = project(tmp_path / "app", environ, f"FROM {tiny_base}\nCOPY hello.txt /hello.txt\n")
    app.ok("build", "push", "pull")
    return app


def run(app: Project, *words: str) -> str:
    """Run a program in the project's folder and return what it prints."""
    result = subprocess.run(words, cwd=app.folder, env=app.environ, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def reference(app: Project) -> str:
    """Return the reference of the pushed image."""
    text: str = app.receipt["images"][0]["published"][0]["reference"]
    return text


def test_those_who_deploy_read_what_is_exported(app: Project, tmp_path: Path) -> None:
    """One image serves all of these programs."""
    compose_runs_the_pushed_image_and_builds_nothing(app)
    kustomize_sets_the_images_of_the_manifests(app)
    a_shell_reads_the_variables_and_docker_takes_the_file(app)
    the_aws_cli_takes_the_task_definition(app, tmp_path)


def compose_runs_the_pushed_image_and_builds_nothing(app: Project) -> None:
    app.write("compose.yaml", COMPOSE)
    app.write("deploy.yaml", app.ok("export", "compose", "--from", "compose.yaml").stdout)
    files = ("-f", "compose.yaml", "-f", "deploy.yaml")
    config = json.loads(run(app, "docker-compose", *files, "config", "--format", "json"))
    assert config["services"]["app"]["image"] == reference(app)
    assert "build" not in config["services"]["app"]
    assert config["services"]["db"]["image"] == "postgres"
    assert run(app, "docker-compose", *files, "run", "--rm", "app") == "hello\n"


def kustomize_sets_the_images_of_the_manifests(app: Project) -> None:
    registry = reference(app).partition("/")[0]
    app.write("k8s/deployment.yaml", DEPLOYMENT.replace("REGISTRY", registry))
    app.write("k8s/kustomization.yaml", "resources: [deployment.yaml]\ncomponents: [images]\n")
    app.write("k8s/images/kustomization.yaml", app.ok("export", "kubernetes").stdout)
    document = yaml.safe_load(run(app, "kustomize", "build", "k8s"))
    images = {item["name"]: item["image"] for item in document["spec"]["template"]["spec"]["containers"]}
    assert images == {"short": reference(app), "tagged": reference(app), "other": "team/app2:1"}


def a_shell_reads_the_variables_and_docker_takes_the_file(app: Project) -> None:
    app.write("deploy.env", app.ok("export", "env").stdout)
    assert run(app, "sh", "-euc", '. ./deploy.env; printf %s "$IMAGE"') == reference(app)
    words = ("docker", "run", "--rm", "--env-file", "deploy.env", reference(app), "sh", "-c", 'printf %s "$IMAGE"')
    assert run(app, *words) == reference(app)


def the_aws_cli_takes_the_task_definition(app: Project, tmp_path: Path) -> None:
    """It checks its input before it connects, and stops there: nothing listens on that port."""
    described = {"taskDefinition": {"family": "app", "revision": 3, "status": "ACTIVE", "containerDefinitions": []}}
    described["taskDefinition"]["containerDefinitions"] = [{"name": "web", "image": "team/app", "essential": True}]
    app.write("described.json", json.dumps(described))
    app.write("task.json", app.ok("export", "ecs", "--from", "described.json").stdout)
    words = ["aws", "ecs", "register-task-definition", "--cli-input-json"]
    for file, error in (("described.json", "Unknown parameter"), ("task.json", "Could not connect")):
        result = subprocess.run(
            [*words, f"file://{app.folder / file}", "--endpoint-url", "http://127.0.0.1:1", "--no-paginate"],
            cwd=tmp_path,
            env={**app.environ, "AWS_MAX_ATTEMPTS": "1", "AWS_REGION": "us-east-1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert error in result.stderr
