"""Hand a scan's findings to others: files for code hosts, and the CI's annotations and summary."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import say, serialize
from ecr_tasks.errors import SettingsError
from ecr_tasks.files import resolved
from ecr_tasks.own_files import replace_file

if TYPE_CHECKING:
    from ecr_tasks.model.scan import AcceptedFinding
    from ecr_tasks.plan.scanned_image import ScannedImage
    from ecr_tasks.runner.run import Run


def report_file(flag: str, text: str | None) -> Path | None:
    """Return the file that a flag names for a report, if any. Raises SettingsError for one that can't be written.

    It is replaced as a whole: that must be no device, such as /dev/null.
    """
    if text is None:
        return None
    path = resolved(Path(text))
    if text != "-" and path.parent.is_dir() and (path.is_file() or not path.exists()):
        return path
    reason = "its folder isn't there" if text != "-" and not path.parent.is_dir() else "it is no file"
    raise SettingsError(f"{flag} {text[:200]} can't be written: {reason}.", "Name a file in a folder that is there.")


def write_sarif(run: Run, path: Path, images: Sequence[ScannedImage], *, compares: bool) -> None:
    """Write the SARIF file. Raises SettingsError when it can't be written."""
    from ecr_tasks import __version__
    from ecr_tasks.plan.sarif import sarif

    files = dict.fromkeys((image.name for image in images), file) if (file := _built_from(run)) else {}
    _write(path, sarif(images, files, __version__, compares=compares))


def write_gitlab_report(path: Path, images: Sequence[ScannedImage]) -> None:
    """Write GitLab's report of a container scan. Raises SettingsError when it can't be written."""
    from ecr_tasks import __version__
    from ecr_tasks.plan.gitlab_report import gitlab_report

    _write(path, gitlab_report(images, __version__, datetime.now(timezone.utc)))


def _write(path: Path, document: Mapping[str, Any]) -> None:
    try:
        replace_file(path, f"{serialize(document)}\n".encode("utf-8", "backslashreplace"), path.parent)
    except OSError as error:
        raise SettingsError(
            f"{path} can't be written: {error.strerror}.", "Name a file in a folder that is there."
        ) from error
    say(f"wrote {path}")


def _built_from(run: Run) -> str | None:
    """Return the Dockerfile relative to the checkout, where there is one in it; several images may have several."""
    path = run.settings.dockerfile_path()
    root = run.source.root or run.project
    if run.settings.bake_file or path is None:
        return None
    relative = os.path.relpath(path, root)
    return Path(relative).as_posix() if path.is_file() and not relative.startswith("..") else None


def show_in_ci(
    run: Run, images: Sequence[ScannedImage], expired: Sequence[AcceptedFinding], unneeded: Sequence[AcceptedFinding]
) -> None:
    """Show the findings that fail, and entries that are expired or needless, in the CI: annotations and a summary."""
    if not run.in_ci:
        return
    from ecr_tasks.ci.outputs.adapter import Annotation
    from ecr_tasks.ci.outputs.names import SCAN
    from ecr_tasks.plan.scan_summary import scan_summary
    from ecr_tasks.plan.scanned_image import finding_rows
    from ecr_tasks.runner.ci_results import add_section, annotate

    file = _built_from(run)
    failing = [
        Annotation(
            "error",
            row.finding.name,
            f"{row.finding.severity.lower()}: {row.package.name or row.image} {row.package.version}".strip()
            + (f", fixed in {row.package.fixed}" if row.package.fixed else "")
            + (f" ({', '.join(row.platforms)})" if row.platforms else ""),
            file,
        )
        for row in finding_rows(images)
        if row.state == "fails"
    ]
    words = {entry: f"accepted until {entry.until}, so it counts again" for entry in expired}
    words |= dict.fromkeys(unneeded, "accepted, and no scan here has it")
    others = [Annotation("warning", str(entry), f"{entry.place}: {text}") for entry, text in words.items()]
    annotate(run, [*failing, *others])
    add_section(run, SCAN, scan_summary(images))
