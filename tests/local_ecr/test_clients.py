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

from ecr_tasks.local_ecr.auth import Tokens
from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.conftest import make_client
from tests.local_ecr.http_client import HttpClient, digest_of, wait_until
from tests.local_ecr.test_replication import statuses
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


def test_lists_of_more_than_a_page_of_tags(shell: Shell, reference: str) -> None:
    raw = shell.http.send("GET", f"/v2/{IMAGE}/manifests/v1").body
    for number in range(204):
        shell.http.push_manifest(IMAGE, f"t{number:03}", raw)
    repository = f"{shell.registry}/{IMAGE}"
    everything = [*(f"t{number:03}" for number in range(204)), "v1"]
    assert shell.run("crane", "ls", "--insecure", repository).split() == everything
    assert shell.run("oras", "repo", "tags", "--plain-http", repository).split() == everything
    listed = shell.run("skopeo", "list-tags", "--tls-verify=false", f"docker://{repository}")
    assert json.loads(listed)["Tags"] == everything


def test_blobs_are_mounted_once_that_is_on(shell: Shell, reference: str, api: Any) -> None:
    copies = [f"{shell.registry}/{name}:v1" for name in ("off", "on")]
    for name in ("off", "on"):
        api.create_repository(repositoryName=name)
    shell.run("crane", "copy", "--insecure", reference, copies[0])
    sent = shell.ecr.requests()
    api.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    shell.run("crane", "copy", "--insecure", reference, copies[1])
    mounted = shell.ecr.requests()
    uploads = [kind for kind in sent if kind.endswith(" upload") and not kind.startswith("POST")]
    assert sum(sent[kind] for kind in uploads) >= 3
    assert {kind: mounted[kind] for kind in uploads} == {kind: sent[kind] for kind in uploads}
    one, other = (shell.run("crane", "digest", "--insecure", copy) for copy in copies)
    assert one == other


def test_a_wrong_and_an_expired_token(shell: Shell, reference: str) -> None:
    config = shell.home / ".docker" / "config.json"
    old = Tokens(shell.ecr.root).password(1)
    for password, reason in (("wrong", "Not Authorized"), (old, "Your authorization token has expired")):
        auth = base64.b64encode(f"AWS:{password}".encode()).decode()
        config.write_text(json.dumps({"auths": {shell.registry: {"auth": auth}}}))
        for command in (
            ("crane", "digest", "--insecure", reference),
            ("oras", "manifest", "fetch", "--plain-http", reference),
            ("skopeo", "inspect", "--tls-verify=false", "--no-tags", f"docker://{reference}"),
        ):
            assert reason in shell.run(*command, fails=True), command


def test_deletions_by_tag_and_by_digest(shell: Shell, reference: str, api: Any) -> None:
    def tags() -> list[str]:
        return shell.run("crane", "ls", "--insecure", f"{shell.registry}/{IMAGE}").split()

    def delete(image: str) -> Any:
        stdout = shell.run("aws", "--output=json", "ecr", "batch-delete-image", f"--repository-name={IMAGE}", image)
        return json.loads(stdout)

    digest = shell.run("crane", "digest", "--insecure", reference).strip()
    for tag in ("v2", "v3", "v4"):
        shell.run("crane", "tag", "--insecure", reference, tag)
    shell.run("crane", "delete", "--insecure", f"{shell.registry}/{IMAGE}:v4")
    assert tags() == ["v1", "v2", "v3"]
    answer = delete("--image-ids=imageTag=v3")
    assert (answer["imageIds"], tags()) == ([{"imageDigest": digest, "imageTag": "v3"}], ["v1", "v2"])
    answer = delete(f"--image-ids=imageDigest={digest}")
    assert sorted(item["imageTag"] for item in answer["imageIds"]) == ["v1", "v2"]
    assert api.list_images(repositoryName=IMAGE)["imageIds"] == []
    assert delete("--image-ids=imageTag=v1")["failures"][0]["failureCode"] == "ImageNotFound"


def test_an_index_with_a_referrer_is_copied_to_another_registry(
    shell: Shell, reference: str, session: boto3.Session
) -> None:
    one = shell.http.send("GET", f"/v2/{IMAGE}/manifests/v1").body
    other = shell.http.push_image(IMAGE, None, b"arm", config=b'{"architecture":"arm64","os":"linux"}')
    index = digest_of(shell.http.push_index(IMAGE, "both", [one, other]))
    source = f"{shell.registry}/{IMAGE}:both"
    (shell.home / "sbom.json").write_text("{}")
    shell.run("oras", "attach", "--plain-http", "--artifact-type=application/spdx+json", source, "sbom.json")
    far = make_client(session, shell.ecr.endpoint, region="us-west-2")
    target = far.create_repository(repositoryName="copied")["repository"]["repositoryUri"]
    token = far.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    auths = {shell.registry: {"auth": shell.http.token}, host(target): {"auth": token}}
    (shell.home / ".docker" / "config.json").write_text(json.dumps({"auths": auths}))

    shell.run("crane", "copy", "--insecure", source, f"{target}:crane")
    insecure = ("--src-tls-verify=false", "--dest-tls-verify=false", "--preserve-digests")
    shell.run("skopeo", "copy", "--all", *insecure, f"docker://{source}", f"docker://{target}:skopeo")
    shell.run("oras", "cp", "-r", "--from-plain-http", "--to-plain-http", source, f"{target}:oras")
    details = far.describe_images(repositoryName="copied")["imageDetails"]
    tagged = {item["imageDigest"]: item["imageTags"] for item in details if "imageTags" in item}
    assert tagged == {index: ["crane", "oras", "skopeo"]}
    assert {digest_of(one), digest_of(other)} < {item["imageDigest"] for item in details}
    (referrer,) = far.list_image_referrers(repositoryName="copied", subjectId={"imageDigest": index})["referrers"]
    assert referrer["artifactType"] == "application/spdx+json"


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
    wait_until(lambda: statuses(api, IMAGE, imageTag="v2") == {(ecr.account, "us-west-2"): ("COMPLETE", None)})
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
