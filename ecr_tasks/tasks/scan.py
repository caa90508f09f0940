"""The `scan` task: show what the registry's scans found in published images, and fail by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import Column, Meaning, Styled, Text, document, result_table, say, warn, working
from ecr_tasks.errors import Refused
from ecr_tasks.runner.command_line import IMAGES
from ecr_tasks.runner.decorator import chained_task

if TYPE_CHECKING:
    from ecr_tasks.model.manifest import StoredImage
    from ecr_tasks.model.registry import Repository
    from ecr_tasks.model.scan import AcceptedFinding, Scanning, ScanRules
    from ecr_tasks.plan.scanned_image import FindingRow, ScannedImage, ScannedPart
    from ecr_tasks.runner.earlier_results import EarlierResults
    from ecr_tasks.runner.run import Run

_COLUMNS = (
    Column("severity"),
    Column("finding", meaning="strong", least=20),
    Column("package", least=8),
    Column("version", 6, least=8),
    Column("fixed in", 7, least=8),
    Column("fix", 5),
    Column("exploit", 5),
    Column("platforms", 2),
    Column("image", 3),
    Column("verdict", 8, least=10),
)
_WORDS = {"fails": "fails", "below": "", "known": "known", "accepted": "accepted", "no-fix": "no fix yet"}
_MEANINGS: Mapping[str, Meaning] = {"CRITICAL": "bad", "HIGH": "bad", "MEDIUM": "warning"}


@chained_task(
    lambda result: None,
    may_be_positional="source",
    publishes=False,
    iterable=["image"],
    help={
        "source": "a tag, a sha256: digest, or host/repository@digest as push prints it; --source may be left out "
        "(default: what was pushed of this commit)",
        "image": IMAGES,
        "fail-on": "the lowest severity that fails (default: ECR_SCAN_FAIL_ON; without it, none does)",
        "only-fixable": "only findings that have a fix fail",
        "than": "only findings fail that the image of this tag doesn't have, such as prod",
        "again": "have it scanned once more, which ECR does once in 24 hours",
        "timeout": "how long to wait for scans, such as 90s or 10m (default: 5m)",
        "sarif": "write the findings to this file too, as SARIF 2.1.0",
        "gitlab-report": "write them to this file too, as GitLab's container_scanning report",
        "json": "one JSON document on stdout instead of the table",
    },
)
def scan(
    run: Run,
    earlier: EarlierResults,
    source: str | None = None,
    image: list[str] | None = None,
    fail_on: str | None = None,
    only_fixable: bool = False,
    than: str | None = None,
    again: bool = False,
    timeout: str | None = None,
    sarif: str | None = None,
    gitlab_report: str | None = None,
    json: bool = False,
) -> None:
    """Show what the registry's scans found, and fail by it.

    Scans are started where there are none and awaited; each platform of an
    image has its own.
    """
    from dataclasses import replace

    from ecr_tasks.execute.scan_images import scan_images
    from ecr_tasks.plan import gates
    from ecr_tasks.plan.scan_gate import needless
    from ecr_tasks.plan.scanned_image import results
    from ecr_tasks.runner.scan_reports import report_file, show_in_ci, write_gitlab_report, write_sarif
    from ecr_tasks.runner.scan_rules import accepted_findings, parse_timeout, scan_rules

    run.private("scan")
    waits = gates.WAITS if timeout is None else replace(gates.WAITS, limit=parse_timeout(timeout))
    sarif_file = report_file("--sarif", sarif)
    gitlab_file = report_file("--gitlab-report", gitlab_report)
    rules = scan_rules(run, fail_on, "--fail-on", only_fixable=only_fixable, than=than, shows=True)
    with working("looking at the images"):
        images = _images(run, earlier, source, image or [])
        evidence = run.registry.evidence
        places = {repository.uri: repository for repository, _ in images.values()}
        by_place = {uri: evidence.scanning(repository) for uri, repository in places.items()}
        scanning = {name: by_place[repository.uri] for name, (repository, _) in images.items()}
    for text in dict.fromkeys(_scanning_words(item) for item in scanning.values()):
        say(text)
    with working("waiting for the scans"):
        scanned = scan_images(
            images,
            rules,
            run.registry,
            evidence,
            say,
            waits,
            {} if run.dry else scanning,
            again=again and not run.dry,
        )
    unneeded = needless(rules.accepted, results(scanned)) if all(not _unread(item) for item in scanned) else ()
    for entry in unneeded:
        warn(f"{entry.place}: {entry} is accepted, and no scan here has it. Take the entry out.")
    _warn_of_unknown_fixes(scanned, rules)
    _, expired = accepted_findings(run)
    if json:
        document(as_json(scanned, scanning, rules, expired, unneeded))
    else:
        show(scanned)
    if sarif_file is not None:
        write_sarif(run, sarif_file, scanned, compares=rules.than is not None)
    if gitlab_file is not None:
        write_gitlab_report(gitlab_file, scanned)
    show_in_ci(run, scanned, expired, unneeded)
    _refuse(scanned)


def show(images: Sequence[ScannedImage]) -> None:
    """Show a line for each manifest, and the findings in one table."""
    from ecr_tasks.model.manifest import short_digest
    from ecr_tasks.model.scan import describe_counts
    from ecr_tasks.model.wording import minute
    from ecr_tasks.plan.scanned_image import finding_rows

    for image in images:
        for part in image.parts:
            name = f"{image.repository.name}@{short_digest(part.part.digest)}"
            platform = f" ({part.part.platform})" if part.part.platform else ""
            if part.scan is None or part.is_unread:
                say(f"{name}{platform}: {'no scan' if part.scan is None else part.scan.status}")
                continue
            when = f", scanned {minute(part.scan.completed)}" if part.scan.completed else ""
            say(f"{name}{platform}: {describe_counts(part.scan.counts)}{when}")
    rows = finding_rows(images)
    if not rows:
        return
    left_out = [*(["image"] if len(images) == 1 else [])]
    left_out += [] if any(row.platforms for row in rows) else ["platforms"]
    left_out += [] if any(_WORDS[row.state] for row in rows) else ["verdict"]
    shown = [index for index, column in enumerate(_COLUMNS) if column.head not in left_out]
    cells = [_row(row) for row in rows]
    result_table([_COLUMNS[index] for index in shown], [[row[index] for index in shown] for row in cells])


def _row(row: FindingRow) -> tuple[Text, ...]:
    finding, package = row.finding, row.package
    verdict = _WORDS[row.state]
    return (
        Styled(finding.severity.lower(), _MEANINGS.get(finding.severity)),
        finding.name,
        package.name,
        package.version,
        package.fixed,
        row.has_fix,
        Styled(*(("yes", "bad") if finding.exploit == "yes" else ({"no": "no"}.get(finding.exploit, "?"),))),
        Styled(",".join(row.platforms), short=", ".join(row.platforms)),
        row.image,
        Styled(f"{verdict}: {row.reason}" if row.reason else verdict, "bad" if row.state == "fails" else None),
    )


def as_json(
    images: Sequence[ScannedImage],
    scanning: Mapping[str, Scanning],
    rules: ScanRules,
    expired: Sequence[AcceptedFinding],
    unneeded: Sequence[AcceptedFinding],
) -> dict[str, Any]:
    """Return the document of --json; ``level`` is the lowest severity that fails, null without one."""
    return {
        "passed": not any(image.failures for image in images),
        "level": rules.level,
        "only_fixable": rules.only_fixable,
        "than": rules.than,
        "images": [_image_json(image, scanning[image.name]) for image in images],
        "accepted": {
            "expired": [_entry_json(entry) for entry in expired],
            "needless": [_entry_json(entry) for entry in unneeded],
        },
    }


def _image_json(image: ScannedImage, scanning: Scanning) -> dict[str, Any]:
    from ecr_tasks.tasks.findings import problem_json

    return {
        "name": image.name,
        "registry": image.repository.host,
        "repository": image.repository.name,
        "digest": image.image.digest,
        "reference": image.reference,
        "scanning": {"type": scanning.kind or None, "version": scanning.version or None},
        "passed": not image.failures,
        "problems": [problem_json(failure) for failure in image.failures],
        "scans": [_part_json(part) for part in image.parts],
    }


def _part_json(part: ScannedPart) -> dict[str, Any]:
    scan = part.scan
    return {
        "platform": part.part.platform or None,
        "digest": part.part.digest,
        "status": scan.status if scan else None,
        "description": (scan.description or None) if scan else None,
        "completed": scan.completed.isoformat() if scan and scan.completed else None,
        "counts": {name.lower(): count for name, count in (scan.counts if scan else {}).items()},
        "passed": _passed(part),
        "findings": [
            {
                "id": judged.finding.name,
                "severity": judged.finding.severity.lower(),
                "packages": [
                    {
                        "name": package.name,
                        "version": package.version or None,
                        "fixed_in": package.fixed or None,
                        "path": package.path or None,
                    }
                    for package in judged.finding.packages
                ],
                "fix_available": judged.finding.fix,
                "exploit_available": judged.finding.exploit,
                "uri": judged.finding.uri or None,
                "description": judged.finding.description or None,
                "state": judged.state,
                "reason": judged.reason.reason if judged.reason else None,
                "until": judged.reason.until.isoformat() if judged.reason and judged.reason.until else None,
            }
            for judged in part.findings
        ],
    }


def _entry_json(entry: AcceptedFinding) -> dict[str, Any]:
    return {
        "id": entry.name,
        "package": entry.package,
        "reason": entry.reason,
        "until": entry.until.isoformat() if entry.until else None,
        "place": entry.place,
    }


def _images(
    run: Run, earlier: EarlierResults, source: str | None, names: Sequence[str]
) -> dict[str, tuple[Repository, StoredImage]]:
    """Return the images to scan by name, each with its repository."""
    from ecr_tasks.plan.promotion import missing_image
    from ecr_tasks.runner.publication import in_registry, published_to_deploy

    images = {}
    for published in in_registry(run, published_to_deploy(run, earlier.receipt, source, names), None):
        view = run.registry.find(published.repository, [published.digest])
        image = view.tags.get(published.digest)
        if view.repository is None or image is None:
            raise missing_image(published.digest, published.repository)
        images[published.name] = (view.repository, image)
    return images


def _refuse(images: Sequence[ScannedImage]) -> None:
    """Raise Refused with each verdict that fails, if there is one."""
    failures = list(dict.fromkeys(failure for image in images for failure in image.failures))
    if len(failures) == 1:
        raise Refused(failures[0].cause, failures[0].remedy)
    if failures:
        remedies = {failure.remedy for failure in failures}
        together = len(remedies) == 1
        details = [failure.cause if together else f"{failure.cause} {failure.remedy}" for failure in failures]
        remedy = remedies.pop() if together else "Mend each and run this again."
        raise Refused(f"{len(failures)} scans don't pass:", remedy, details)


def _passed(part: ScannedPart) -> bool:
    from ecr_tasks.plan.gates import Passed

    return isinstance(part.verdict, Passed)


def _unread(image: ScannedImage) -> bool:
    return image.whole is not None or any(part.is_unread for part in image.parts)


def _scanning_words(scanning: Scanning) -> str:
    return f"The registry has {scanning.words}." if scanning.kind else "How the registry scans isn't known."


def _warn_of_unknown_fixes(images: Sequence[ScannedImage], rules: ScanRules) -> None:
    """Say that findings of which nobody said whether they have a fix fail as if they had one."""
    if not rules.only_fixable:
        return
    unknown = [
        judged
        for image in images
        for part in image.parts
        for judged in part.findings
        if judged.state == "fails" and judged.finding.fix == "unknown"
    ]
    if unknown:
        warn(
            f"Failing findings of which nobody says whether there is a fix: {len(unknown)} (basic scanning never "
            "says it). --only-fixable takes them for fixable."
        )
