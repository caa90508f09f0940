"""`sign` and `verify` as they are typed, with real cosign and the local ECR."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.http_client import OCI_MANIFEST, HttpClient, digest_of
from tests.local_ecr.sample import push_release
from tests.local_ecr.shell import Shell
from tests.support.signing import BUNDLE

pytestmark = pytest.mark.usefixtures("signing_programs")

PROFILE = "arn:aws:signer:eu-west-1:123456789012:/signing-profiles/release"
PASSWORD = "a-password-of-the-key"
BY_KEY = {"ECR_SIGN": "cosign,key=cosign.key", "ECR_SIGNED_BY": "key=cosign.pub", "COSIGN_PASSWORD": PASSWORD}


@pytest.fixture
def signing(shell: Shell, monkeypatch: pytest.MonkeyPatch, api: Any) -> Shell:
    """A project with two pairs of keys, and a repository whose tags are locked."""
    api.create_repository(repositoryName="team/app", imageTagMutability="IMMUTABLE")
    for name in ("cosign", "other"):
        command = ["cosign", "generate-key-pair", f"--output-key-prefix={name}"]
        environ = {**shell.environ, "COSIGN_PASSWORD": PASSWORD}
        subprocess.run(command, cwd=shell.folder, env=environ, check=True, capture_output=True)
    return shell


def checks(stdout: str) -> dict[str, tuple[str, str]]:
    """Return state and text of each of `verify`'s checks."""
    (image,) = json.loads(stdout)["images"]
    return {item["name"]: (item["state"], item["text"]) for item in image["checks"]}


def test_an_image_is_signed_once_and_verified(signing: Shell, ecr: LocalEcr, api: Any) -> None:
    http = HttpClient.logged_in(ecr)
    digest = digest_of(push_release(http, "team/app", ["1.2.3"], b"release"))
    reference = f"{ecr.registry}/team/app@{digest}"
    done = signing.inv("verify", "1.2.3", "--json", **BY_KEY)
    assert done.returncode == 6
    assert checks(done.stdout)["signature"][0] == "wrong"
    assert "no signature" in checks(done.stdout)["signature"][1]
    first = signing.inv("sign", "1.2.3", **BY_KEY)
    assert (first.returncode, first.stdout) == (0, f"{reference}\n"), first.stderr
    again = signing.inv("sign", "1.2.3", "--json", **BY_KEY)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["images"][0]["state"] == "already-signed"
    about = {"repositoryName": "team/app", "subjectId": {"imageDigest": digest}}
    assert len(api.list_image_referrers(**about)["referrers"]) == 1
    done = signing.inv("verify", "1.2.3", "--json", **BY_KEY)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"] is True
    found = checks(done.stdout)
    assert list(found) == ["tags", "digest", "platforms", "media type", "attestations", "signature", "scan"]
    assert {state for state, _ in found.values()} == {"fine"}
    assert found["signature"][1] == "signed by key cosign.pub"
    assert found["platforms"][1] == "linux/amd64, linux/arm64"
    table = signing.inv("verify", "1.2.3", **{**BY_KEY, "ECR_SIGNED_BY": "key=other.pub"})
    assert table.returncode == 6
    assert "it is not by key other.pub" in table.stdout
    assert "Not as it should be: signature." in table.stdout
    anybodys = signing.inv("verify", "1.2.3")
    assert anybodys.returncode == 0
    assert anybodys.stdout.endswith("Nothing is wrong, but look at: signature.\n")
    for text in (done.stdout, done.stderr, table.stdout, table.stderr, first.stderr):
        assert PASSWORD not in text


