"""`sign` and `verify` of an image in several registries, with real cosign, and what the receipt says of it."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from boto3 import Session

from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.conftest import make_client
from tests.local_ecr.http_client import HttpClient
from tests.local_ecr.shell import Shell
from tests.local_ecr.test_registries import logged_in
from tests.support.roles import account_client, create_role

pytestmark = pytest.mark.usefixtures("signing_programs")

HOME, THEIRS, LOCKED = "123456789012", "210987654321", "333344445555"
BY_KEY = {"ECR_SIGN": "cosign,key=cosign.key", "ECR_SIGNED_BY": "key=cosign.pub", "COSIGN_PASSWORD": "of-the-key"}


@pytest.fixture
def places(shell: Shell, ecr: LocalEcr, api: Any, session: Session) -> dict[str, str]:
    """The settings of a project with copies in another region and, by a role, in another account."""
    far = make_client(session, ecr.endpoint, region="us-west-2")
    theirs = account_client(ecr.endpoint, "ecr", THEIRS)
    role = create_role(ecr.endpoint, THEIRS, "push", {"AWS": HOME})
    create_role(ecr.endpoint, LOCKED, "push", {"AWS": THEIRS})
    for client in (api, far, theirs):
        client.create_repository(repositoryName="team/app", imageTagMutability="IMMUTABLE")
        assert logged_in(client).push_image("team/app", "1.2.3", b"release")
    command = ["cosign", "generate-key-pair", "--output-key-prefix=cosign"]
    environ = {**shell.environ, **BY_KEY}
    subprocess.run(command, cwd=shell.folder, env=environ, check=True, capture_output=True)
    return {**BY_KEY, "ECR_DESTINATIONS": f"{HOME}/us-west-2\n{THEIRS}/eu-west-1,role={role}"}


def published(api: Any) -> str:
    """Return the digest of the image that was published everywhere."""
    (detail,) = api.describe_images(repositoryName="team/app", imageIds=[{"imageTag": "1.2.3"}])["imageDetails"]
    return str(detail["imageDigest"])


def signatures(client: Any, digest: str) -> list[str]:
    about = {"repositoryName": "team/app", "subjectId": {"imageDigest": digest}}
    return [item["digest"] for item in client.list_image_referrers(**about)["referrers"]]


def verified(shell: Shell, code: int, **environ: str) -> list[tuple[str, str, str]]:
    """Run `verify` and return each check's place, name and state."""
    done = shell.inv("verify", "1.2.3", "--json", **environ)
    assert done.returncode == code, done.stderr
    (image,) = json.loads(done.stdout)["images"]
    return [(item["section"], item["name"], item["state"]) for item in image["checks"]]


def test_an_image_is_signed_in_each_registry_that_has_it(
    shell: Shell, ecr: LocalEcr, api: Any, places: dict[str, str], session: Session
) -> None:
    digest = published(api)
    clients = [
        api,
        make_client(session, ecr.endpoint, region="us-west-2"),
        account_client(ecr.endpoint, "ecr", THEIRS),
    ]
    found = [item for item in verified(shell, 6, **places) if item[1] in ("copy", "signature")]
    assert [state for _, _, state in found] == ["wrong", "fine", "wrong", "fine", "wrong"]
    done = shell.inv("sign", "1.2.3", "--json", **places)
    assert done.returncode == 0, done.stderr
    signed = json.loads(done.stdout)["images"]
    assert [item["state"] for item in signed] == ["signed"] * 3
    assert [item["signatures"] for item in signed] == [signatures(client, digest) for client in clients]
    assert {len(item["signatures"]) for item in signed} == {1}
    assert len({item["reference"] for item in signed}) == 3
    assert {(item["tool"], item["signer"]) for item in signed} == {("cosign", "key cosign.key")}
    found = [item for item in verified(shell, 0, **places) if item[1] in ("copy", "signature")]
    assert [state for _, _, state in found] == ["fine"] * 5
    again = json.loads(shell.inv("sign", "1.2.3", "--json", **places).stdout)["images"]
    assert [(item["state"], item["signer"]) for item in again] == [("already-signed", "key cosign.pub")] * 3
    assert [item["signatures"] for item in again] == [item["signatures"] for item in signed]


