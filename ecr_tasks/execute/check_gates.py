"""Check every image against every gate before anything is promoted, and wait for scans and signatures to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import Any

from ecr_tasks.errors import Refused
from ecr_tasks.model.inventory import artifact_kind, referrer_tag
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Evidence, Registry
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.scan import Level
from ecr_tasks.plan.branch_gate import judge_branch
from ecr_tasks.plan.gates import BRANCH, SCAN, SIGNATURE, Failed, GateResults, Gates, Passed, Pending, Verdict, Waits
from ecr_tasks.plan.scan_gate import Part, judge_scan, nothing_to_scan, scannable_parts
from ecr_tasks.plan.signature_gate import judge_signature
from ecr_tasks.source.git.branches import Branch


@dataclass(frozen=True)
class _Check:
    image: str
    gate: str
    judge: Callable[[], Verdict]


_REMINDER_SECONDS = 60.0
"""The seconds after which an unchanged "waiting for …" line is printed again."""


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
    verdicts, waited = _verdicts(checks, say, waits)
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
    if gates.scan is not None or gates.branch is not None:  # its platforms, and its commit
        image = registry.read(repository, image)
    if gates.scan is not None:
        parts = list(_parts(registry, repository, image))
        for part in parts:
            yield _Check(name, SCAN, partial(_scan, evidence, part, gates.scan))
        if not parts:
            yield _Check(name, SCAN, partial(nothing_to_scan, repository, image))
    if gates.signature:
        yield _Check(name, SIGNATURE, partial(_signature, registry, evidence, repository, image))
    if gates.branch is not None:
        yield _Check(name, BRANCH, partial(_branch, repository, image, gates.branch))


def _parts(registry: Registry, repository: Repository, image: StoredImage) -> Iterator[Part]:
    """Yield the manifests that are scanned, each once; an index within an index is replaced by its children."""
    seen: set[str] = set()
    queue = list(scannable_parts(repository, image))
    for part in queue:  # the loop body appends to it
        if part.digest in seen:
            continue
        seen.add(part.digest)
        inner = registry.image(repository, part.digest) if part.is_index else None
        if inner is None:
            yield part
        else:
            queue += scannable_parts(repository, registry.read(repository, inner))


def _scan(evidence: Evidence, part: Part, level: Level) -> Verdict:
    scan = evidence.scan(part.repository, part.digest)
    pushed = evidence.push_time(part.repository, part.digest) if scan is None else None
    age = (datetime.now(timezone.utc) - pushed).total_seconds() if pushed else None
    return judge_scan(part, scan, level, age)


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


def _verdicts(
    checks: Sequence[_Check], say: Callable[[str], None], waits: Waits
) -> tuple[list[Passed | Failed], bool]:
    """Repeat the checks until every verdict is known or the time is over; also return whether it waited."""
    start = waits.clock()
    verdicts: dict[_Check, Passed | Failed] = {}
    waited, pause, last_line, last_time = False, waits.first, "", start
    while True:
        unknown: dict[_Check, Pending] = {}
        for check in checks:
            if check not in verdicts:
                verdict = check.judge()
                if isinstance(verdict, Pending):
                    unknown[check] = verdict
                else:
                    verdicts[check] = verdict
        elapsed = waits.clock() - start
        for check, pending in list(unknown.items()):
            if elapsed >= min(waits.limit, pending.within or waits.limit):
                verdicts[check] = unknown.pop(check).otherwise
        if not unknown:
            return [verdicts[check] for check in checks], waited
        words = f"waiting for {'; '.join(pending.words for pending in unknown.values())}"
        if words != last_line or waits.clock() - last_time >= _REMINDER_SECONDS:
            say(words if words != last_line else f"still {words}")
            last_line, last_time = words, waits.clock()
        waits.sleep(min(pause, max(waits.limit - elapsed, 0.1)))
        waited, pause = True, min(pause * 1.5, waits.longest)


def _refusal(failed: Sequence[Failed]) -> Refused:
    if len(failed) == 1:
        return Refused(failed[0].cause, failed[0].remedy)
    return Refused(
        f"{len(failed)} conditions are not met, so nothing is promoted:",
        "Mend each and run this again.",
        [f"{verdict.cause} {verdict.remedy}" for verdict in failed],
    )
