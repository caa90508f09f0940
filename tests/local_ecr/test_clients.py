"""Real clients, each by itself: crane, skopeo, oras, cosign and the aws CLI."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.conftest import make_client
from tests.local_ecr.http_client import HttpClient, digest_of
from tests.local_ecr.test_replication import statuses, wait
from tests.support.scripts import path_with_clients

IMAGE = "team/app"


@pytest.fixture(scope="session")
def programs() -> str:
    """A PATH that has the clients first."""
    return path_with_clients(os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


class Shell:
    """Runs clients that are logged in at one local ECR, with a home of their own."""

    def __init__(self, ecr: LocalEcr, http: HttpClient, programs: str, home: Path) -> None:
        self.ecr = ecr
        self.http = http
        self.home = home
        self.environment = {"PATH": programs, "HOME": str(home), **ecr.environment(), "COSIGN_PASSWORD": ""}
        self.registry = ecr.registry
        config = home / ".docker" / "config.json"
        config.parent.mkdir()
        config.write_text(json.dumps({"auths": {ecr.registry: {"auth": http.token}}}))
        self.environment["DOCKER_CONFIG"] = str(config.parent)

    def run(self, *command: str, fails: bool = False) -> str:
        """What a command says on stdout; of one that is to fail, on stderr."""
        completed = subprocess.run(
            command, env=self.environment, cwd=self.home, capture_output=True, text=True, timeout=120, check=False
        )
        assert (completed.returncode != 0) is fails, completed.stderr
        return completed.stderr if fails else completed.stdout

    def lines(self) -> list[dict[str, Any]]:
        """The access log."""
        return [json.loads(line) for line in (self.ecr.root / "access.jsonl").read_text().splitlines()]


@pytest.fixture
def shell(ecr: LocalEcr, http: HttpClient, programs: str, tmp_path: Path) -> Shell:
    home = tmp_path / "home"
    home.mkdir()
    return Shell(ecr, http, programs, home)


@pytest.fixture
def reference(shell: Shell) -> str:
    """An image of two layers that is there."""
    shell.http.push_image(
        IMAGE, "v1", os.urandom(100_000), os.urandom(3), config=b'{"architecture":"amd64","os":"linux"}'
    )
    return f"{shell.registry}/{IMAGE}:v1"


def test_crane(shell: Shell, reference: str, api: Any) -> None:
    digest = shell.run("crane", "digest", "--insecure", reference).strip()
    assert json.loads(shell.run("crane", "manifest", "--insecure", reference))["schemaVersion"] == 2
    shell.run("crane", "tag", "--insecure", reference, "v2")
    assert shell.run("crane", "ls", "--insecure", f"{shell.registry}/{IMAGE}").split() == ["v1", "v2"]
    shell.run("crane", "pull", "--insecure", "--format=oci", reference, "saved")
    api.create_repository(repositoryName="other", imageTagMutability="IMMUTABLE")
    other = f"{shell.registry}/other"
    assert shell.run("crane", "catalog", "--insecure", shell.registry).split() == ["other", IMAGE]
    shell.run("crane", "push", "--insecure", "saved", f"{other}:v1")
    assert shell.run("crane", "digest", "--insecure", f"{other}:v1").strip() == digest
    shell.run("crane", "copy", "--insecure", reference, f"{other}:v2")
    shell.http.push_image(IMAGE, "v3", b"another")
    changed = f"{shell.registry}/{IMAGE}:v3"
    stderr = shell.run("crane", "copy", "--insecure", changed, f"{other}:v1", fails=True)
    assert "already exists in the 'other' repository and cannot be overwritten" in stderr
    stderr = shell.run("crane", "push", "--insecure", "saved", f"{shell.registry}/nope:v1", fails=True)
    assert "The repository with name 'nope' does not exist" in stderr
    shell.run("crane", "delete", "--insecure", f"{other}@{digest}")
    assert shell.run("crane", "ls", "--insecure", other).split() == []


def test_skopeo(shell: Shell, reference: str, api: Any) -> None:
    api.create_repository(repositoryName="other")
    login = ["--username=AWS", f"--password={shell.http.password()}", "--tls-verify=false"]
    shell.run("skopeo", "login", *login, shell.registry)
    source = f"docker://{reference}"
    shell.run("skopeo", "copy", "--src-tls-verify=false", "--preserve-digests", source, "oci:saved:v1")
    target = f"docker://{shell.registry}/other:v1"
    shell.run("skopeo", "copy", "--dest-tls-verify=false", "--preserve-digests", "oci:saved:v1", target)
    inspection = json.loads(shell.run("skopeo", "inspect", "--tls-verify=false", "--no-tags", target))
    (image,) = api.batch_get_image(repositoryName=IMAGE, imageIds=[{"imageTag": "v1"}])["images"]
    assert inspection["Digest"] == image["imageId"]["imageDigest"]
    tags = json.loads(shell.run("skopeo", "list-tags", "--tls-verify=false", f"docker://{shell.registry}/other"))
    assert tags["Tags"] == ["v1"]
    shell.run("skopeo", "delete", "--tls-verify=false", target)
    wrong = ["--username=AWS", "--password=wrong", "--tls-verify=false"]
    assert "invalid username/password" in shell.run("skopeo", "login", *wrong, shell.registry, fails=True)
    assert api.list_images(repositoryName="other")["imageIds"] == []


def test_oras(shell: Shell, reference: str, api: Any) -> None:
    (shell.home / "sbom.json").write_text('{"spdxVersion":"SPDX-2.3"}')
    attach = ["oras", "attach", "--plain-http", "--artifact-type=application/spdx+json", reference]
    shell.run(*attach, "sbom.json:application/spdx+json")
    discovery = json.loads(shell.run("oras", "discover", "--plain-http", "--format=json", reference))
    listed = discovery.get("referrers") or discovery.get("manifests")
    assert [item["artifactType"] for item in listed] == ["application/spdx+json"]
    shell.run("oras", "push", "--plain-http", f"{shell.registry}/{IMAGE}:file", "sbom.json")
    shell.run("oras", "pull", "--plain-http", "-o", "out", f"{shell.registry}/{IMAGE}:file")
    assert (shell.home / "out" / "sbom.json").read_bytes() == (shell.home / "sbom.json").read_bytes()
    details = api.describe_images(repositoryName=IMAGE)["imageDetails"]
    subjects = [detail["subjectManifestDigest"] for detail in details if "subjectManifestDigest" in detail]
    assert subjects == [details[0]["imageDigest"]]


def test_cosign(shell: Shell, reference: str, api: Any) -> None:
    digest = shell.run("crane", "digest", "--insecure", reference).strip()
    shell.run("cosign", "generate-key-pair")
    config = shell.home / "signing.json"
    config.write_text('{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}')
    one = f"{shell.registry}/{IMAGE}@{digest}"
    insecure = ["--allow-insecure-registry", "--allow-http-registry"]
    shell.run("cosign", "sign", "--key=cosign.key", f"--signing-config={config}", *insecure, "--yes", one)
    verify = ["cosign", "verify", "--key=cosign.pub", "--insecure-ignore-tlog=true", *insecure]
    assert digest in shell.run(*verify, one)
    (bundle,) = api.list_image_referrers(repositoryName=IMAGE, subjectId={"imageDigest": digest})["referrers"]
    assert "sigstore" in bundle["artifactType"]
    other = shell.http.push_image(IMAGE, "unsigned", b"other")
    assert shell.run(*verify, f"{shell.registry}/{IMAGE}@{digest_of(other)}", fails=True)


def test_aws_cli(shell: Shell, reference: str) -> None:
    def aws(*arguments: str) -> Any:
        stdout = shell.run("aws", "--output=json", *arguments)
        return json.loads(stdout) if stdout.lstrip().startswith(("{", "[")) else stdout.strip()

    assert aws("sts", "get-caller-identity")["Account"] == shell.ecr.account
    assert aws("ecr", "get-login-password") != ""
    aws("ecr", "create-repository", "--repository-name=cli", "--image-tag-mutability=IMMUTABLE")
    names = [item["repositoryName"] for item in aws("ecr", "describe-repositories")["repositories"]]
    assert names == ["cli", IMAGE]
    (detail,) = aws("ecr", "describe-images", f"--repository-name={IMAGE}")["imageDetails"]
    assert detail["imageTags"] == ["v1"]
    shown = aws("ecr", "batch-get-image", f"--repository-name={IMAGE}", "--image-ids=imageTag=v1")["images"][0]
    (shell.home / "manifest").write_text(shown["imageManifest"])
    put = ["ecr", "put-image", f"--repository-name={IMAGE}", "--image-manifest=file://manifest"]
    aws(*put, "--image-tag=v2")
    stderr = shell.run("aws", *put, "--image-tag=v2", fails=True)
    assert "ImageAlreadyExistsException" in stderr
    aws("ecr", "start-image-scan", f"--repository-name={IMAGE}", "--image-id=imageTag=v1")
    shell.run("aws", "ecr", "wait", "image-scan-complete", f"--repository-name={IMAGE}", "--image-id=imageTag=v1")
    assert aws("ecr", "put-account-setting", "--name=BLOB_MOUNTING", "--value=ENABLED")["value"] == "ENABLED"
    assert aws("ecr", "describe-pull-through-cache-rules") == {"pullThroughCacheRules": []}
    aws("ecr", "delete-repository", f"--repository-name={IMAGE}", "--force")


def test_nothing_secret_is_in_the_log(shell: Shell, reference: str) -> None:
    shell.run("crane", "digest", "--insecure", reference)
    assert shell.lines()
    text = (shell.ecr.root / "access.jsonl").read_text()
    assert shell.http.password()[:40] not in text
    assert shutil.which("crane", path=shell.environment["PATH"])


def test_two_regions_a_replica_and_the_public_registry(
    shell: Shell, reference: str, api: Any, session: boto3.Session
) -> None:
    ecr = shell.ecr
    far = make_client(session, ecr.endpoint, region="us-west-2")
    public = make_client(session, ecr.endpoint, "ecr-public", "us-east-1")
    there = far.create_repository(repositoryName="copied")["repository"]["repositoryUri"]
    anybody = public.create_repository(repositoryName="app")["repository"]["repositoryUri"]

    def login(uri: str, token: str) -> None:
        password = base64.b64decode(token).decode().partition(":")[2]
        shell.run("skopeo", "login", "--username=AWS", f"--password={password}", "--tls-verify=false", host(uri))

    login(there, far.get_authorization_token()["authorizationData"][0]["authorizationToken"])
    digest = shell.run("crane", "digest", "--insecure", reference).strip()
    # Both registries at once, each with its own token.
    shell.run("crane", "copy", "--insecure", reference, f"{there}:v1")
    assert shell.run("crane", "digest", "--insecure", f"{there}:v1").strip() == digest

    rules = {"rules": [{"destinations": [{"registryId": ecr.account, "region": "us-west-2"}]}]}
    api.put_replication_configuration(replicationConfiguration=rules)
    shell.run("crane", "tag", "--insecure", reference, "v2")
    replica = f"{host(there)}/{IMAGE}:v2"
    wait(lambda: statuses(api, IMAGE, imageTag="v2") == {(ecr.account, "us-west-2"): ("COMPLETE", None)})
    source = f"docker://{replica}"
    shell.run("skopeo", "copy", "--src-tls-verify=false", "--preserve-digests", source, "oci:replica:v2")
    assert shell.run("crane", "digest", "--insecure", replica).strip() == digest

    shell.run("crane", "copy", "--insecure", reference, f"{anybody}:v1", fails=True)
    login(anybody, public.get_authorization_token()["authorizationData"]["authorizationToken"])
    shell.run("crane", "copy", "--insecure", reference, f"{anybody}:v1")
    shell.run("oras", "tag", "--plain-http", f"{anybody}:v1", "v2")
    for command in (("skopeo", "logout", "--all"), ("crane", "pull", "--insecure", f"{anybody}:v2", "public.tar")):
        shell.run(*command)
    (detail,) = public.describe_images(repositoryName="app")["imageDetails"]
    assert (detail["imageDigest"], detail["imageTags"]) == (digest, ["v1", "v2"])


def host(uri: str) -> str:
    """The registry of a repository."""
    return uri.partition("/")[0]
