"""SBOM and provenance attached after the push, with real builds: the image is what it is without them."""

from __future__ import annotations

import json
import signal
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_tasks.clients.docker.client import WhalesDocker
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.execute.attestations import make_sboms
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.model.receipt import Built
from tests.engine.conftest import docker
from tests.engine.project import Project, project
from tests.engine.test_builders import buildkit  # noqa: F401 - a fixture
from tests.local_ecr.conftest import make_client

DOCKERFILE = "FROM scratch\nARG FLAVOUR\nCOPY hello.txt /\n"
SECRET = "of-an-argument-5f3a91"


def attesting(folder: Path, environ: dict[str, str], local_ecr: LocalEcr) -> Project:
    """Return a project whose builds have a secret argument."""
    more = {"ECR_CREATE_REPOSITORY": "true", "ECR_BUILD_ARGS": f"FLAVOUR={SECRET}"}
    app = project(folder, {**environ, **local_ecr.environment(), **more}, DOCKERFILE)
    app.write(".dockerignore", ".ecr-tasks/\n")
    app.commit()
    return app


def api_of(local_ecr: LocalEcr) -> Any:
    """Return a client of its API."""
    session = boto3.Session("AKIALOCAL", "none", region_name=local_ecr.region)
    return make_client(session, local_ecr.endpoint)


def attached(app: Project, **environ: str) -> list[dict[str, Any]]:
    """Return what `inv attest --json` says is attached to the commit's image."""
    (image,) = json.loads(app.ok("attest", "--json", **environ).stdout)["images"]
    entries: list[dict[str, Any]] = image["attached"]
    return entries


def got(app: Project, digest: str) -> dict[str, Any]:
    """Return a document that `inv attest --get` downloads, which has no secret."""
    text = app.ok("attest", "--get", digest).stdout
    assert SECRET not in text
    document: dict[str, Any] = json.loads(text)
    return document


@pytest.mark.parametrize("platforms", ["", "linux/amd64,linux/arm64"])
def test_the_image_stays_what_it_is_and_has_both(
    engine: dict[str, str],
    sbom_scanner: str,
    local_ecr: LocalEcr,
    tmp_path: Path,
    platforms: str,
) -> None:
    app = attesting(tmp_path / "app", engine, local_ecr)
    app.environ["ECR_PLATFORMS"] = platforms
    app.ok("build")
    plain = app.receipt["images"][0]["local"]["digest"]
    app.environ["ECR_ATTEST"] = "referrers"
    preset = "supply-chain" if platforms else "lambda"
    plan = json.loads(app.ok("plan", "--json", ECR_PRESET=preset).stdout)
    assert plan["images"][0]["attached"] == ["provenance", "sbom"]
    pushed = app.ok("push", ECR_PRESET=preset)
    (image,) = app.receipt["images"]
    assert image["digest"] == plain
    names = platforms.split(",")
    assert [(item["kind"], item["platform"] or "") for item in image["published"][0]["attached"]] == [
        (kind, name) for kind in ("provenance", "sbom") for name in names
    ]
    assert SECRET not in pushed.stderr + json.dumps(app.receipt["images"][0]["published"])
    entries = attached(app)
    assert [item["digest"] for item in entries] == [item["digest"] for item in image["published"][0]["attached"]]
    for item in entries:
        document = got(app, item["digest"])
        if item["kind"] == "sbom":
            assert document["spdxVersion"] == "SPDX-2.3"
            continue
        subjects = [f"sha256:{subject['digest']['sha256']}" for subject in document["subject"]]
        assert subjects[0] == plain
        assert len(subjects) == (2 if platforms else 1)
        assert document["predicate"]["metadata"]["completeness"]["parameters"] is False
    api = api_of(local_ecr)
    details = api.describe_images(repositoryName=app.name)["imageDetails"]
    assert len(details) == (3 if platforms else 1) + len(entries)
    assert [item for item in details if "lastRecordedPullTime" in item and "imageTags" in item] == []
    before = local_ecr.requests()
    assert app.ok("build", "push", ECR_PRESET=preset).lines == pushed.lines
    after = local_ecr.requests()
    assert after["ListImageReferrers"] == before["ListImageReferrers"] + 1
    assert after["PutImage"] == before["PutImage"]


