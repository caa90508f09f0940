"""What real cosign makes beside its signatures of today: the verdict on attestations and on what cosign 2 made."""

from __future__ import annotations

import json
import os

import pytest

from ecr_tasks.clients.signing.program import Program
from ecr_tasks.clients.signing.programs import SigningPrograms
from ecr_tasks.errors import RegistryError, SettingsError
from ecr_tasks.model.signing import CertificateSigner, IdentitySigner, KeySigner, SignWith
from tests.local_ecr.http_client import digest_of
from tests.local_ecr.sample import push_release
from tests.local_ecr.signing_project import NAME, Signing
from tests.support.signing import BUNDLE, ISSUER, Authority, keyless_bundle

_TODAY = "--signing-config=services.json", "--trusted-root=roots.json"
_OLDER = "--use-signing-config=false", "--new-bundle-format=false", "--tlog-upload=false"


def test_an_attestation_by_the_right_key_is_no_signature(signing: Signing) -> None:
    """Attested may be anything, such as that the image is bad."""
    key, other = signing.keys("cosign"), signing.keys("other")
    image = signing.push("1.0")
    uri = f"{signing.repository.uri}@{digest_of(image)}"
    for name, kind in (("services", "signingconfig.v0.2+json"), ("roots", "trustedroot+json;version=0.1")):
        text = '{"mediaType":"application/vnd.dev.sigstore.' + kind + '"}'
        (signing.folder / f"{name}.json").write_text(text, encoding="utf-8")
    (signing.folder / "tests.json").write_text('{"tests": "failed"}', encoding="utf-8")
    about = ("--predicate=tests.json", "--type=custom")
    signing.cosign("attest", "--yes", "--key=cosign.key", *_TODAY, *about, uri)
    accepted, reason = signing.verdict(image, key)
    assert not accepted
    assert "attestation" in reason
    signing.sign(image, SignWith("cosign", "other.key"))
    assert not signing.verdict(image, key)[0]
    assert signing.verdict(image, other) == (True, "")
    signing.sign(image, SignWith("cosign", "cosign.key"))
    assert signing.verdict(image, key) == (True, "")
    signing.attach(image, BUNDLE, BUNDLE, b"no bundle at all")
    assert signing.verdict(image, key) == (True, "")


@pytest.mark.parametrize("where", ["tag", "referrer"])
def test_signatures_of_cosign_2_count_for_their_own_image(signing: Signing, where: str) -> None:
    signing.api.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="MUTABLE")
    key, other = signing.keys("cosign"), signing.keys("other")
    image, target = signing.push("1.0"), signing.push("1.1")
    mode = ("--registry-referrers-mode=oci-1-1",) if where == "referrer" else ()
    uri = f"{signing.repository.uri}@{digest_of(image)}"
    signing.cosign("sign", "--yes", "--key=cosign.key", *_OLDER, *mode, uri, COSIGN_EXPERIMENTAL="1")
    assert len(signing.referrers(image)) == (1 if where == "referrer" else 0)
    assert signing.verdict(image, key) == (True, "")
    assert not signing.verdict(image, other)[0]
    if where == "referrer":
        signing.copy_signature(image, target)
    else:
        name, copy = (f"{digest_of(item).replace(':', '-')}.sig" for item in (image, target))
        answer = signing.api.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": name}])
        signing.api.put_image(repositoryName=NAME, imageManifest=answer["images"][0]["imageManifest"], imageTag=copy)
    assert not signing.verdict(target, key)[0]


def test_an_index_and_its_platforms_are_signed_each_for_itself(signing: Signing) -> None:
    key = signing.keys("cosign")
    index = push_release(signing.http, NAME, ["1.0"], b"release")
    platform = json.loads(index)["manifests"][0]["digest"]
    signing.programs.sign(signing.repository, platform, SignWith("cosign", "cosign.key"))
    assert signing.programs.verify(signing.repository, platform, key).accepted
    assert signing.verdict(index, key) == (False, "no signatures found")
    signing.sign(index, SignWith("cosign", "cosign.key"))
    assert signing.verdict(index, key) == (True, "")


