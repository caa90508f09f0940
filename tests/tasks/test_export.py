"""Tests of `export` on a command line: where the images come from, and what is refused."""

from __future__ import annotations

import io
import json
import shutil

import pytest

from ecr_tasks.model.registry import Repository
from tests.support.build import HOST, INDEX, REVISION_B, digest, index, manifest
from tests.support.fakes import FakeRegistry
from tests.support.keys import SECRET
from tests.tasks.conftest import CHANGING_CALLS, Project

OLD_IMAGE = manifest("old", REVISION_B)


def image_of(text: str) -> str:
    """Return the reference in the output of `export env`."""
    return dict(line.split("=", 1) for line in text.splitlines())["IMAGE"]


def test_this_runs_push_is_exported(project: Project) -> None:
    result = project.inv("build", "push", "export", "terraform")
    reference, document = result.stdout.split("\n", 1)
    assert (reference, json.loads(document)) == (project.reference, {"image": project.reference})
    assert project.receipt["images"][0]["published"]


def test_what_an_earlier_run_pushed_of_this_commit_needs_no_registry(project: Project) -> None:
    project.inv("build", "push")
    result = project.inv("export", "env")
    assert (result.code, image_of(result.stdout), result.stderr) == (0, project.reference, "")
    assert project.calls.log == []
    assert image_of(project.inv("export", "env").stdout) == project.reference, "exporting leaves the receipt"


def test_a_receipt_of_another_commit_is_not_used(project: Project) -> None:
    project.inv("build", "push")
    old = project.revision
    project.commit()
    result = project.inv("export", "env")
    assert (result.code, result.stdout) == (5, "")
    assert f"its receipt is of commit {old[:12]}" in result.stderr
    assert "isn't published" in result.stderr


def test_without_a_receipt_ecr_is_asked_for_this_commits_image(project: Project) -> None:
    project.inv("build", "push")
    shutil.rmtree(project.path / ".ecr-tasks")
    result = project.inv("export", "env")
    assert (result.code, image_of(result.stdout)) == (0, project.reference)
    assert "there is no receipt" in result.stderr
    assert project.calls.named(*CHANGING_CALLS, "image", "images", "token") == []


def test_a_build_alone_is_not_published(project: Project) -> None:
    project.inv("build", "push")
    project.inv("build")
    result = project.inv("export", "env")
    assert image_of(result.stdout) == project.reference, "ECR has it"
    assert "its last run published nothing" in result.stderr


def test_a_receipt_of_another_registry_is_not_used(project: Project) -> None:
    project.inv("build", "push", "export", "env")
    for setting in ({"AWS_ACCOUNT_ID": "210987654321"}, {"AWS_REGION": "us-east-1"}):
        assert f"is of another registry, {HOST}" in project.inv("export", "env", **setting).stderr
    path = project.path / ".ecr-tasks/repositories/team/app/receipt.json"
    path.write_text(path.read_text("utf-8").replace(HOST, "127.0.0.1:5000"), "utf-8")
    assert "is of another registry, 127.0.0.1:5000" in project.inv("export", "env").stderr
    local = project.inv("export", "env", AWS_ENDPOINT_URL_ECR="http://127.0.0.1:5000")
    assert image_of(local.stdout).startswith("127.0.0.1:5000/team/app@")
    other = project.inv("export", "env", AWS_ENDPOINT_URL_ECR="http://127.0.0.1:5001")
    assert "is of another registry, 127.0.0.1:5000" in other.stderr


def test_a_broken_receipt_is_named(project: Project) -> None:
    project.inv("build", "push")
    path = project.path / ".ecr-tasks/repositories/team/app/receipt.json"
    for text in (
        "{",
        '{"schema": 1, "images": [{"published": [{}]}]}',
        '{"schema": 9}',
        '{"schema": 1, "images": 3}',
    ):
        path.write_text(text, "utf-8")
        result = project.inv("export", "env")
        assert "its receipt can't be read" in result.stderr
        assert image_of(result.stdout) == project.reference


def test_uncommitted_changes_are_told(project: Project) -> None:
    project.inv("build", "push")
    project.write("Dockerfile", "FROM scratch\nLABEL a=b\n")
    assert "without the uncommitted changes" in project.inv("export", "env").stderr
    project.inv("build", "push")
    assert "built with uncommitted changes" in project.inv("export", "env").stderr


@pytest.mark.parametrize("source", ["stable", OLD_IMAGE.digest, f"{HOST}/team/app@{OLD_IMAGE.digest}"])
def test_an_image_in_ecr_is_exported_by_its_digest_and_not_pulled(project: Project, source: str) -> None:
    project.registry.put("team/app", OLD_IMAGE, "stable")
    assert project.inv("export", "json", "--source", source).code == 0
    result = project.inv("export", "json", source)
    (image,) = result.document["images"]
    assert (image["digest"], image["tags"]) == (OLD_IMAGE.digest, ["stable"])
    assert [call[0] for call in project.calls.log] == ["describe", "detail"]


