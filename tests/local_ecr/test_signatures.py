"""Real cosign and notation against an immutable repository of the local ECR: whose signature an image has."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.clients.signing.programs import SigningPrograms
from ecr_tasks.errors import RegistryError, SettingsError
from ecr_tasks.model.signing import CertificateSigner, IdentitySigner, KeySigner, SignWith
from tests.local_ecr.http_client import digest_of
from tests.local_ecr.signing_project import NAME, PASSWORD, Signing
from tests.support.signing import BUNDLE, ISSUER, Authority, keyless_bundle, notation_key

EMAIL = "release@acme.example"


def test_a_key_its_signature_and_everybody_elses(signing: Signing) -> None:
    key, other = signing.keys("cosign"), signing.keys("other")
    image, unsigned, target = signing.push("1.0"), signing.push("1.1"), signing.push("1.2")
    signing.sign(image, SignWith("cosign", "cosign.key"))
    (found,) = signing.referrers(image)
    assert found["artifactType"] == BUNDLE
    pulled = pull_times(signing)
    assert signing.verdict(image, key) == (True, "")
    accepted, reason = signing.verdict(image, other)
    assert not accepted
    assert "signature" in reason
    assert signing.verdict(unsigned, key) == (False, "no signatures found")
    signing.copy_signature(image, target)
    accepted, reason = signing.verdict(target, key)
    assert not accepted, reason
    assert pull_times(signing) == pulled
    assert tags(signing) == {"1.0", "1.1", "1.2"}


def test_a_signature_that_was_copied_with_its_image_counts(signing: Signing) -> None:
    """It is about the digest: of the repository, cosign signs nothing (today) or compares nothing (cosign 2)."""
    key, other = signing.keys("cosign"), signing.keys("other")
    image = signing.push("1.0")
    signing.sign(image, SignWith("cosign", "cosign.key"))
    (found,) = signing.referrers(image)
    signing.api.create_repository(repositoryName="team/copy")
    elsewhere = replace(signing.repository, name="team/copy", uri=signing.repository.uri.replace(NAME, "team/copy"))
    assert signing.http.push_image("team/copy", "1.0", b"1.0") == image
    assert not signing.programs.verify(elsewhere, digest_of(image), key).accepted
    ids = [{"imageDigest": found["digest"]}]
    raw = signing.api.batch_get_image(repositoryName=NAME, imageIds=ids)["images"][0]["imageManifest"].encode()
    for part in (json.loads(raw)["config"], *json.loads(raw)["layers"]):
        content = signing.http.send("GET", f"/v2/{NAME}/blobs/{part['digest']}").body
        signing.http.push_blob("team/copy", content)
    assert signing.http.push_manifest("team/copy", found["digest"], raw).status == 201
    assert signing.programs.verify(elsewhere, digest_of(image), key).accepted
    assert not signing.programs.verify(elsewhere, digest_of(image), other).accepted


def tags(signing: Signing) -> set[str]:
    """Return every tag of the repository."""
    items = signing.api.list_images(repositoryName=NAME)["imageIds"]
    return {item["imageTag"] for item in items if "imageTag" in item}


def pull_times(signing: Signing) -> dict[str, Any]:
    """Return when each tagged image was pulled."""
    details = signing.api.describe_images(repositoryName=NAME)["imageDetails"]
    return {item["imageTags"][0]: item.get("lastRecordedPullTime") for item in details if "imageTags" in item}


def test_an_identity_its_signature_and_everybody_elses(signing: Signing) -> None:
    authority, stranger = Authority(), Authority("stranger")
    (signing.folder / "root.json").write_text(authority.trusted_root(), encoding="utf-8")
    expected = IdentitySigner(EMAIL, issuer=ISSUER, trusted_root="root.json", log=False)
    image, other, copied, old, forged = map(signing.push, ("1.0", "1.1", "1.2", "1.3", "1.4"))

    def attach(target: bytes, content: bytes) -> None:
        signing.attach(target, BUNDLE, BUNDLE, content)

    good = authority.certify(email=EMAIL)
    attach(image, keyless_bundle(good, digest_of(image)))
    attach(other, keyless_bundle(authority.certify(email="me@acme.example"), digest_of(other)))
    attach(copied, keyless_bundle(good, digest_of(image)))
    attach(old, keyless_bundle(authority.certify(email=EMAIL, ended=timedelta(days=1)), digest_of(old)))
    attach(forged, keyless_bundle(stranger.certify(email=EMAIL), digest_of(forged)))
    assert signing.verdict(image, expected) == (True, "")
    pattern = replace(expected, identity="", identity_pattern="^[a-z]+@acme[.]example$")
    assert signing.verdict(image, pattern) == (True, "")
    accepted, reason = signing.verdict(image, replace(expected, issuer="https://other.example"))
    assert not accepted
    assert ISSUER in reason
    accepted, reason = signing.verdict(other, expected)
    assert not accepted
    assert "me@acme.example" in reason
    for target in (copied, old, forged):
        assert not signing.verdict(target, expected)[0]


def test_a_certificate_its_signature_and_everybody_elses(signing: Signing, tmp_path: Path) -> None:
    authority, stranger = Authority(), Authority("stranger")
    (signing.folder / "ca.pem").write_bytes(authority.pem)
    (signing.folder / "stranger.pem").write_bytes(stranger.pem)
    notation_key(tmp_path / "notation", "release", authority.certify(), authority)
    image, unsigned, target, old = map(signing.push, ("1.0", "1.1", "1.2", "1.3"))
    life = 12.0  # long enough to sign in on a busy machine, where nothing else comes in between
    notation_key(tmp_path / "notation", "short", authority.certify(ended=timedelta(seconds=-life)), authority)
    made = time.monotonic()
    signing.sign(old, SignWith("notation", "short"))
    signing.sign(image, SignWith("notation", "release"))
    expected = CertificateSigner("ca.pem", "C=US, ST=WA, O=acme")
    assert signing.verdict(image, expected) == (True, "")
    assert signing.verdict(image, CertificateSigner("ca.pem")) == (True, "")
    accepted, reason = signing.verdict(image, CertificateSigner("ca.pem", "C=US, ST=WA, O=other"))
    assert not accepted
    assert "does not match" in reason
    accepted, reason = signing.verdict(image, CertificateSigner("stranger.pem"))
    assert not accepted
    assert "trusted certificate" in reason
    (signing.folder / "no.pem").write_text("no certificate", encoding="utf-8")
    assert not signing.programs.verify(signing.repository, digest_of(image), CertificateSigner("no.pem")).known
    accepted, reason = signing.verdict(unsigned, expected)
    assert not accepted
    assert "no signature" in reason
    signing.copy_signature(image, target)
    assert signing.verdict(target, expected) == (False, "it is the signature of another image")
    time.sleep(max(0.0, life + 1 - (time.monotonic() - made)))  # until the certificate has ended
    accepted, reason = signing.verdict(old, expected)
    assert not accepted
    assert "expired" in reason
    assert set(pull_times(signing).values()) == {None}


def test_a_key_that_cant_be_used_and_a_registry_that_cant_be_reached(
    signing: Signing, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = signing.keys("cosign")
    image = signing.push("1.0")
    monkeypatch.setenv("COSIGN_PASSWORD", "another password")
    with pytest.raises(RegistryError, match="COSIGN_PASSWORD") as caught:
        signing.sign(image, SignWith("cosign", "cosign.key"))
    assert "another password" not in str(caught.value)
    with pytest.raises(SettingsError, match="isn't there"):
        signing.sign(image, SignWith("cosign", "nothing.key"))
    with pytest.raises(SettingsError, match="private key"):
        signing.verdict(image, KeySigner("cosign.key"))
    (signing.folder / "no.pub").write_text("no key", encoding="utf-8")
    found = signing.programs.verify(signing.repository, digest_of(image), KeySigner("no.pub"))
    assert (found.accepted, found.known) == (False, False)
    nowhere = replace(signing.repository, uri="127.0.0.1:9/team/signed")
    found = signing.programs.verify(nowhere, digest_of(image), key)
    assert (found.accepted, found.known) == (False, False)
    assert signing.referrers(image) == []


def test_no_secret_is_in_a_command_line(signing: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of the test stands for cosign, and writes down what it was given."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "cosign").write_text(
        '#!/bin/sh\n[ "$2" = --help ] && echo "--use-signing-config=true" && exit 0\n'
        f'echo "$@" >>{tmp_path}/words\nenv >>{tmp_path}/env\ncat "$DOCKER_CONFIG/config.json" >/dev/null\n',
        encoding="utf-8",
    )
    (bin_folder / "cosign").chmod(0o755)
    for name, value in {
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "AWS_SECRET_ACCESS_KEY": "an-aws-secret",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "an-oidc-token",
        "SOMEBODYS_TOKEN": "somebodys-token",
        "ECR_PASSWORD": "of-nobody",
    }.items():
        monkeypatch.setenv(name, value)
    aws = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "of-the-role", "AWS_PROFILE": ""}
    programs = SigningPrograms(signing.config, signing.folder, signing.log_in, lambda: aws)
    image = digest_of(signing.push("1.0"))
    programs.sign(signing.repository, image, SignWith("cosign", "awskms:///alias/sign"))
    given = (tmp_path / "env").read_text(encoding="utf-8")
    assert "of-the-role" in given
    assert PASSWORD in given
    for secret in ("an-aws-secret", "an-oidc-token", "somebodys-token", "of-nobody"):
        assert secret not in given
    (tmp_path / "env").unlink()
    programs.sign(signing.repository, image, SignWith("cosign", log=True))
    given = (tmp_path / "env").read_text(encoding="utf-8")
    assert "an-oidc-token" in given
    assert "of-the-role" not in given
    kms, keyless = (tmp_path / "words").read_text(encoding="utf-8").splitlines()
    assert "--key=awskms:///alias/sign" in kms
    assert "--signing-config=" in kms
    assert "--key" not in keyless
    assert "--signing-config" not in keyless
    for words in (kms, keyless):
        assert words.endswith(f"{signing.repository.uri}@{image}")
        for secret in (PASSWORD, "of-the-role", "an-oidc-token", signing.http.password()):
            assert secret not in words


def test_an_old_cosign_is_refused_before_it_writes_a_tag(
    signing: Signing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "cosign").write_text("#!/bin/sh\necho --tlog-upload=true\n", encoding="utf-8")
    (tmp_path / "old" / "cosign").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "old"))
    programs = SigningPrograms(signing.config, signing.folder, signing.log_in, dict)
    with pytest.raises(SettingsError, match="cosign 3"):
        programs.check_installed("cosign")
    with pytest.raises(SettingsError, match="notation is not installed"):
        programs.check_installed("notation")
    assert signing.logins == 0