def test_an_identity_that_fails_stops_no_other(shell: Shell, ecr: LocalEcr, api: Any, places: dict[str, str]) -> None:
    digest = published(api)
    locked = f"{LOCKED}/eu-west-1,role=arn:aws:iam::{LOCKED}:role/push"
    environ = {**places, "ECR_DESTINATIONS": f"{locked}\n{places['ECR_DESTINATIONS']}\n{HOME}/eu-west-3"}
    done = shell.inv("sign", "1.2.3", **environ)
    assert done.returncode == 4, done.stderr
    assert f"Signed, but not in team/app in the registry of {LOCKED}" in done.stderr
    assert f"in team/app in the registry of {HOME} in eu-west-3 to be signed" in done.stderr
    assert len(done.stdout.splitlines()) == 3
    assert len(signatures(account_client(ecr.endpoint, "ecr", THEIRS), digest)) == 1
    wrong = [item[:2] for item in verified(shell, 6, **environ) if item[2] == "wrong"]
    assert wrong == [(f"registry of {LOCKED} in eu-west-1", "copy"), (f"registry of {HOME} in eu-west-3", "copy")]


def test_the_receipt_records_who_signed(shell: Shell, ecr: LocalEcr, api: Any, places: dict[str, str]) -> None:
    digest = published(api)
    reference = f"{ecr.registry}/team/app@{digest}"
    other = f"{ecr.registry}/team/app@sha256:{'0' * 64}"
    entries = [{"reference": reference, "signing": None}, {"reference": other, "signing": None}]
    document = {"schema": 1, "images": [{"name": "team/app", "published": entries}]}
    files = [shell.folder / ".ecr-tasks" / name for name in ("receipt.json", "repositories/team/app/receipt.json")]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document), encoding="utf-8")
    done = shell.inv("sign", "1.2.3", "--json", **places)
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)["images"][0]
    for file in files:
        text = file.read_text(encoding="utf-8")
        signing, untouched = (item["signing"] for item in json.loads(text)["images"][0]["published"])
        assert signing == {name: first[name] for name in ("state", "tool", "signer", "signatures")}
        assert untouched is None
        assert BY_KEY["COSIGN_PASSWORD"] not in text


def test_a_copy_in_ecr_public_is_signed_there(shell: Shell, ecr: LocalEcr, api: Any, places: dict[str, str]) -> None:
    """Its API lists no referrers, the registry itself does."""
    reader = public_release(ecr)
    environ = {**places, "ECR_DESTINATIONS": "public.ecr.aws/local/team/app"}
    digest = published(api)
    assert [state for _, name, state in verified(shell, 6, **environ) if name == "signature"] == ["wrong"] * 2
    done = shell.inv("sign", "1.2.3", "--json", **environ)
    assert done.returncode == 0, done.stderr
    copied = json.loads(done.stdout)["images"][1]
    listed = reader.send("GET", f"/v2/local/team/app/referrers/{digest}").json()["manifests"]
    assert copied["signatures"] == [item["digest"] for item in listed]
    assert len(listed) == 1
    assert [state for _, name, state in verified(shell, 0, **environ) if name == "signature"] == ["fine"] * 2
    again = json.loads(shell.inv("sign", "1.2.3", "--json", **environ).stdout)["images"][1]
    assert (again["state"], again["signatures"]) == ("already-signed", copied["signatures"])
    other_key(shell, environ)
    found = verified(shell, 6, **{**environ, "ECR_SIGNED_BY": "key=other.pub"})
    assert [state for _, name, state in found if name == "signature"] == ["wrong"] * 2


def test_a_public_main_repository_says_whose_signature_it_has(
    shell: Shell, ecr: LocalEcr, api: Any, places: dict[str, str]
) -> None:
    public_release(ecr)
    environ = {**BY_KEY, "ECR_REPOSITORY": "public.ecr.aws/local/team/app"}
    assert [state for _, name, state in verified(shell, 6, **environ) if name == "signature"] == ["wrong"]
    done = shell.inv("sign", "1.2.3", "--json", **environ)
    assert done.returncode == 0, done.stderr
    (signed,) = json.loads(done.stdout)["images"]
    assert [state for _, name, state in verified(shell, 0, **environ) if name == "signature"] == ["fine"]
    (image,) = json.loads(shell.inv("images", "--json", **environ).stdout)["repositories"][0]["images"]
    assert [(item["kind"], item["digest"]) for item in image["referrers"]] == [("signature", signed["signatures"][0])]
    other_key(shell, environ)
    found = verified(shell, 6, **{**environ, "ECR_SIGNED_BY": "key=other.pub"})
    assert [state for _, name, state in found if name == "signature"] == ["wrong"]