def test_a_signed_attestation_is_not_among_the_signatures(signing: Shell, ecr: LocalEcr) -> None:
    http = HttpClient.logged_in(ecr)
    raw = http.push_image("team/app", "1.2.3", b"release")
    http.push_image(
        "team/app",
        None,
        b"bundle",
        artifactType=BUNDLE,
        annotations={"dev.sigstore.bundle.predicateType": "https://slsa.dev/provenance/v1"},
        subject={"mediaType": OCI_MANIFEST, "size": len(raw), "digest": digest_of(raw)},
    )
    done = signing.inv("verify", "1.2.3", "--json")
    assert checks(done.stdout)["signature"] == ("fine", "none, and no signer is expected (ECR_SIGNED_BY)")
    assert "1 provenance beside it" in checks(done.stdout)["attestations"][1]
    done = signing.inv("verify", "1.2.3", "--json", **BY_KEY)
    assert "has no signature" in checks(done.stdout)["signature"][1]
    (signed,) = json.loads(signing.inv("sign", "1.2.3", "--json", **BY_KEY).stdout)["images"]
    (again,) = json.loads(signing.inv("sign", "1.2.3", "--json", **BY_KEY).stdout)["images"]
    assert again["state"] == "already-signed"
    assert again["signatures"] == signed["signatures"]
    assert len(signed["signatures"]) == 1
    listed = json.loads(signing.inv("attest", "--source", "1.2.3", "--json").stdout)["images"][0]["attached"]
    assert sorted(item["kind"] for item in listed) == ["provenance", "signature"]


def test_the_gate_of_promote_is_the_same(signing: Shell, ecr: LocalEcr, api: Any) -> None:
    HttpClient.logged_in(ecr).push_image("team/app", "1.2.3", b"release")
    words = ("promote", "1.2.3", "--tag", "prod", "--require-signature")
    refused = signing.inv(*words)
    assert refused.returncode == 2
    assert "ECR_SIGNED_BY" in refused.stderr
    assert signing.inv(*words, **BY_KEY).returncode == 6
    assert signing.inv("sign", "1.2.3", **BY_KEY).returncode == 0
    assert signing.inv(*words, **{**BY_KEY, "ECR_SIGNED_BY": "key=other.pub"}).returncode == 6
    done = signing.inv(*words, "--json", **BY_KEY)
    assert done.returncode == 0, done.stderr
    (gate,) = json.loads(done.stdout)["images"][0]["gates"]
    assert (gate["signed_by"], gate["checked_by"]) == ("key cosign.pub", "cosign")


def test_a_key_that_is_not_the_expected_signers_is_refused_after_signing(signing: Shell, ecr: LocalEcr) -> None:
    HttpClient.logged_in(ecr).push_image("team/app", "1.2.3", b"release")
    done = signing.inv("sign", "1.2.3", **{**BY_KEY, "ECR_SIGN": "cosign,key=other.key"})
    assert (done.returncode, done.stdout) == (6, "")
    assert "ECR_SIGNED_BY" in done.stderr


@pytest.mark.parametrize(
    ("words", "environ", "text"),
    [
        (("sign", "1.2.3"), {}, "ECR_SIGN is not set"),
        (("sign", "1.2.3"), {"ECR_SIGN": "notation"}, "notation,key=NAME"),
        (("verify", "1.2.3", "--require-signature"), {}, "ECR_SIGNED_BY"),
        (("sign", "1.2.3"), {**BY_KEY, "ECR_SIGN": "cosign,key=nothing.key"}, "isn't there"),
    ],
)
def test_what_cant_be_done_is_said_with_the_setting_to_give(
    signing: Shell, ecr: LocalEcr, words: tuple[str, ...], environ: dict[str, str], text: str
) -> None:
    HttpClient.logged_in(ecr).push_image("team/app", "1.2.3", b"release")
    done = signing.inv(*words, **environ)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr


def test_what_is_wrong_with_an_image_is_found(signing: Shell, ecr: LocalEcr, api: Any, tmp_path: Path) -> None:
    http = HttpClient.logged_in(ecr)
    index = push_release(http, "team/app", ["1.2.3"], b"release")
    ecr.set_findings([{"severities": {"HIGH": 2}}])
    environ = {
        "ECR_PRESET": "lambda",
        "ECR_PLATFORMS": "linux/s390x",
        "ECR_DESTINATIONS": "999999999999/us-east-1",
    }
    done = signing.inv("verify", "1.2.3", "--json", **environ)
    assert done.returncode == 6
    found = checks(done.stdout)
    assert found["platforms"][0] == "wrong"
    assert "linux/s390x is missing (there: linux/amd64, linux/arm64)" in found["platforms"][1]
    assert found["media type"][0] == "wrong"
    assert found["attestations"][0] == "wrong"
    assert found["copy"][0] == "wrong"
    assert found["signature"] == ("fine", "none, and no signer is expected (ECR_SIGNED_BY)")
    assert digest_of(index) in found["digest"][1]


