"""Checks every image against every gate before anything is promoted, and waits calmly for what isn't known yet."""

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
from ecr_tasks.plan.gates import BRANCH, SCAN, SIGNATURE, Checked, Gates, Waits
from ecr_tasks.plan.scan_gate import (
    Failed,
    Part,
    Passed,
    Pending,
    Verdict,
    judge_branch,
    judge_scan,
    judge_signature,
    no_parts,
    parts,
)
from ecr_tasks.source.git.branches import Branch


@dataclass(frozen=True)
class _Question:
    image: str
    gate: str
    ask: Callable[[], Verdict]


_AGAIN_SECONDS = 60.0
"""After how long we say once more what we wait for."""


def check(
    wanted: Gates,
    images: Mapping[str, tuple[Repository, StoredImage]],
    registry: Registry,
    evidence: Evidence,
    say: Callable[[str], None],
    waits: Waits,
) -> Checked:
    """Asks everything about all images, by name; raises Refused with every condition that isn't met.

    ``say`` gets a line for what is waited for and for what is passed. Without a gate nothing is asked.
    """
    questions = [
        question
        for name, (repository, image) in images.items()
        for question in _questions(name, repository, image, wanted, registry, evidence)
    ]
    verdicts, waited = _verdicts(questions, say, waits)
    failed = [verdict for verdict in verdicts if isinstance(verdict, Failed)]
    if failed:
        raise _refusal(failed)
    found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in images}
    for name, (repository, _) in images.items():
        for gate, more in wanted.asked.items():
            passed = [
                verdict
                for question, verdict in zip(questions, verdicts, strict=True)
                if isinstance(verdict, Passed) and (question.image, question.gate) == (name, gate)
            ]
            say(f"{repository.name}: --{gate} passed: {'; '.join(verdict.words for verdict in passed)}")
            facts = {"scans": [verdict.facts for verdict in passed]} if gate == SCAN else passed[0].facts
            found[name].append({"gate": gate, **more, "passed": True, **facts})
    return Checked(found, waited)


def _questions(
    name: str, repository: Repository, image: StoredImage, wanted: Gates, registry: Registry, evidence: Evidence
) -> Iterator[_Question]:
    if wanted.scan is not None:
        scanned = list(_parts(registry, repository, image))
        for part in scanned:
            yield _Question(name, SCAN, partial(_scan, evidence, part, wanted.scan))
        if not scanned:
            yield _Question(name, SCAN, partial(no_parts, repository, image))
    if wanted.signature:
        yield _Question(name, SIGNATURE, partial(_signature, registry, evidence, repository, image))
    if wanted.branch is not None:
        yield _Question(name, BRANCH, partial(_branch, repository, image, wanted.branch))


def _parts(registry: Registry, repository: Repository, image: StoredImage) -> Iterator[Part]:
    """What is scanned, indexes within an index unfolded: digests can't form a circle. Each manifest once."""
    seen: set[str] = set()
    todo = list(parts(repository, image))
    for part in todo:  # grows as it is walked
        if part.digest in seen:
            continue
        seen.add(part.digest)
        inner = registry.image(repository, part.digest) if part.is_index else None
        if inner is None:
            yield part
        else:
            todo += parts(repository, inner)


def _scan(evidence: Evidence, part: Part, level: Level) -> Verdict:
    scan = evidence.scan(part.repository, part.digest)
    pushed = evidence.pushed(part.repository, part.digest) if scan is None else None
    age = (datetime.now(timezone.utc) - pushed).total_seconds() if pushed else None
    return judge_scan(part, scan, level, age)


def _signature(registry: Registry, evidence: Evidence, repository: Repository, image: StoredImage) -> Verdict:
    """Asks for the next kind of signature only where there is none of the kind before."""
    found = list(evidence.signatures(repository, image.digest)) or list(_named(registry, repository, image.digest))
    return judge_signature(repository, image, found, () if found else evidence.signing(repository, image.digest))


def _named(registry: Registry, repository: Repository, digest: str) -> Iterator[str]:
    """Signatures by their tag: cosign's, and those in the list of the referrers tag schema (OCI distribution 1.1)."""
    own, listing = referrer_tag(digest, ".sig"), referrer_tag(digest)
    tags = registry.find(repository.name, [own, listing]).tags
    if own in tags:
        yield tags[own].digest
    for item in tags[listing].document.get("manifests", ()) if listing in tags else ():
        if artifact_kind(item.get("artifactType")) == "signature":
            yield item["digest"]


def _branch(repository: Repository, image: StoredImage, branch: Branch) -> Verdict:
    has = branch.has(image.revision) if image.revision else None
    return judge_branch(repository, image, branch.shown, has)


def _verdicts(
    questions: Sequence[_Question], say: Callable[[str], None], waits: Waits
) -> tuple[list[Passed | Failed], bool]:
    """Asks until everything is known or the time is over; also whether there was anything to wait for."""
    begun = waits.clock()
    verdicts: dict[_Question, Passed | Failed] = {}
    waited, pause, said, said_at = False, waits.first, "", begun
    while True:
        open_: dict[_Question, Pending] = {}
        for question in questions:
            if question not in verdicts:
                verdict = question.ask()
                if isinstance(verdict, Pending):
                    open_[question] = verdict
                else:
                    verdicts[question] = verdict
        passed = waits.clock() - begun
        for question, pending in list(open_.items()):
            if passed >= min(waits.limit, pending.within or waits.limit):
                verdicts[question] = open_.pop(question).otherwise
        if not open_:
            return [verdicts[question] for question in questions], waited
        words = f"waiting for {'; '.join(pending.words for pending in open_.values())}"
        if words != said or waits.clock() - said_at >= _AGAIN_SECONDS:
            say(words if words != said else f"still {words}")
            said, said_at = words, waits.clock()
        waits.sleep(min(pause, max(waits.limit - passed, 0.1)))
        waited, pause = True, min(pause * 1.5, waits.longest)


def _refusal(failed: Sequence[Failed]) -> Refused:
    if len(failed) == 1:
        return Refused(failed[0].cause, failed[0].remedy)
    lines = "\n".join(f"  {verdict.cause} {verdict.remedy}" for verdict in failed)
    return Refused(
        f"{len(failed)} conditions are not met, so nothing is promoted:\n{lines}", "Mend each and run this again."
    )
