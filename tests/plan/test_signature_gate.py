"""The signature gate: whose signature an image has, and the right verdict on everybody else's."""

from __future__ import annotations

import pytest

from ecr_tasks.errors import ExitCode, SettingsError
from ecr_tasks.model.signing import (
    CertificateSigner,
    IdentitySigner,
    KeySigner,
    ProfileSigner,
    Signer,
    Signing,
    Verification,
)
from ecr_tasks.plan.gates import Failed, Passed, Pending, Verdict
from ecr_tasks.plan.managed_signing import not_configured
from ecr_tasks.plan.signature_gate import judge_signature, managed_remedy, recorded, require_signers
from tests.support.build import manifest, repository

PROFILE = "arn:aws:signer:eu-west-1:123456789012:/signing-profiles/release"
OTHER_PROFILE = "arn:aws:signer:eu-west-1:123456789012:/signing-profiles/somebody"
KEY = KeySigner("cosign.pub")
IDENTITY = IdentitySigner("a@acme.example", issuer="https://oidc.acme.example")
CERTIFICATE = CertificateSigner("ca.pem", "C=US,O=acme")
MANAGED = ProfileSigner(PROFILE)
IMAGE = manifest("signed")


def judge(
    signers: tuple[Signer, ...],
    *said: Verification,
    signatures: int = 1,
    signing: tuple[Signing, ...] = (),
) -> Verdict:
    digests = [f"sha256:{number}" for number in range(signatures)]
    return judge_signature(repository(), IMAGE, signers, digests, signing, said)


@pytest.mark.parametrize("signer", [KEY, IDENTITY, CERTIFICATE, MANAGED])
def test_an_expected_signers_signature_passes_and_says_whose_it_is(signer: Signer) -> None:
    verdict = judge((signer,), Verification(signer, accepted=True))
    assert isinstance(verdict, Passed)
    assert str(signer) in verdict.words
    assert verdict.facts == {"signatures": ["sha256:0"], "signed_by": str(signer), "checked_by": signer.tool}


def test_one_of_several_signers_is_enough() -> None:
    verdict = judge((KEY, IDENTITY), Verification(KEY, False, "another key"), Verification(IDENTITY, True))
    assert isinstance(verdict, Passed)
    assert "a@acme.example" in verdict.words


@pytest.mark.parametrize("signatures", [1, 3])
def test_somebody_elses_signature_fails_with_what_the_program_said(signatures: int) -> None:
    verdict = judge((KEY,), Verification(KEY, False, "invalid signature"), signatures=signatures)
    assert isinstance(verdict, Failed)
    assert IMAGE.digest in verdict.cause
    assert "key cosign.pub (invalid signature)" in verdict.cause
    assert "ECR_SIGNED_BY" in verdict.remedy


def test_a_signature_that_cant_be_checked_fails_and_blames_nobody() -> None:
    verdict = judge((KEY,), Verification(KEY, False, "no such host", known=False))
    assert isinstance(verdict, Failed)
    assert "could not be checked" in verdict.cause
    assert "no such host" in verdict.cause


@pytest.mark.parametrize(
    ("signer", "statuses", "expected"),
    [
        (MANAGED, [], Failed),
        (MANAGED, [("COMPLETE", PROFILE)], Passed),
        (MANAGED, [("COMPLETE", OTHER_PROFILE)], Failed),
        (MANAGED, [("FAILED", OTHER_PROFILE), ("COMPLETE", PROFILE)], Passed),
        (MANAGED, [("COMPLETE", OTHER_PROFILE), ("IN_PROGRESS", PROFILE)], Pending),
        (MANAGED, [("FAILED", PROFILE)], Failed),
        (ProfileSigner(f"{PROFILE}/Ab12345678"), [("COMPLETE", PROFILE)], Passed),
        (KEY, [("COMPLETE", PROFILE)], Failed),
        (KEY, [("IN_PROGRESS", PROFILE)], Failed),
    ],
)
def test_managed_signing_counts_for_its_own_profile_alone(
    signer: Signer, statuses: list[tuple[str, str]], expected: type
) -> None:
    signing = tuple(Signing(status, "No permission", profile, "AccessDenied") for status, profile in statuses)
    verdict = judge((signer,), signatures=0, signing=signing)
    assert type(verdict) is expected
    is_failed = statuses == [("FAILED", PROFILE)]
    assert ("AccessDenied: No permission" in str(verdict)) is is_failed
    assert ("signer:SignPayload" in str(verdict)) is is_failed


def test_signing_oneself_in_place_of_ecr_takes_another_setting() -> None:
    """As ``sign`` waits for ECR again while ECR_SIGN is managed."""
    failed = Signing("FAILED", "The profile was revoked", PROFILE, "Other")
    for remedy in (managed_remedy([failed]), not_configured(repository(), known=True).remedy):
        assert "`inv sign` with another ECR_SIGN" in remedy


def test_notations_word_counts_more_than_the_registrys_record() -> None:
    done = (Signing("COMPLETE", profile=PROFILE),)
    assert recorded(MANAGED, done)
    verdict = judge((MANAGED,), Verification(MANAGED, False, "the profile was revoked"), signing=done)
    assert isinstance(verdict, Failed)
    assert "revoked" in verdict.cause


def test_without_an_expected_signer_the_setting_to_give_is_named() -> None:
    with pytest.raises(SettingsError) as caught:
        require_signers(())
    assert caught.value.code == ExitCode.SETTINGS
    assert "ECR_SIGNED_BY" in str(caught.value)
    assert require_signers([KEY]) == (KEY,)
