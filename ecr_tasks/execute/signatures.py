"""Look at an image's signatures: those that refer to it, ECR's managed signing, and whose they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ecr_tasks.model.attestation import signatures_among
from ecr_tasks.model.inventory import artifact_kind, referrer_tag
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Signatures, Target
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.signing import ProfileSigner, Signer, Signing, Verification
from ecr_tasks.plan.gates import Verdict
from ecr_tasks.plan.signature_gate import judge_signature, recorded


def check_signature(
    registry: Target,
    programs: Signatures,
    repository: Repository,
    image: StoredImage,
    signers: Sequence[Signer],
    signatures: Sequence[str] | None = None,
) -> Verdict:
    """Return the verdict on an image's signatures. No look of it is a pull of the image.

    ``signatures`` are what :func:`signatures_of` returned, where it was called just now.
    Raises SettingsError for a missing program or file.
    """
    if signatures is None:
        signatures = signatures_of(registry, repository, image.digest)
    signing: Sequence[Signing] = ()
    if not signatures or any(isinstance(signer, ProfileSigner) for signer in signers):
        signing = registry.evidence.signing_statuses(repository, image.digest)
    verifications = list(_verify(programs, repository, image.digest, signers, signing)) if signatures else []
    return judge_signature(repository, image, signers, signatures, signing, verifications)


def signatures_of(registry: Target, repository: Repository, digest: str) -> list[str]:
    """Return the digests of an image's signatures: by subject, else by the tag that names the image.

    A signed attestation is none.
    """
    by_subject = signatures_among(registry.artifacts.list(repository, digest))
    return by_subject or list(_tagged(registry, repository, digest))


def _verify(
    programs: Signatures, repository: Repository, digest: str, signers: Sequence[Signer], signing: Sequence[Signing]
) -> Iterator[Verification]:
    """Yield what the programs say for each signer, up to the first signature that one accepts."""
    for signer in signers:
        if recorded(signer, signing) and not programs.can_check(signer):
            continue  # ECR's own record says it
        verification = programs.verify(repository, digest, signer)
        yield verification
        if verification.accepted:
            return


def _tagged(registry: Target, repository: Repository, digest: str) -> Iterator[str]:
    """Yield signatures by their tag: cosign's, and those of the referrers tag schema (OCI distribution 1.1)."""
    own, listing = referrer_tag(digest, ".sig"), referrer_tag(digest)
    tags = registry.tag_digests(repository, [own, listing])
    if own in tags:
        yield tags[own]
    image = registry.image(repository, listing) if listing in tags else None
    index = registry.read(repository, image).document if image is not None else {}
    for descriptor in index.get("manifests", ()):
        if artifact_kind(descriptor.get("artifactType")) == "signature":
            yield descriptor["digest"]
