"""Scan images: wait for the scan of each manifest and judge it by the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ecr_tasks.execute.scans import ScanCheck, scan_checks
from ecr_tasks.execute.wait_for_verdicts import wait_for_verdicts
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Evidence, Target
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.scan import Scanning, ScanRules
from ecr_tasks.plan.gates import Failed, Verdict, Waits
from ecr_tasks.plan.scanned_image import ScannedImage, ScannedPart


def scan_images(
    images: Mapping[str, tuple[Repository, StoredImage]],
    rules: ScanRules,
    registry: Target,
    evidence: Evidence,
    say: Callable[[str], None],
    waits: Waits,
    scanning: Mapping[str, Scanning],
    *,
    again: bool = False,
) -> tuple[ScannedImage, ...]:
    """Return the scans of images by name, with the verdict on each manifest.

    Missing scans are started where the ``scanning`` of the image's registry is given and lets us; with ``again`` all
    are. Raises RegistryError when the image of ``rules.than`` is missing.
    """
    checks = {
        name: scan_checks(repository, image, rules, registry, evidence, scanning.get(name), again=again)
        for name, (repository, image) in images.items()
    }
    judges = [judge for found in checks.values() for judge in _judges(found)]
    verdicts, _ = wait_for_verdicts(judges, say, waits)
    rest = iter(verdicts)
    scanned = []
    for name, (repository, image) in images.items():
        found = checks[name]
        if isinstance(found, Failed):
            scanned.append(ScannedImage(name, repository, image, (), next(rest)))
            continue
        parts = tuple(ScannedPart(check.part, check.scan.result, check.findings, next(rest)) for check in found)
        scanned.append(ScannedImage(name, repository, image, parts))
    return tuple(scanned)


def _judges(found: tuple[ScanCheck, ...] | Failed) -> list[Callable[[], Verdict]]:
    if isinstance(found, Failed):
        return [partial(_same, found)]
    return [check.judge for check in found]


def _same(verdict: Verdict) -> Verdict:
    return verdict
