"""ECR Public as the settings' own registry: a project from its first push to its deletion."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import Project, project
from tests.engine.test_destinations import requests_since
from tests.engine.test_ecr_public import client_of, tags

NAME = "public.ecr.aws/local/tools/app"
PRIVATE = "123456789012/eu-west-1"


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    environ = {**engine, **local_ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        environ.pop(name, None)
    app = project(tmp_path / "app", environ, f"FROM {tiny_base}\nCOPY hello.txt /\nCMD cat /hello.txt\n")
    app.git("tag", "v1.2.3")
    app.name = NAME
    return app


def test_a_public_project_from_its_first_push_to_its_deletion(app: Project, local_ecr: LocalEcr) -> None:
    commit = f"sha-{app.git('rev-parse', 'HEAD')[:7]}"
    assert "local/tools/app" in app.ok("plan").stdout
    (first,) = app.ok("build", "push").lines
    address, _, digest = first.partition("@")
    assert address.endswith("/local/tools/app")
    assert address.partition("/")[0] != local_ecr.registry
    assert tags(local_ecr) == dict.fromkeys((commit, "1.2.3", "main", "latest"), digest)
    assert docker(app.environ, "run", "--rm", "--pull", "always", first).stdout == "hello\n"

    before = local_ecr.requests()
    assert app.ok("build", "push", DOCKER_HOST="unix:///nowhere/docker.sock").lines == [first]
    assert set(requests_since(local_ecr, before)) == {"DescribeRepositories", "DescribeImageTags"}
    assert json.loads(app.ok("images", "--json").stdout)["repositories"][0]["images"][0]["tags"] == sorted(
        (commit, "1.2.3", "main", "latest")
    )
    assert "linux/" in app.ok("images").stdout
    assert app.receipt["images"][0]["published"][0]["repository"] == "local/tools/app"
    exported = app.ok("export", "env")
    assert first in exported.stdout
    assert "asking ECR" not in exported.stderr
    commands = app.ok("commands", ECR_TAGS="type=raw,value=by-hand").stdout
    assert "aws ecr-public get-login-password --region us-east-1" in commands
    assert "aws ecr " not in commands

    app.write("hello.txt", "second\n")
    app.commit()
    second = app.ok("build", "push").lines[0].partition("@")[2]
    assert (tags(local_ecr)["main"], tags(local_ecr)["1.2.3"]) == (second, digest)
    app.ok("promote", "1.2.3", "--tag", "prod")
    app.ok("promote", second, "--tag", "prod")
    assert [
        entry["digest"] for entry in json.loads(app.ok("history", "prod", "--json").stdout)["images"][0]["history"]
    ] == [second, digest]
    app.ok("rollback", "prod")
    assert tags(local_ecr)["prod"] == digest
    app.write("../sbom.json", '{"spdxVersion": "SPDX-2.3"}')
    app.ok("attest", "../sbom.json", "--source", "prod", "--type", "spdx")
    assert app.ok("attest", "--source", "prod", "--get", "spdx").stdout == '{"spdxVersion": "SPDX-2.3"}'
    assert "spdx" in app.ok("attest", "--source", "prod").stdout
    app.ok("pull")
    app.ok("verify")
    for task in ("scan", "prune", "registry.show"):
        result = app.inv(task)
        assert result.code == 6, result.stderr
        assert "ECR Public" in result.stderr
    app.ok("repo.ensure", ECR_REPOSITORY_TAGS="team=web")
    assert "team=web" in app.ok("repo.show").stdout
    assert app.inv("repo.delete", "--yes").code == 6
    app.ok("repo.delete", "--yes", "--force")
    assert client_of(local_ecr).describe_repositories()["repositories"] == []


def test_a_private_copy_beside_it_sboms_as_referrers_and_a_signature(app: Project, clients_path: str) -> None:
    settings = {"ECR_DESTINATIONS": PRIVATE, "ECR_ATTEST": "referrers", "ECR_SBOM_GENERATOR": "none"}
    lines = app.ok("build", "push", **settings).lines
    digest = lines[0].partition("@")[2]
    assert lines[1].endswith(f"/tools/app@{digest}")
    assert "/local/" not in lines[1]
    listed = json.loads(app.ok("attest", "--json", **settings).stdout)
    assert "slsa" in json.dumps(listed)
    for published in app.receipt["images"][0]["published"]:
        assert sorted(item["kind"] for item in published["attached"]) == ["provenance"]
    app.environ |= {"COSIGN_PASSWORD": "of-a-test", "PATH": clients_path}
    signed = {"ECR_SIGN": "cosign,key=../cosign.key", "ECR_SIGNED_BY": "key=../cosign.pub"}
    words = ["cosign", "generate-key-pair"]
    subprocess.run(words, cwd=app.folder.parent, env=app.environ, check=True, capture_output=True)
    unsigned = app.inv("verify", **signed)
    assert (unsigned.code, "has no signature" in unsigned.stdout + unsigned.stderr) == (6, True)
    app.ok("sign", lines[0], **signed)
    app.ok("verify", lines[0], **signed)
