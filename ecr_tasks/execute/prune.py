"""Delete or archive what a decision lets go: in its order, a hundred at a time, after one more look at each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.ports import Removal
from ecr_tasks.plan.prune.decide import Decision, Verdict

BATCH = 100


@dataclass
class Outcome:
    """What became of what was to go from one repository; it is filled as the work goes on.

    ``gone`` is deleted or archived, ``changed`` was left because it changed meanwhile, ``failed`` what ECR refused;
    the texts are the reasons.
    """

    gone: list[Verdict] = field(default_factory=list)
    changed: list[tuple[Verdict, str]] = field(default_factory=list)
    failed: list[tuple[Verdict, str]] = field(default_factory=list)


def still_going(shown: Decision, now: Decision) -> tuple[tuple[tuple[Verdict, ...], ...], list[tuple[Verdict, str]]]:
    """Return what was shown and still goes, in its order, and what was shown and stays after all, with the reason."""
    before = {verdict.detail.digest: verdict for verdict in shown.all_going}
    same = tuple(tuple(item for item in wave if _is_same(item, before.get(item.detail.digest))) for wave in now.going)
    left = {item.detail.digest for wave in same for item in wave}
    reasons = {verdict.detail.digest: verdict.because for verdict in now.staying}
    changed = [
        (verdict, reasons.get(digest, "it is gone already, or its tags changed"))
        for digest, verdict in before.items()
        if digest not in left
    ]
    return same, changed


def _is_same(now: Verdict, before: Verdict | None) -> bool:
    return before is not None and before.detail.tags == now.detail.tags


def remove(
    name: str,
    waves: Sequence[Sequence[Verdict]],
    removal: Removal,
    outcome: Outcome,
    *,
    archive: bool,
    progress: Callable[[int], None],
) -> None:
    """Delete or archive images of a repository, and record in ``outcome`` what became of each.

    What belongs to something that is still there stays with it. ``progress`` is told how many are done, as far as ECR
    says so.
    """
    gone: set[str] = set()
    for wave in waves:
        due: list[Verdict] = []
        for verdict in wave:
            owner = next((owner for owner in verdict.owners if owner not in gone), None)
            if owner is None:
                due.append(verdict)
            else:
                outcome.changed.append((verdict, f"{owner[:19]}, which it belongs to, is still there"))
        done = len(outcome.gone)
        for start in range(0, len(due), BATCH):
            _remove_batch(name, due[start : start + BATCH], removal, outcome, archive=archive)
            progress(len(outcome.gone))
        if not archive:
            _find_kept(name, outcome, done, removal)
        gone |= {verdict.detail.digest for verdict in outcome.gone[done:]}


def _find_kept(name: str, outcome: Outcome, start: int, removal: Removal) -> None:
    """Take out of what is gone, from ``start`` on, what lost the tags that were looked at and got one in that moment.

    ECR's answer doesn't tell, and what belongs to such an image has to stay with it.
    """
    if not any(verdict.detail.tags for verdict in outcome.gone[start:]):
        return
    there = {detail.digest: detail.tags for detail in removal.details(name)}
    kept = [verdict for verdict in outcome.gone[start:] if verdict.detail.digest in there]
    outcome.gone[start:] = [verdict for verdict in outcome.gone[start:] if verdict.detail.digest not in there]
    for verdict in kept:
        tags = ", ".join(there[verdict.detail.digest]) or "none"
        outcome.changed.append((verdict, f"its tags changed in that moment, and are now {tags}"))


def _remove_batch(name: str, batch: Sequence[Verdict], removal: Removal, outcome: Outcome, *, archive: bool) -> None:
    # What refers to an image that is gone may have gone with it, and one missing image fails the look at all.
    followers = [verdict for verdict in batch if not archive and verdict.detail.belongs_to in verdict.owners]
    others = [verdict for verdict in batch if verdict not in followers]
    tags = removal.tags(name, [verdict.detail.digest for verdict in others]) if others else {}
    due = list(followers)
    for verdict in others:
        now = tags.get(verdict.detail.digest)
        if now is None:
            outcome.changed.append((verdict, "it is gone already"))
        elif now != verdict.detail.tags:
            outcome.changed.append((verdict, f"its tags are now {', '.join(now) or 'none'}"))
        else:
            due.append(verdict)
    if not due:
        return
    try:
        if archive:
            active = [verdict.detail.digest for verdict in due if verdict.detail.status == "ACTIVE"]
            failures = removal.set_storage_class(name, active, "ARCHIVE")
        else:
            failures = removal.delete(name, {verdict.detail.digest: verdict.detail.tags for verdict in due})
    except BaseException as error:  # also Ctrl-C: ECR may have done what it was asked
        cause = error.cause if isinstance(error, EcrTasksError) else f"{type(error).__name__} while ECR was asked"
        outcome.failed += [(verdict, f"it may be gone or not: {cause}") for verdict in due]
        raise
    for verdict in due:
        if reason := failures.get(verdict.detail.digest):
            outcome.failed.append((verdict, reason))
        else:
            outcome.gone.append(verdict)