def test_a_missing_image_and_a_wrong_registry_are_named(project: Project) -> None:
    assert "nosuch" in project.inv("export", "env", "nosuch").failed(5)
    assert "team/other" in project.inv("export", "env", "--source", f"{HOST}/team/other:1").failed(2)
    project.registry.put("team/app", OLD_IMAGE, "stable")
    assert "elsewhere" in project.inv("export", "env", "--source", "elsewhere:5000/team/app:stable").failed(5)
    assert "elsewhere" in project.inv("export", "env", "--source", "stable", "--registry", "elsewhere").failed(2)
    assert "'nosuch'" in project.inv("export", "env", "--image", "nosuch").failed(2)
    assert "'nosuch'" in project.inv("build", "push", "export", "env", "--image", "nosuch").stderr


def test_the_registry_of_a_destination_can_be_chosen(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    host = "210987654321.dkr.ecr.us-east-1.amazonaws.com"
    place = FakeRegistry(project.calls, Repository("prod/app", "210987654321", f"{host}/prod/app"))
    monkeypatch.setattr(project.registry, "in_region", lambda account, region, identity: place)
    project.inv("build", "push")
    setting = {"ECR_DESTINATIONS": "210987654321/us-east-1/prod/app"}
    words = ("export", "env", "--registry", "210987654321/us-east-1")
    assert project.image.digest in project.inv(*words, **setting).failed(5)
    place.put("prod/app", project.image, "main")
    expected = f"{host}/prod/app@{project.image.digest}"
    looked_up = project.inv(*words, **setting).stdout
    assert image_of(looked_up) == expected
    assert "IMAGE_TAGS=main\n" in looked_up, "the others are not there"
    project.inv("push", **setting)
    for registry in (host, "210987654321/us-east-1"):
        result = project.inv("export", "env", "--registry", registry, **setting)
        assert image_of(result.stdout) == expected, result.stderr
        assert project.calls.log == []
    assert image_of(project.inv("export", "env", **setting).stdout) == project.reference


def test_lambda_refuses_an_index_of_ecr(project: Project) -> None:
    project.registry.put("team/app", index([({"os": "linux", "architecture": "amd64"}, digest("a"))]), "stable")
    assert project.inv("export", "json", "--source", "stable").document["images"][0]["media_type"] == INDEX
    assert "ECR_PRESET=lambda" in project.inv("export", "lambda", "--source", "stable").failed(6)


def test_a_file_to_update_is_read_from_its_path_and_from_stdin(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.inv("build", "push")
    text = json.dumps({"family": "a", "containerDefinitions": [{"name": "web", "image": "team/app"}]})
    project.write("task.json", text)
    from_file = project.inv("export", "ecs", "--from", "task.json")
    assert from_file.document["containerDefinitions"][0]["image"] == project.reference
    assert f"web: team/app -> {project.reference}" in from_file.stderr
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert project.inv("export", "ecs", "--from", "-").stdout == from_file.stdout
    assert "empty" in project.inv("export", "ecs", "--from", "-").failed(2)
    assert "nosuch.json" in project.inv("export", "ecs", "--from", "nosuch.json").failed(2)
    assert "describe-task-definition" in project.inv("export", "ecs").failed(2)


def test_a_secret_in_the_file_is_refused_rather_than_changed_or_printed(project: Project) -> None:
    project.inv("build", "push")
    environment = [{"name": "KEY", "value": SECRET}]
    container = {"name": "web", "image": "team/app", "environment": environment}
    project.write("task.json", json.dumps({"family": "a", "containerDefinitions": [container]}))
    result = project.inv(
        "export", "ecs", "--from", "task.json", AWS_ACCESS_KEY_ID="AKIA2E0A8F3B244C9986", AWS_SECRET_ACCESS_KEY=SECRET
    )
    assert "secret" in result.failed(6)
    assert SECRET not in result.stderr


def test_what_only_looks_like_a_secret_stays_as_it_is_in_the_file(project: Project) -> None:
    project.inv("build", "push")
    address = "https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/1"
    container = {"name": "web", "image": "team/app", "environment": [{"name": "SENTRY_DSN", "value": address}]}
    project.write("task.json", json.dumps({"family": "a", "containerDefinitions": [container]}))
    result = project.inv("export", "ecs", "--from", "task.json")
    assert result.document["containerDefinitions"][0]["environment"] == container["environment"]


def test_an_unknown_format_is_an_error_before_any_call(project: Project) -> None:
    assert "terraform, cdk" in project.inv("export", "nosuch").failed(2)
    assert project.calls.log == []


def test_a_dry_run_says_what_it_would_write(project: Project) -> None:
    result = project.inv("--dry", "build", "push", "export", "compose")
    assert (result.code, result.stdout) == (0, "")
    assert "would write" in result.stderr