@pytest.mark.parametrize("platforms", ["", "linux/amd64,linux/arm64"])
def test_a_destination_that_the_engine_uploads_to_has_both(
    engine: dict[str, str], sbom_scanner: str, local_ecr: LocalEcr, tmp_path: Path, platforms: str
) -> None:
    """They are attached to what has only the tag of the upload yet, in a repository that locks no tag."""
    app = attesting(tmp_path / "app", engine, local_ecr)
    app.environ |= {"ECR_PLATFORMS": platforms, "ECR_ATTEST": "referrers", "ECR_PRESET": "supply-chain"}
    app.environ["ECR_DESTINATIONS"] = "210987654321/eu-west-1"
    session = boto3.Session("AKIALOCAL", "none", region_name="eu-west-1")
    there = make_client(session, local_ecr.endpoint)
    there.create_repository(registryId="210987654321", repositoryName=app.name)
    pushed = app.ok("build", "push")
    home, copy = app.receipt["images"][0]["published"]
    assert [item["digest"] for item in copy["attached"]] == [item["digest"] for item in home["attached"]]
    assert len(copy["attached"]) == 2 * len(platforms.split(","))
    assert "copying sha256:" not in pushed.stderr, "the image went there from the engine"
    details = there.describe_images(registryId="210987654321", repositoryName=app.name)["imageDetails"]
    assert {item["imageDigest"] for item in details} >= {item["digest"] for item in copy["attached"]}
    assert not any(tag.startswith("ecr-tasks-upload-") for item in details for tag in item.get("imageTags", ()))
    assert app.ok("build", "push").lines == pushed.lines


@pytest.fixture
def config(engine: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateConfig]:
    for name, value in engine.items():
        monkeypatch.setenv(name, value)
    config = PrivateConfig(engine)
    yield config
    config.close()


@pytest.fixture
def client(config: PrivateConfig, tmp_path: Path, tiny_base: str) -> Iterator[WhalesDocker]:
    """Yield a client in a folder that has a Dockerfile."""
    (tmp_path / "Dockerfile").write_text(f"FROM {tiny_base}\nCOPY Dockerfile /\n", encoding="utf-8")
    client = WhalesDocker(config, tmp_path, {})
    yield client
    client.close()


