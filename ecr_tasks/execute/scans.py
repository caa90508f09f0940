"""Read the scans of an image's manifests and judge them; start those that are missing, where that is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from ecr_tasks.errors import RegistryError
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Evidence, Target
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.scan import BASIC, ENHANCED, Scanning, ScanResult, ScanRules, StartRefusal
from ecr_tasks.plan.gates import Failed, Pending, Verdict
from ecr_tasks.plan.scan_failures import missing_scan, not_comparable, not_scanned, not_started, nothing_to_scan
from ecr_tasks.plan.scan_gate import (
    NEW_SECONDS,
    JudgedFinding,
    OtherFindings,
    judge_findings,
    judge_readiness,
    judge_scan,
    known_findings,
    other_findings,
)
from ecr_tasks.plan.scannable_parts import Part, scannable_parts

EVERYTHING = Scanning(ENHANCED, (("SCAN_ON_PUSH", ("*",)),))
"""Enhanced scanning of all repositories."""

AGAIN_AFTER = timedelta(hours=24)
"""The time after a basic scan in which ECR makes no other (ECR user guide, "Manually scanning an image")."""

EMPTY_LOOKS = 5
"""How often in a row ECR must say of a new image that its scan ended, without a result, until there are no findings.

For some seconds it says so before it has them (aws/aws-sdk#289); of a clean image it may say so for good.
"""


class PartScan:
    """The scan of one manifest.

    A missing one is started if the registry's ``scanning`` is given and lets us, with ``again`` another in any case.
    """

    def __init__(
        self, part: Part, evidence: Evidence, scanning: Scanning | None = None, *, again: bool = False
    ) -> None:
        self.part = part
        self.result: ScanResult | None = None
        self.age: float | None = None
        self._evidence = evidence
        self._scanning = scanning
        self._again = again
        self._started = False
        self._empty_looks = 0
        self._before: datetime | None = None
        self._settled: Failed | None = None

    def look(self) -> Failed | Pending | None:
        """Read the scan, unless it has ended before; return None when its findings are there."""
        if self._settled is not None:
            return self._settled
        verdict = None if self._is_ready() else self._look()
        if isinstance(verdict, Failed):
            self._settled = verdict
        return verdict

    def _is_ready(self) -> bool:
        return self.result is not None and judge_readiness(self.part, self.result) is None

    def _look(self) -> Failed | Pending | None:
        part = self.part
        scan = self._evidence.scan(part.repository, part.digest)
        if self._again and not self._started:
            return self._start_again(scan)
        if self._started and scan is not None and scan.completed is not None and scan.completed == self._before:
            scan = ScanResult("PENDING")  # the scan before the one that was started
        if scan is None and self._scanning is not None and not self._started:
            return self._begin(self._scanning)
        self.result, self.age = self._settle(scan), self._age() if scan is None and not self._started else None
        return judge_readiness(part, self.result, self.age)

    def _settle(self, scan: ScanResult | None) -> ScanResult | None:
        """Return a scan as complete that has ended and stays without a result: its image is clean."""
        if scan is None or scan.complete or not scan.has_ended:
            self._empty_looks = 0
            return scan
        self._empty_looks += 1
        age = self._age() if self._empty_looks == 1 and not self._started else None
        is_old = age is not None and age > NEW_SECONDS
        return replace(scan, complete=True) if is_old or self._empty_looks >= EMPTY_LOOKS else scan

    def _start_again(self, scan: ScanResult | None) -> Failed | Pending:
        """Start another scan; where ECR starts none, the present one is still shown."""
        now = datetime.now(timezone.utc)
        self._before = scan.completed if scan is not None else None
        is_basic = self._scanning is not None and self._scanning.kind == BASIC
        if is_basic and self._before is not None and self._before > now - AGAIN_AFTER:
            verdict: Failed | Pending = not_started(self.part, StartRefusal("limit"))  # the SDK would repeat ECR's no
        else:
            verdict = self._start()
        if isinstance(verdict, Failed):
            self.result = self._settle(scan)
        return verdict

    def _begin(self, scanning: Scanning) -> Failed | Pending | None:
        """Start the missing scan, or say why only the registry can."""
        if not scanning.is_enhanced:
            return self._start()
        if not scanning.scans(self.part.repository.name):
            return not_scanned(self.part, scanning)
        return self._await_inspector()

    def _await_inspector(self) -> Failed | Pending:
        """Wait for Inspector's scan of a new image; it has none of an old one."""
        verdict = judge_readiness(self.part, None, self._age())
        missing = missing_scan(self.part, enhanced=True)
        return replace(verdict, otherwise=missing) if isinstance(verdict, Pending) else missing

    def _start(self) -> Failed | Pending:
        refusal = self._evidence.start_scan(self.part.repository, self.part.digest)
        if refusal is not None and refusal.reason == "enhanced" and not self._again:
            self._scanning = EVERYTHING  # as far as anybody told us
            return self._await_inspector()
        self._started = True
        if refusal is not None:
            return not_started(self.part, refusal)
        late = Failed(f"The scan of {self.part} did not end while we waited.", "Run this again later.")
        return Pending(f"the scan of {self.part.short}", late)

    def _age(self) -> float | None:
        pushed = self._evidence.push_time(self.part.repository, self.part.digest)
        return (datetime.now(timezone.utc) - pushed).total_seconds() if pushed else None


class ScanCheck:
    """The gate on one manifest: its scan has ended, and its findings are such as the rules let through."""

    def __init__(self, scan: PartScan, rules: ScanRules, name: str, others: Sequence[PartScan]) -> None:
        self.scan = scan
        self._rules = rules
        self._name = name
        self._others = others

    @property
    def part(self) -> Part:
        """The manifest."""
        return self.scan.part

    def judge(self) -> Verdict:
        """Read what isn't known yet and return the verdict."""
        verdicts = [self.scan.look(), *(other.look() for other in self._others)]
        if isinstance(verdicts[0], Failed):
            return verdicts[0]
        others = [verdict for verdict in verdicts[1:] if verdict is not None]
        for verdict in others:
            if isinstance(verdict, Failed):
                return not_comparable(self._name, verdict)
        if verdicts[0] is not None:
            return verdicts[0]
        for verdict in others:
            if isinstance(verdict, Pending):
                return replace(verdict, otherwise=not_comparable(self._name, verdict.otherwise))
        return judge_scan(self.part, self.scan.result, self._rules, self.scan.age, self._other)

    @property
    def findings(self) -> tuple[JudgedFinding, ...]:
        """What becomes of each finding of the scan, as far as it was read."""
        if self.scan.result is None:
            return ()
        return judge_findings(self.scan.result, self._rules, known_findings(self.part, self._other))

    @property
    def _other(self) -> OtherFindings | None:
        scans = [(other.part, other.result) for other in self._others if other.result is not None]
        return other_findings(self._name, scans) if self._rules.than is not None else None


def scan_checks(
    repository: Repository,
    image: StoredImage,
    rules: ScanRules,
    registry: Target,
    evidence: Evidence,
    scanning: Scanning | None = None,
    *,
    again: bool = False,
) -> tuple[ScanCheck, ...] | Failed:
    """Return the checks of an image's manifests, or the verdict on an index without images.

    Missing scans are started if the registry's ``scanning`` is given and lets us; with ``again`` the image's are in
    any case. Reads the manifest of an index, and with ``rules.than`` the other image's. Raises RegistryError when
    that is missing.
    """
    parts = list(image_parts(registry, repository, image))
    if not parts:
        return nothing_to_scan(repository, image)
    name, others = "", list[PartScan]()
    if rules.than is not None:
        other = registry.image(repository, rules.than)
        if other is None:
            raise RegistryError(
                f"There is no {rules.than} in the repository {repository.name} to compare with.",
                "Correct --than, or leave it out until that tag is there.",
            )
        name = f"{rules.than} ({other.digest[:19]})"
        others = [PartScan(part, evidence, scanning) for part in image_parts(registry, repository, other)]
    return tuple(ScanCheck(PartScan(part, evidence, scanning, again=again), rules, name, others) for part in parts)


def image_parts(registry: Target, repository: Repository, image: StoredImage) -> Iterator[Part]:
    """Yield an image's manifests, each once, without attestations; an index within is replaced by its children."""
    image = registry.read(repository, image) if image.is_index else image
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
