"""Check every image against every gate before anything is promoted, and wait for scans and signatures to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ecr_tasks.errors import Refused
from ecr_tasks.execute.scans import scan_checks
from ecr_tasks.execute.wait_for_verdicts import wait_for_verdicts
from ecr_tasks.model.inventory import artifact_kind, referrer_tag
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Evidence, Registry
from ecr_tasks.model.registry import Repository
from ecr_tasks.plan.branch_gate import judge_branch
from ecr_tasks.plan.gates import BRANCH, SCAN, SIGNATURE, Failed, GateResults, Gates, Passed, Verdict, Waits
from ecr_tasks.plan.signature_gate import judge_signature
from ecr_tasks.source.git.branches import Branch


@dataclass(frozen=True)
class _Check:
    image: str
    gate: str
    judge: Callable[[], Verdict]


def check_gates(
    gates: Gates,
    images: Mapping[str, tuple[Repository, StoredImage]],
    registry: Registry,
    evidence: Evidence,
    say: Callable[[str], None],
    waits: Waits,
) -> GateResults:
    """Check all images against the gates and return the results. Raises Refused with every condition that isn't met.

    ``images`` are by name. ``say`` gets a line for each wait and for each gate that is passed. Without a gate there
    is no API call.
    """
    checks = [
        check
        for name, (repository, image) in images.items()
        for check in _checks(name, repository, image, gates, registry, evidence)
    ]
    verdicts, waited = wait_for_verdicts([check.judge for check in checks], say, waits)
    failed = [verdict for verdict in verdicts if isinstance(verdict, Failed)]
    if failed:
        raise _refusal(failed)
    results: dict[str, list[Mapping[str, Any]]] = {name: [] for name in images}
    for name, (repository, _) in images.items():
        for gate, options in gates.options.items():
            passed = [
                verdict
                for check, verdict in zip(checks, verdicts, strict=True)
                if isinstance(verdict, Passed) and (check.image, check.gate) == (name, gate)
            ]
            say(f"{repository.name}: --{gate} passed: {'; '.join(verdict.words for verdict in passed)}")
            facts = {"scans": [verdict.facts for verdict in passed]} if gate == SCAN else passed[0].facts
            results[name].append({"gate": gate, **options, "passed": True, **facts})
    return GateResults(results, waited)


def _checks(
    name: str, repository: Repository, image: StoredImage, gates: Gates, registry: Registry, evidence: Evidence
) -> Iterator[_Check]:
    if gates.scan is not None:
        scans = scan_checks(repository, image, gates.scan, registry, evidence)
        if isinstance(scans, Failed):
            yield _Check(name, SCAN, partial(_known, scans))
        else:
            for scan in scans:
                yield _Check(name, SCAN, scan.judge)
    if gates.signature:
        yield _Check(name, SIGNATURE, partial(_signature, registry, evidence, repository, image))
    if gates.branch is not None:
        image = registry.read(repository, image)  # whose annotations name its commit
        yield _Check(name, BRANCH, partial(_branch, repository, image, gates.branch))


def _known(verdict: Verdict) -> Verdict:
    return verdict


def _signature(registry: Registry, evidence: Evidence, repository: Repository, image: StoredImage) -> Verdict:
    """Look for signatures: referrers, then signature tags, then ECR's managed signing, until one kind exists."""
    digest = image.digest
    signatures = list(evidence.signatures(repository, digest)) or list(
        _tagged_signatures(registry, repository, digest)
    )
    signing = () if signatures else evidence.signing_statuses(repository, digest)
    return judge_signature(repository, image, signatures, signing)


def _tagged_signatures(registry: Registry, repository: Repository, digest: str) -> Iterator[str]:
    """Yield signatures by their tag: cosign's, and those of the referrers tag schema (OCI distribution 1.1)."""
    own, listing = referrer_tag(digest, ".sig"), referrer_tag(digest)
    tags = registry.find(repository.name, [own, listing]).tags
    if own in tags:
        yield tags[own].digest
    index = registry.read(repository, tags[listing]).document if listing in tags else {}
    for descriptor in index.get("manifests", ()):
        if artifact_kind(descriptor.get("artifactType")) == "signature":
            yield descriptor["digest"]


def _branch(repository: Repository, image: StoredImage, branch: Branch) -> Verdict:
    membership = branch.contains(image.revision) if image.revision else None
    return judge_branch(repository, image, branch.shown, membership)


def _refusal(failed: Sequence[Failed]) -> Refused:
    if len(failed) == 1:
        return Refused(failed[0].cause, failed[0].remedy)
    return Refused(
        f"{len(failed)} conditions are not met, so nothing is promoted:",
        "Mend each and run this again.",
        [f"{verdict.cause} {verdict.remedy}" for verdict in failed],
    )
