"""ECR's managed signing of a pushed image: done, still to come, or failed."""

from __future__ import annotations

from collections.abc import Sequence

from ecr_tasks.model.registry import Repository
from ecr_tasks.model.signing import Signing, profile_name
from ecr_tasks.plan.gates import Failed, Passed, Pending, Verdict
from ecr_tasks.plan.signature_gate import managed_remedy

APPEARS_SECONDS = 60.0
"""How long ECR may take to list an image that it is going to sign."""


def judge_managed_signing(
    repository: Repository, digest: str, profiles: Sequence[str], signing: Sequence[Signing]
) -> Verdict:
    """Decide whether ECR has signed an image with each of these profiles."""
    name = f"{repository.name}@{digest}"
    failed = [item for item in signing if item.status == "FAILED"]
    if failed:
        words = "; ".join(item.words for item in failed)
        return Failed(f"ECR's managed signing of {name} failed: {words}.", managed_remedy(failed))
    done = {item.profile for item in signing if item.status == "COMPLETE"}
    missing = [profile for profile in profiles if profile not in done]
    if not missing:
        names = ", ".join(map(profile_name, profiles))
        return Passed(f"{repository.name}: signed by ECR with {names}", {"profiles": list(profiles)})
    late = Failed(
        f"ECR's managed signing of {name} did not end while we waited "
        f"({'; '.join(item.words for item in signing) or 'it has no status'}).",
        "Look again later: `inv verify`.",
    )
    waiting = f"ECR to sign {repository.name}@{digest[:19]}"
    return Pending(waiting, late, None if signing else APPEARS_SECONDS)


def not_configured(repository: Repository, *, known: bool) -> Failed:
    """Return the failure of ECR_SIGN=managed where no rule signs a repository's images, or none can be read."""
    if not known:
        return Failed(
            f"Whether ECR signs the images of {repository.name} can't be known: ECR_SIGN is managed, and the signing "
            "configuration can't be read.",
            "Allow ecr:GetSigningConfiguration, which ECR answers for the caller's own registry, or unset ECR_SIGN.",
        )
    return Failed(
        f"ECR_SIGN is managed, and the registry's signing configuration has no rule for {repository.name}.",
        "Add one (`aws ecr put-signing-configuration`) and push the image anew, or sign it yourself: `inv sign` with "
        "another ECR_SIGN (docs/signing.md).",
    )
