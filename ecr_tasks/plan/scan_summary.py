"""Scanned images in Markdown, for CI systems that show a summary and for the file that every CI keeps."""

from __future__ import annotations

from collections.abc import Sequence

from ecr_tasks.ci.outputs.escape import code, markdown
from ecr_tasks.model.scan import describe_counts
from ecr_tasks.plan.scanned_image import FindingRow, ScannedImage, finding_rows

MOST_ROWS = 50
"""The most findings that a summary lists of an image: the failing ones come first, and the log has all."""

_HEADS = ("severity", "finding", "package", "version", "fixed in", "exploit", "platforms", "verdict")


def scan_summary(images: Sequence[ScannedImage]) -> str:
    """Return a section for each image: its numbers of findings, why it fails, and the first of the findings."""
    return "\n".join(_section(image) for image in images)


def _section(image: ScannedImage) -> str:
    verdict = f"**{len(image.failures)} of its scans fail**" if image.failures else "passed"
    lines = [f"### Scan of {code(image.name)}: {verdict}", ""]
    for part in image.parts:
        found = "no scan" if part.scan is None else part.scan.status if part.is_unread else None
        words = found or (describe_counts(part.scan.counts) if part.scan else "")
        lines.append(f"- {code(part.part.platform or image.reference)}: {markdown(words)}")
    lines += [f"- {markdown(failure.cause)} {markdown(failure.remedy)}" for failure in image.failures]
    rows = finding_rows([image])
    if rows:
        lines += ["", f"| {' | '.join(_HEADS)} |", "|---" * len(_HEADS) + "|"]
        lines += [f"| {' | '.join(_cells(row))} |" for row in rows[:MOST_ROWS]]
    if len(rows) > MOST_ROWS:
        lines += ["", f"{len(rows) - MOST_ROWS} more are in the log."]
    return "\n".join(lines) + "\n"


def _cells(row: FindingRow) -> tuple[str, ...]:
    finding, package = row.finding, row.package
    link = f"[{markdown(finding.name)}]({finding.uri})" if _is_plain_url(finding.uri) else markdown(finding.name)
    verdict = f"{row.state}: {row.reason}" if row.reason else row.state
    fixed = package.fixed or {"no": "no fix"}.get(row.has_fix, "")
    cells = (package.name, package.version, fixed, finding.exploit, ", ".join(row.platforms), verdict)
    return (markdown(finding.severity.lower()), link, *map(markdown, cells))


def _is_plain_url(text: str) -> bool:
    return text.startswith("https://") and not any(char in text for char in "()[]<>|\\`\"'") and text.isprintable()