def public_release(ecr: LocalEcr) -> HttpClient:
    """Put the release into a public repository and return a client of it."""
    session = Session(aws_access_key_id="AKIALOCAL", aws_secret_access_key="none", region_name="us-east-1")
    client = make_client(session, ecr.endpoint, "ecr-public", "us-east-1")
    address = client.create_repository(repositoryName="team/app")["repository"]["repositoryUri"]
    token = client.get_authorization_token()["authorizationData"]["authorizationToken"]
    writer = HttpClient(address.partition("/")[0], token)
    writer.push_image("local/team/app", "1.2.3", b"release")
    return writer


def other_key(shell: Shell, environ: dict[str, str]) -> None:
    """Make somebody else's pair of keys."""
    command = ["cosign", "generate-key-pair", "--output-key-prefix=other"]
    subprocess.run(command, cwd=shell.folder, env={**shell.environ, **environ}, check=True, capture_output=True)


def test_managed_signing_at_a_destination_is_waited_for_and_its_failure_told(
    shell: Shell, ecr: LocalEcr, session: Session
) -> None:
    profile = f"arn:aws:signer:us-west-2:{HOME}:/signing-profiles/release"
    rules = {"signingConfiguration": {"rules": [{"signingProfileArn": profile}]}}
    clients = [make_client(session, ecr.endpoint, region=region) for region in ("eu-west-1", "us-west-2")]
    for client in clients:
        client.create_repository(repositoryName="team/app")
        client.put_signing_configuration(**rules)
    environ = {"ECR_SIGN": "managed", "ECR_SIGNED_BY": f"profile={profile}", "ECR_DESTINATIONS": f"{HOME}/us-west-2"}

    def push(tag: str, rule: dict[str, Any]) -> None:
        ecr.set_signing([{}])
        logged_in(clients[0]).push_image("team/app", tag, tag.encode())
        ecr.set_signing([rule])
        logged_in(clients[1]).push_image("team/app", tag, tag.encode())

    push("1.2.3", {"polls": 1})
    done = shell.inv("sign", "1.2.3", "--json", **environ)
    assert done.returncode == 0, done.stderr
    assert "waiting for ECR to sign team/app@sha256:" in done.stderr
    assert [item["state"] for item in json.loads(done.stdout)["images"]] == ["signed-by-ecr"] * 2
    push("2.0.0", {"status": "FAILED", "code": "AccessDeniedException", "reason": "No signer:SignPayload."})
    done = shell.inv("sign", "2.0.0", **environ)
    assert done.returncode == 5, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert f"Signed, but not in team/app in the registry of {HOME} in us-west-2" in done.stderr
    assert "release FAILED, AccessDeniedException: No signer:SignPayload" in done.stderr
    done = shell.inv("verify", "2.0.0", **environ)
    assert done.returncode == 6
    assert "release FAILED, AccessDeniedException: No signer:SignPayload" in done.stdout


def test_nothing_is_asked_twice(shell: Shell, api: Any, places: dict[str, str]) -> None:
    """Each of three places is asked for the image, its signatures by subject and under two tags, before and after."""
    published(api)
    done, calls = shell.calls("sign", "1.2.3", **places)
    assert done.returncode == 0, done.stderr
    names = ("DescribeRepositories", "DescribeImages", "ListImageReferrers", "GetAuthorizationToken")
    assert {name: calls[name] for name in names} == {
        "DescribeRepositories": 3,
        "DescribeImages": 3 * (1 + 2),
        "ListImageReferrers": 3 * 2,
        "GetAuthorizationToken": 3,
    }
    assert (calls["AssumeRole"], calls["GetCallerIdentity"]) == (1, 1)
    done, calls = shell.calls("verify", "1.2.3", **places)
    assert done.returncode == 0, done.stderr
    assert (calls["DescribeImages"], calls["ListImageReferrers"], calls.get("GetCallerIdentity")) == (5, 4, None)
