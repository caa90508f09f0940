"""The `verify` task: check everything about published images that must be so after a push."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from invoke.exceptions import Exit

from ecr_tasks.console import Styled, document, result, say
from ecr_tasks.runner.command_line import IMAGES, follows
from ecr_tasks.runner.decorator import chained_task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecr_tasks.model.finding import Finding
    from ecr_tasks.model.publication import PublishedImage
    from ecr_tasks.runner.earlier_results import EarlierResults
    from ecr_tasks.runner.run import Run


@chained_task(
    lambda result: None,
    may_be_positional="source",
    publishes=False,
    iterable=["image"],
    optional=["require_scan"],
    help={
        "source": "a tag, a sha256: digest, or host/repository@digest as push prints it; --source may be left out "
        "(default: what was pushed of this commit)",
        "image": IMAGES,
        "require-signature": "fail where ECR_SIGNED_BY says of nobody that their signature counts",
        "require-scan": "fail for scan findings as bad as this, or worse (default: ECR_SCAN_FAIL_ON)",
        "only-fixable": "of the scan's findings, only those that have a fix count",
        "than": "of the scan's findings, only those that the image of this tag doesn't have count",
        "json": "one JSON document on stdout",
    },
)
def verify(
    run: Run,
    earlier: EarlierResults,
    source: str | None = None,
    image: list[str] | None = None,
    require_signature: bool = False,
    require_scan: str | bool | None = None,
    only_fixable: bool = False,
    than: str | None = None,
    json: bool = False,
) -> None:
    """Check what was published, its signature included.

    One table and one exit code (6 where something is wrong) for tags, digest,
    platforms, media type, attestations, signature, scan, replication and the
    copies at the destinations.
    """
    from ecr_tasks.runner.publication import published_to_deploy
    from ecr_tasks.runner.verification import verify_images
    from ecr_tasks.tasks.promote import gates_of

    if require_scan is None and run.settings.scan_fail_on is not None:
        require_scan = True
    requires = require_signature or bool(run.settings.signed_by)
    gates = gates_of(run, require_scan, requires, None, only_fixable=only_fixable, than=than)
    if run.dry and source is None and follows("push"):
        say("would check what the push publishes")
        return
    from ecr_tasks.plan.gates import Gates

    images = published_to_deploy(run, earlier.receipt, source, image or [])
    found = verify_images(run, images, gates or Gates())
    if json:
        document({"ok": not _wrong(found), "images": [_as_json(key, value) for key, value in found.items()]})
    elif found:
        _show(found)
    if _wrong(found):
        from ecr_tasks.errors import ExitCode

        raise Exit(code=int(ExitCode.REFUSED))


def _wrong(found: Mapping[PublishedImage, Sequence[Finding]]) -> list[str]:
    return [item.name for findings in found.values() for item in findings if item.state == "wrong"]


def _show(found: Mapping[PublishedImage, Sequence[Finding]]) -> None:
    from ecr_tasks.tasks.findings import findings_table

    findings_table([item for findings in found.values() for item in findings], "where")
    if wrong := _wrong(found):
        verdict = (Styled("Not as it should be", "bad"), f": {', '.join(dict.fromkeys(wrong))}.")
    elif doubtful := [item.name for findings in found.values() for item in findings if item.state != "fine"]:
        verdict = (Styled("Nothing is wrong", "warning"), f", but look at: {', '.join(dict.fromkeys(doubtful))}.")
    else:
        verdict = (Styled("All is as it should be", "good"), ".")
    result("", verdict)


def _as_json(published: PublishedImage, findings: Sequence[Finding]) -> dict[str, Any]:
    from ecr_tasks.tasks.findings import finding_json

    return {
        "name": published.name,
        "reference": published.reference,
        "digest": published.digest,
        "tags": list(published.tags),
        "ok": all(item.state != "wrong" for item in findings),
        "checks": [finding_json(item) for item in findings],
    }
