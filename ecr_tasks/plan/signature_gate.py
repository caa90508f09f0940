"""The signature gate: an image must be signed. The signer is not checked."""

from __future__ import annotations

from collections.abc import Sequence

from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Signing
from ecr_tasks.model.registry import Repository
from ecr_tasks.plan.gates import Failed, Passed, Pending, Verdict


def judge_signature(
    repository: Repository, image: StoredImage, signatures: Sequence[str], signing: Sequence[Signing]
) -> Verdict:
    """Decide whether the image itself is signed; ``signatures`` are the digests of its signatures."""
    if signatures:
        plural = "s" if len(signatures) > 1 else ""
        return Passed(f"signed ({len(signatures)} signature{plural})", {"signatures": list(signatures)})
    statuses = {item.status for item in signing}
    if "COMPLETE" in statuses:
        return Passed("signed by ECR's managed signing", {"signatures": []})
    name = f"{repository.name}@{image.digest}"
    if "IN_PROGRESS" in statuses:
        late = Failed(f"ECR did not end signing {name} while we waited.", "Run this again later.")
        return Pending(f"ECR to sign {repository.name}@{image.digest[:19]}", late)
    reasons = ", ".join(dict.fromkeys(item.reason or item.status for item in signing))
    if reasons:
        cause = f"{name} is not signed: ECR's managed signing failed ({reasons})."
        return Failed(cause, "Mend that, or sign it yourself.")
    return Failed(
        f"{name} has no signature.",
        "Sign this digest (cosign, notation or ECR's managed signing); a platform's own signature does not count.",
    )
