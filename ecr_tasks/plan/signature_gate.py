"""The signature gate: an image must have a signature of one of the expected signers (ECR_SIGNED_BY)."""

from __future__ import annotations

from collections.abc import Sequence

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.signing import ProfileSigner, Signer, Signing, Verification
from ecr_tasks.plan.gates import Failed, Passed, Pending, Verdict


def require_signers(signers: Sequence[Signer]) -> tuple[Signer, ...]:
    """Return the expected signers. Raises SettingsError without one: anybody who may push may also sign."""
    if not signers:
        raise SettingsError(
            "--require-signature needs to know whose signature counts, and ECR_SIGNED_BY is not set.",
            "Set it: ECR_SIGNED_BY=key=cosign.pub (or a KMS key), identity=…,issuer=…, certificate=ca.pem, or "
            "profile=ARN of AWS Signer (docs/signing.md).",
        )
    return tuple(signers)


def recorded(signer: Signer, signing: Sequence[Signing]) -> bool:
    """Return whether ECR itself has signed an image with a signer's profile, as ECR records it."""
    return isinstance(signer, ProfileSigner) and any(
        item.status == "COMPLETE" and _same_profile(signer.profile, item.profile) for item in signing
    )


def judge_signature(
    repository: Repository,
    image: StoredImage,
    signers: Sequence[Signer],
    signatures: Sequence[str],
    signing: Sequence[Signing],
    verifications: Sequence[Verification] = (),
) -> Verdict:
    """Decide whether the image itself is signed by one of the signers.

    ``signatures`` are the digests of its signatures, ``signing`` is what ECR's managed signing says, and
    ``verifications`` are what the programs said, up to the first that accepted a signature.
    """
    name = f"{repository.name}@{image.digest}"
    found = {"signatures": list(signatures)}
    for item in verifications:
        if item.accepted:
            return Passed(
                f"signed by {item.signer}", {**found, "signed_by": str(item.signer), "checked_by": item.signer.tool}
            )
    for signer in signers:
        if recorded(signer, signing) and not any(item.signer == signer for item in verifications):
            words = f"signed by {signer}, as ECR's managed signing records"
            return Passed(words, {**found, "signed_by": str(signer), "checked_by": "ecr"})
    expected = " or ".join(map(str, signers))
    if not any(signer.tool == "notation" for signer in signers):
        signing = ()  # what AWS Signer makes can't be what is expected
    if any(item.status == "IN_PROGRESS" for item in signing):
        late = Failed(f"ECR did not end signing {name} while we waited.", "Run this again later.")
        return Pending(f"ECR to sign {repository.name}@{image.digest[:19]}", late)
    if failed := [item for item in signing if item.status == "FAILED"]:
        return Failed(
            f"{name} is not signed by {expected}: ECR's managed signing failed "
            f"({'; '.join(item.words for item in failed)}).",
            managed_remedy(failed),
        )
    if not signatures:
        remedy = "Sign this digest (`inv sign`); a signature of one of its platforms does not count."
        return Failed(f"{name} has no signature.", remedy)
    return _not_accepted(name, expected, signatures, verifications)


def managed_remedy(failed: Sequence[Signing]) -> str:
    """Return what to do about managed signing that failed."""
    text = " ".join(f"{item.code} {item.reason}" for item in failed).lower()
    if "denied" in text or "authoriz" in text or "permission" in text:
        return "Who pushes needs signer:SignPayload for that profile (`inv iam.policy`); push the image anew then."
    return (
        "Mend that (the signing profile in AWS Signer), and push the image anew, or sign it yourself: `inv sign` "
        "with another ECR_SIGN (docs/signing.md)."
    )


def _not_accepted(
    name: str, expected: str, signatures: Sequence[str], verifications: Sequence[Verification]
) -> Failed:
    """Return the verdict on signatures of which none is an expected signer's."""
    several = len(signatures) > 1
    count = f"{len(signatures)} signatures" if several else "a signature"
    unknown = [item for item in verifications if not item.known]
    if unknown:
        reasons = "; ".join(f"{item.signer}: {item.reason}" for item in unknown)
        return Failed(
            f"Whether {name} is signed by {expected} could not be checked ({reasons}).",
            "Mend that and run this again: a signature that can't be checked does not count.",
        )
    reasons = "; ".join(dict.fromkeys(item.reason for item in verifications if item.reason))
    return Failed(
        f"{name} has {count}, and {'none' if several else 'it'} is {'' if several else 'not '}by {expected}"
        f"{f' ({reasons})' if reasons else ''}.",
        "Have the right signer sign it (`inv sign`), or correct ECR_SIGNED_BY if somebody else may sign.",
    )


def _same_profile(expected: str, profile: str) -> bool:
    """Return whether a profile's ARN is the expected one, which may also name a version of it."""
    return profile != "" and (expected == profile or expected.rpartition("/")[0] == profile)
