"""Check every image against every gate before anything is promoted, and wait for scans and signatures to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ecr_tasks.errors import Refused
from ecr_tasks.execute.scans import scan_checks
from ecr_tasks.execute.signatures import check_signature
from ecr_tasks.execute.wait_for_verdicts import wait_for_verdicts
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Evidence, Registry, Signatures
from ecr_tasks.model.registry import Repository
from ecr_tasks.plan.branch_gate import judge_branch
from ecr_tasks.plan.gates import BRANCH, SCAN, SIGNATURE, Failed, GateResults, Gates, Passed, Verdict, Waits
from ecr_tasks.source.git.branches import Branch


@dataclass(frozen=True)
class GateCheck:
    """One question about one image, of a gate."""

    image: str
    gate: str
    judge: Callable[[], Verdict]


def check_gates(
    gates: Gates,
    images: Mapping[str, tuple[Repository, StoredImage]],
    registry: Registry,
    evidence: Evidence,
    programs: Signatures,
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
        for check in gate_checks(name, repository, image, gates, registry, evidence, programs)
    ]
    verdicts, waited = wait_for_verdicts([check.judge for check in checks], say, waits)
    failed = dict.fromkeys(verdict for verdict in verdicts if isinstance(verdict, Failed))
    if failed:
        raise _refusal(list(failed))
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


def gate_checks(
    name: str,
    repository: Repository,
    image: StoredImage,
    gates: Gates,
    registry: Registry,
    evidence: Evidence,
    programs: Signatures,
) -> Iterator[GateCheck]:
    """Yield what is to be asked of an image for these gates."""
    if gates.scan is not None:
        scans = scan_checks(repository, image, gates.scan, registry, evidence)
        if isinstance(scans, Failed):
            yield GateCheck(name, SCAN, partial(_known, scans))
        else:
            for scan in scans:
                yield GateCheck(name, SCAN, scan.judge)
    if gates.signers:
        look = partial(check_signature, registry, programs, repository, image, gates.signers)
        yield GateCheck(name, SIGNATURE, look)
    if gates.branch is not None:
        image = registry.read(repository, image)  # whose annotations name its commit
        yield GateCheck(name, BRANCH, partial(_branch, repository, image, gates.branch))


def _known(verdict: Verdict) -> Verdict:
    return verdict


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
