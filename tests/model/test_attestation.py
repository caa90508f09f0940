"""What an artifact is, by what a registry lists of it."""

from __future__ import annotations

import pytest

from ecr_tasks.model.artifact import ListedArtifact
from ecr_tasks.model.attestation import attached

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@pytest.mark.parametrize(
    ("predicate_type", "kind"),
    [
        ("https://sigstore.dev/cosign/sign/v1", "signature"),
        ("https://slsa.dev/provenance/v1", "provenance"),
        ("https://spdx.dev/Document", "sbom"),
        ("https://cyclonedx.org/bom", "sbom"),
        ("https://example.com/mine", "attestation"),
        ("", "signature"),
    ],
)
def test_a_bundle_is_what_it_attests(predicate_type: str, kind: str) -> None:
    """`cosign sign` and `cosign attest` both attach bundles."""
    notes = {"dev.sigstore.bundle.predicateType": predicate_type} if predicate_type else {}
    listed = ListedArtifact("sha256:1", BUNDLE, 1, {"dev.sigstore.bundle.content": "dsse-envelope", **notes})
    assert attached(listed, "sha256:2").kind == kind