def test_looking_is_no_pull_of_a_single_image(signing: Shell, ecr: LocalEcr, api: Any) -> None:
    """Its manifest is read once; ECR counts that as a pull, and what was pushed here is known."""
    config = json.dumps({"os": "linux", "architecture": "arm64"}).encode()
    HttpClient.logged_in(ecr).push_image("team/app", "1.2.3", b"release", config=config)
    assert signing.inv("verify", "1.2.3").returncode == 0
    done, calls = signing.calls("verify", "1.2.3", "--json")
    assert checks(done.stdout)["platforms"] == ("fine", "linux/arm64")
    assert "BatchGetImage" not in calls
    assert not [name for name in calls if name.startswith("GET manifest")]


def test_managed_signing_is_recognised_waited_for_and_its_failure_told(
    shell: Shell, ecr: LocalEcr, api: Any, http: HttpClient, repository: str
) -> None:
    managed = {"ECR_SIGN": "managed", "ECR_SIGNED_BY": f"profile={PROFILE}"}
    http.push_image(repository, "early", b"early")
    done = shell.inv("sign", "early", **managed)
    assert done.returncode == 5
    assert "no rule for team/app" in done.stderr
    api.put_signing_configuration(signingConfiguration={"rules": [{"signingProfileArn": PROFILE}]})
    ecr.set_signing([{"repository": "team/*", "polls": 1}])
    http.push_image(repository, "1.0", b"1.0")
    done = shell.inv("sign", "1.0", **managed)
    assert done.returncode == 0, done.stderr
    assert "waiting for ECR to sign team/app@sha256:" in done.stderr
    done = shell.inv("verify", "1.0", "--json", **managed)
    assert done.returncode == 0, done.stderr
    assert "signing profile release, as ECR's managed signing records" in checks(done.stdout)["signature"][1]
    ecr.set_signing([{"status": "FAILED", "code": "AccessDeniedException", "reason": "No signer:SignPayload."}])
    http.push_image(repository, "2.0", b"2.0")
    for words, code in ((("sign", "2.0"), 5), (("verify", "2.0"), 6)):
        done = shell.inv(*words, **managed)
        assert done.returncode == code
        assert "release FAILED, AccessDeniedException: No signer:SignPayload" in done.stderr + done.stdout
        assert "needs signer:SignPayload" in done.stderr + done.stdout


def test_a_program_that_prints_its_secrets_prints_none_of_them(shell: Shell, ecr: LocalEcr, repository: str) -> None:
    """Neither in an error that we repeat, nor where the program's own output is shown (without a key)."""
    HttpClient.logged_in(ecr).push_image(repository, "1.2.3", b"release")
    secrets = {
        "COSIGN_PASSWORD": PASSWORD,
        "SIGSTORE_ID_TOKEN": "an-identity-of-somebody",
        "RELEASE_SIGNING_KEY": "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nc2VjcmV0LWtleS1tYXRlcmlhbA==\n",
    }
    program = shell.folder / "bin" / "cosign"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\n[ "$2" = --help ] && echo --use-signing-config=true && exit 0\n'
        "echo shown $SIGSTORE_ID_TOKEN\n"
        "echo Error: $COSIGN_PASSWORD $SIGSTORE_ID_TOKEN $RELEASE_SIGNING_KEY >&2; exit 1\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    environ = {**secrets, "PATH": f"{program.parent}:{shell.environ['PATH']}"}
    for method in ("cosign", "cosign,key=env://RELEASE_SIGNING_KEY"):
        done = shell.inv("sign", "1.2.3", ECR_SIGN=method, **environ)
        assert done.returncode == 5, done.stderr
        assert "cosign did not sign" in done.stderr
        for secret in (PASSWORD, "an-identity-of-somebody", "c2VjcmV0LWtleS1tYXRlcmlhbA"):
            assert secret not in done.stdout + done.stderr
