"""Tests of what must hold before a build, with a real engine and the local ECR: nothing is written to ECR before."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import Project, project

READS = {"DescribeRepositories", "DescribeImages", "GetCallerIdentity"}
FILE_PROTOCOL = ("-c", "protocol.file.allow=always")


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    """Return a project whose repository does not exist yet."""
    dockerfile = f"FROM {tiny_base}\nCOPY . /app/\n"
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, dockerfile)
    app.environ["ECR_CREATE_REPOSITORY"] = "true"
    return app


def no_dockerfile(app: Project) -> int:
    (app.folder / "Dockerfile").unlink()
    app.commit()
    return 2


def no_engine(app: Project) -> int:
    app.environ["DOCKER_HOST"] = "tcp://127.0.0.1:1"
    return 3


def no_builder(app: Project) -> int:
    app.environ["ECR_BUILDER"] = "nowhere"
    return 3


def no_docker(app: Project) -> int:
    programs = app.folder.parent / "bin"
    programs.mkdir()
    (programs / "git").symlink_to("/usr/bin/git")
    app.environ["PATH"] = str(programs)
    return 3


def wrong_lifecycle(app: Project) -> int:
    app.write("lifecycle.json", '{"rules": [{}]}')
    app.commit()
    app.environ["ECR_LIFECYCLE_POLICY"] = "lifecycle.json"
    return 2


def wrong_service(app: Project) -> int:
    app.write("compose.yaml", "services:\n  Web_App:\n    build: .\n")
    app.commit()
    app.name = ""
    app.environ["ECR_REPOSITORY_PREFIX"] = "team/"
    return 2


def no_submodule(app: Project) -> int:
    app.git(*FILE_PROTOCOL, "submodule", "--quiet", "add", "--", app.folder.as_uri(), "vendor/lib")
    app.commit()
    app.git("submodule", "--quiet", "deinit", "--force", "--all")
    assert app.git("status", "--porcelain") == ""
    return 6


SPOILERS = (no_dockerfile, no_engine, no_builder, no_docker, wrong_lifecycle, wrong_service, no_submodule)


@pytest.mark.parametrize("spoil", SPOILERS)
def test_nothing_is_written_to_ecr_while_something_is_missing(
    app: Project, local_ecr: LocalEcr, spoil: Callable[[Project], int]
) -> None:
    code = spoil(app)
    before = local_ecr.requests()
    refused = app.inv("build", "push")
    assert refused.code == code, refused.stderr
    cause = next(line for line in refused.stderr.splitlines() if line.startswith("ecr-tasks: "))[11:]
    for words in (("push",), ("--dry", "build", "push"), ("plan",)):
        result = app.inv(*words)
        assert cause in result.stdout + result.stderr
        # A plan is shown with what is in the way, unless the settings themselves are wrong.
        assert result.code == (6 if words == ("plan",) and spoil is not wrong_service else code)
    after = local_ecr.requests()
    assert {name for name, number in after.items() if number != before.get(name)} <= READS


def test_a_dockerfile_in_lower_case_is_built(app: Project) -> None:
    app.git("mv", "Dockerfile", "dockerfile")
    app.commit()
    app.ok("build", "push")
    app.ok("plan")


def test_a_dockerfile_beside_the_settings_is_built_in_a_context_above(app: Project, tiny_base: str) -> None:
    app.write("services/web/Dockerfile", f"FROM {tiny_base}\nCOPY hello.txt /hello.txt\nRUN touch /of-the-service\n")
    app.write("services/web/tasks.py", (app.folder / "tasks.py").read_text(encoding="utf-8"))
    app.commit()
    service = Project(app.folder / "services" / "web", app.environ)
    (reference,) = service.ok("build", "push", ECR_CONTEXT="../..", ECR_DOCKERFILE="Dockerfile").lines
    docker(app.environ, "run", "--rm", reference, "ls", "/of-the-service", "/hello.txt")


def test_the_complete_clone_publishes_what_the_other_one_refused(app: Project) -> None:
    no_submodule(app)
    refused = app.inv("build", "push")
    assert "`git submodule update --init --recursive --checkout -- vendor/lib`" in refused.stderr
    app.git(
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "update",
        "--init",
        "--recursive",
        "--",
        "vendor/lib",
    )
    (reference,) = app.ok("build", "push").lines
    docker(app.environ, "run", "--rm", reference, "ls", "/app/vendor/lib/hello.txt")


def test_a_build_that_begins_before_the_registry_has_answered_leaves_nothing_where_it_is_not_needed(
    app: Project,
) -> None:
    def names() -> dict[str, str]:
        """Return the ids of the local images by name: the project's, and those of runs that have begun."""
        text = docker(app.environ, "image", "ls", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").stdout
        pairs = (line.rpartition(" ") for line in text.splitlines() if app.name in line)
        return {name: image_id for name, _, image_id in pairs}

    app.name = f"ahead/{app.folder.parent.name.replace('_', '-')[-12:]}"
    app.environ["ECR_TAGS"] = "type=semver,pattern={{version}}"
    app.git("tag", "v1.0.0")
    app.ok("build", "push")
    before = names()
    assert f"{app.name}:1.0.0" in before
    # Another commit may not have the tag: the refusal comes instead of the build, whose output nobody sees.
    app.write("hello.txt", "other\n")
    app.commit()
    app.git("tag", "--force", "v1.0.0")
    refused = app.inv("build", "push")
    assert (refused.code, "1.0.0" in refused.stderr, "#1 " in refused.stderr) == (6, True, False)
    assert names() == before
    # On a machine that doesn't know it yet, a published commit is not built.
    app.git("reset", "--quiet", "--hard", "HEAD~1")
    app.git("tag", "--force", "v1.0.0")
    shutil.rmtree(app.folder / ".ecr-tasks")
    docker(app.environ, "image", "rm", *before)
    again = app.ok("build", "push")
    assert ("#1 " in again.stderr, names()) == (False, {})
