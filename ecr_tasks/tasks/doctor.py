"""The `doctor` task: say whether a push would work, what is in the way, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from invoke.exceptions import Exit

from ecr_tasks.console import Styled, document, result, say, working
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.model.finding import Finding
    from ecr_tasks.runner.run import Run


@task(
    help={
        "json": "one JSON document on stdout",
        "fix": "mend what is safe to mend on this machine, and say what was done",
    }
)
def doctor(run: Run, json: bool = False, fix: bool = False) -> None:
    """Say whether a push would work, and how to mend it."""
    from ecr_tasks.checks.readiness import findings
    from ecr_tasks.execute.mend import mend
    from ecr_tasks.model.finding import exit_code
    from ecr_tasks.runner.doctor import ask_everything

    with working("looking at this machine, the project and AWS"):
        found = list(findings(ask_everything(run)))
    mended: list[str] = []
    if fix and any(item.mends for item in found):
        mended = mend(found, run.machine, dry=run.dry)
        if not run.dry:
            run.forget()
            with working("looking once more"):
                found = list(findings(ask_everything(run)))
    if json:
        document(doctor_json(found, mended))
    else:
        show_findings(found)
        for line in mended:
            say(f"fix: {line}")
    if code := exit_code(found):
        raise Exit(code=code)


def show_findings(findings: Sequence[Finding]) -> None:
    """Print the page on stdout: a row for each finding with its remedy, and below them what they come to."""
    from ecr_tasks.tasks.findings import MEANINGS, findings_table

    findings_table(findings)
    count = {state: sum(item.state == state for item in findings) for state in MEANINGS}
    verdict = "A push would not work" if count["wrong"] else "A push would work"
    counted = ", ".join(f"{number} {state}" for state, number in count.items() if number)
    result("", (Styled(verdict, "bad" if count["wrong"] else "good"), f": {counted}."))
    if any(item.mends for item in findings):
        result("`inv doctor --fix` mends what is safe to mend on this machine.")


def doctor_json(findings: Sequence[Finding], mended: Sequence[str] = ()) -> dict[str, Any]:
    """Return the document of `doctor --json`."""
    from ecr_tasks.tasks.findings import finding_json

    return {
        "ok": not any(item.state == "wrong" for item in findings),
        "checks": [{**finding_json(item), "fixable": bool(item.mends)} for item in findings],
        "fixed": list(mended),
    }
