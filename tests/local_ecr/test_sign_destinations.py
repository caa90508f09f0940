"""`sign` and `verify` of an image in several registries, with real cosign, and what the receipt says of it."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from boto3 import Session

from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.conftest import make_client
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