def test_an_sbom_is_there_whatever_others_remove_from_the_engine_meanwhile(
    engine: dict[str, str],
    sbom_scanner: str,
    tiny_base: str,
    config: PrivateConfig,
    client: WhalesDocker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    definition = BuildDefinition(context=str(tmp_path), extra={"no-cache": True})
    image = Image("app", "app", definition, (), referrers=(f"type=sbom,generator={sbom_scanner}",))
    read = client.built_manifest

    def read_after_others(digest: str, record: str) -> str | None:
        """Read it after the engine has tidied its store, which it does when a name goes."""
        other = f"ecr-tasks-test:{uuid.uuid4().hex}"
        docker(engine, "tag", tiny_base, other)
        docker(engine, "image", "rm", other)
        return read(digest, record)

    monkeypatch.setattr(client, "built_manifest", read_after_others)
    (sbom,) = make_sboms(image, Built("app", "", None, None, (), "store", 0.0), client, None, in_engine=True)
    assert sbom.predicate["spdxVersion"] == "SPDX-2.3"
    (name,) = config.names.own
    docker(engine, "image", "inspect", name)
    client.close()
    assert docker(engine, "image", "inspect", name, check=False).returncode == 1


def test_an_sbom_is_had_from_a_builder_that_no_longer_has_it(
    sbom_scanner: str, client: WhalesDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (temporary := tmp_path / "a, b").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    platforms = ("linux/amd64", "linux/arm64")
    image = Image(
        "app",
        "app",
        BuildDefinition(context=str(tmp_path), platforms=platforms),
        (),
        referrers=(f"type=sbom,generator={sbom_scanner}",),
    )
    monkeypatch.setattr(client, "built_manifest", lambda digest, record: None)
    sboms = make_sboms(image, Built("app", "", None, None, (), "store", 0.0), client, None, in_engine=False)
    assert [(item.platform, item.predicate["spdxVersion"]) for item in sboms] == [
        (platform, "SPDX-2.3") for platform in platforms
    ]
    assert [item.name for item in temporary.iterdir() if "sbom" in item.name] == []


def test_an_sbom_that_cannot_be_made_stops_the_push(
    engine: dict[str, str], local_ecr: LocalEcr, tmp_path: Path
) -> None:
    app = attesting(tmp_path / "app", engine, local_ecr)
    generator = {"ECR_ATTEST": "referrers", "ECR_SBOM_GENERATOR": "127.0.0.1:1/no/generator:1"}
    result = app.inv("build", "push", **generator)
    assert (result.code, result.stdout) == (3, ""), result.stderr
    assert "no/generator" in result.stderr.splitlines()[-2]
    repositories = api_of(local_ecr).describe_repositories()["repositories"]
    for repository in repositories:
        assert api_of(local_ecr).list_images(repositoryName=repository["repositoryName"])["imageIds"] == []


def test_the_classic_store_has_provenance_and_with_a_builder_of_its_own_an_sbom(
    classic_engine: dict[str, str],
    sbom_scanner: str,
    buildkit: str,  # noqa: F811 - a fixture
    local_ecr: LocalEcr,
    tmp_path: Path,
) -> None:
    environ = {**classic_engine, "BUILDX_CONFIG": str(tmp_path / "buildx")}
    app = attesting(tmp_path / "app", environ, local_ecr)
    app.environ["ECR_ATTEST"] = "referrers"
    refused = app.inv("build", "push")
    assert (refused.code, refused.stdout) == (3, "")
    assert "makes no SBOM" in refused.stderr
    app.ok("build", ECR_SBOM_GENERATOR="none")
    (reference,) = app.ok("push", ECR_SBOM_GENERATOR="none").lines  # a run of its own has the provenance, too
    (only,) = attached(app)
    assert only["kind"] == "provenance"
    assert got(app, only["digest"])["subject"][0]["digest"]["sha256"] == reference.rpartition(":")[2]
    docker(environ, "buildx", "create", "--name", "beside", "--driver", "remote", buildkit)
    app.write("hello.txt", "hello again\n")
    app.commit()
    app.ok("build", "push", ECR_BUILDER="beside")
    assert [item["kind"] for item in attached(app)] == ["provenance", "sbom"]


def test_verify_knows_what_a_bake_file_disables(engine: dict[str, str], local_ecr: LocalEcr, tmp_path: Path) -> None:
    app = attesting(tmp_path / "app", engine, local_ecr)
    target = 'target "default" {\n  context = "."\n  attest = ["type=sbom,disabled=true"]\n}\n'
    app.write("docker-bake.hcl", target)
    app.commit()
    app.environ |= {"ECR_ATTEST": "referrers", "ECR_BAKE_FILE": "docker-bake.hcl"}
    (reference,) = app.ok("build", "push").lines
    assert [item["kind"] for item in attached(app)] == ["provenance"]
    assert "1 provenance beside it" in app.ok("verify", reference).stdout
    app.write("docker-bake.hcl", target.replace("true", "false"))
    missed = app.inv("verify", reference)
    assert missed.code == 6
    assert "SBOM not attached" in missed.stdout


def names_in(engine: dict[str, str], registry: str) -> set[str]:
    """Return the engine's image names in a registry."""
    names = docker(engine, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout.splitlines()
    return {name for name in names if name.startswith(f"{registry}/")}


def test_a_generator_that_hangs_is_seen_and_ends_with_ctrl_c(
    engine: dict[str, str], tiny_base: str, local_ecr: LocalEcr, tmp_path: Path
) -> None:
    generator = f"ecr-tasks-test-hangs-{local_ecr.registry.rpartition(':')[2]}:1"
    for name in ("slow", "temporary"):
        (tmp_path / name).mkdir()
    (tmp_path / "slow/Dockerfile").write_text(f'FROM {tiny_base}\nENTRYPOINT ["sleep", "600"]\n', encoding="utf-8")
    docker(engine, "build", "--quiet", "--provenance=false", "--tag", generator, str(tmp_path / "slow"))
    app = attesting(tmp_path / "app", engine, local_ecr)
    app.environ |= {"ECR_ATTEST": "referrers", "ECR_SBOM_GENERATOR": generator, "TMPDIR": str(tmp_path / "temporary")}
    before = names_in(engine, local_ecr.registry)  # an earlier test's local ECR may have had the same port
    with app.start("build", "push") as process:
        try:
            assert process.stderr is not None
            assert any("generating sbom" in line for line in process.stderr)
            process.send_signal(signal.SIGINT)
            stdout, rest = process.communicate(timeout=60)
        finally:
            process.kill()
            docker(engine, "image", "rm", "--force", generator)
    assert (process.returncode, stdout) == (130, ""), rest
    assert "Traceback" not in rest
    assert list((tmp_path / "temporary").iterdir()) == []
    assert names_in(engine, local_ecr.registry) == before
    assert api_of(local_ecr).list_images(repositoryName="team/app")["imageIds"] == []