def test_an_expression_must_match_a_whole_identity(signing: Signing) -> None:
    """Of ``^a|b$``, anything that begins with a would do."""
    authority = Authority()
    (signing.folder / "root.json").write_text(authority.trusted_root(), encoding="utf-8")
    image, own = signing.push("1.0"), signing.push("1.1")
    for target, email in ((image, "a@acme.example.somebody.else"), (own, "b@acme.example")):
        signing.attach(target, BUNDLE, BUNDLE, keyless_bundle(authority.certify(email=email), digest_of(target)))
    expected = IdentitySigner(
        identity_pattern=r"^a@acme\.example|b@acme\.example$", issuer=ISSUER, trusted_root="root.json", log=False
    )
    accepted, reason = signing.verdict(image, expected)
    assert not accepted
    assert "somebody.else" in reason
    assert signing.verdict(own, expected) == (True, "")
    short = IdentitySigner("b@acme.example", issuer_pattern=f"^{ISSUER[:-4]}|x$", trusted_root="root.json", log=False)
    assert not signing.verdict(own, short)[0]


def test_what_cant_be_checked_is_told_from_what_is_somebody_elses(
    signing: Signing, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, image = signing.keys("cosign"), signing.push("1.0")
    signing.sign(image, SignWith("cosign", "cosign.key"))
    monkeypatch.setenv("RELEASE_KEY", (signing.folder / "cosign.pub").read_text(encoding="utf-8"))
    assert signing.verdict(image, KeySigner("env://RELEASE_KEY")) == (True, "")
    (signing.folder / "no.json").write_text("no root", encoding="utf-8")
    for signer in (
        KeySigner("env://NOT_SET"),
        KeySigner("gcpkms://projects/a/locations/global/keyRings/b/cryptoKeys/c"),
        IdentitySigner("a@acme.example", issuer=ISSUER, trusted_root="no.json", log=False),
        IdentitySigner(identity_pattern="^(?=a).*x$", issuer=ISSUER, trusted_root="no.json", log=False),
    ):
        found = signing.programs.verify(signing.repository, digest_of(image), signer)
        assert (found.accepted, found.known) == (False, False), found
    monkeypatch.delenv("COSIGN_PASSWORD")
    with pytest.raises(RegistryError, match="COSIGN_PASSWORD"):
        signing.sign(image, SignWith("cosign", "cosign.key"))
    assert signing.verdict(image, key) == (True, "")


@pytest.mark.parametrize(
    ("program", "script", "words"),
    [
        ("cosign", "echo --use-signing-config=false", "older than version 3"),
        ("notation", "echo --allow-referrers-api", "older than version 1.2"),
        ("cosign", "echo Error: no such library >&2; exit 127", "does not run: no such library"),
    ],
)
def test_a_program_that_would_give_a_wrong_verdict_is_not_asked(
    signing: Signing, monkeypatch: pytest.MonkeyPatch, program: str, script: str, words: str
) -> None:
    """notation 1.0 doesn't read the trust policy that it is given, but the user's own."""
    file = signing.folder / program
    file.write_text(f'#!/bin/sh\n[ "$1" = verify ] && exit 0\n{script}\n', encoding="utf-8")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{signing.folder}:/usr/bin:/bin")
    (signing.folder / "ca.pem").write_bytes(Authority().pem)
    (signing.folder / "a.pub").write_text("a key", encoding="utf-8")
    programs = SigningPrograms(signing.config, signing.folder, signing.log_in, dict)
    signer = KeySigner("a.pub") if program == "cosign" else CertificateSigner("ca.pem")
    with pytest.raises(SettingsError, match=words):
        programs.verify(signing.repository, digest_of(signing.push("1.0")), signer)


def test_a_program_that_hangs_is_killed_and_nothing_is_accepted(signing: Signing) -> None:
    (signing.folder / "cosign").write_text("#!/bin/sh\nsleep 600 &\nsleep 600\n", encoding="utf-8")
    (signing.folder / "cosign").chmod(0o755)
    environ = {**os.environ, "PATH": f"{signing.folder}:/usr/bin:/bin"}
    program = Program("cosign", signing.config, signing.folder, signing.log_in, dict, environ)
    answer = program.run("verify", seconds=1)
    assert answer.code != 0
    assert "no answer within 1 s" in answer.stderr
