"""The `bases` task: the base images of each image, locked by digest in a file that is committed."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import Column, Styled, Text, document, result, result_table, say, warn, working
from ecr_tasks.errors import BuildError, EcrTasksError, NoSuchImage, Refused, SettingsError
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.plan.base_rows import BaseRow
    from ecr_tasks.runner.run import Run
    from ecr_tasks.source.bases import Base
    from ecr_tasks.source.bases_lock import Lock


@task(
    help={
        "update": "lock every base image at what its registry has now",
        "check": "change nothing, and exit with 6 if --update would",
        "json": "one JSON document on stdout",
    }
)
def bases(run: Run, update: bool = False, check: bool = False, json: bool = False) -> None:
    """Show the base images, or lock them by digest.

    The lock is the file ecr-bases.lock: commit it, and every build takes
    the images that it has, until --update.
    """
    from ecr_tasks.model.image import Fresh
    from ecr_tasks.plan.base_rows import base_row, differing
    from ecr_tasks.runner.images import builder_platform, planned_images
    from ecr_tasks.source.bases import all_bases, unknown_bases
    from ecr_tasks.source.bases_lock import NAME

    if update and check:
        raise SettingsError("--check changes nothing, and --update does.", "Leave out one of them.")
    builder = cache(partial(builder_platform, run))
    lock, is_malformed = _lock(run, update=update)
    with working("reading the project"):
        definitions = {image.name: image.definition for image in planned_images(run, Fresh(pull=True))}
        found = {name: tuple(all_bases(item, builder)) for name, item in definitions.items()}
    for name, definition in definitions.items():
        for item in definition.with_links():
            if reason := unknown_bases(item, builder):
                warn(f"{name} may be built on images that aren't known before the build: {reason}.")
    now: Lock | None = None
    if update or check:
        names = {base.name: base for items in found.values() for base in items if base.digest is None}
        now = _digests_now(run, names, lock or {})
    rows = [base_row(name, base, lock, now) for name, items in found.items() for base in items]
    _show(rows, json=json, lock=lock)
    if now is None:
        return
    differences = differing(now, lock or {})
    if check and (lock is None or differences):
        what = "is missing" if lock is None else f"is not up to date: {', '.join(differences)}"
        raise Refused(
            f"{NAME} {what}.",
            "Run `inv bases --update`, look at the difference and commit it.",
        )
    if update and not run.dry:
        _write(run, now, differences if lock is not None else sorted(now), anew=is_malformed)


def _lock(run: Run, *, update: bool) -> tuple[Lock | None, bool]:
    """Return the lock, and whether it is malformed (a merge with conflicts): then --update takes it for none."""
    from ecr_tasks.source.bases_lock import MalformedLock, read_lock

    try:
        return read_lock(run.project), False
    except MalformedLock as error:
        if not update:
            raise
        warn(f"{error.cause} All of it is locked anew.")
        return None, True


def _digests_now(run: Run, bases: dict[str, Base], lock: Lock) -> Lock:
    """Return what the registries have now. Raises the error of one that gives no digest of an image.

    An image that was never locked, that its registry says it doesn't have, and that the engine's store has, is None.
    """
    from ecr_tasks.execute.base_places import digests_now
    from ecr_tasks.runner.base_places import ask, mirrors

    with working("asking the registries"):
        answers = digests_now([*bases], mirrors(run), ask(run), say) if bases else {}
    digests: dict[str, str | None] = {}
    errors: dict[str, EcrTasksError] = {}
    for name, answer in answers.items():
        if not isinstance(answer, EcrTasksError):
            digests[name] = answer
        elif isinstance(answer, NoSuchImage) and lock.get(name) is None and _is_stored(run, bases[name].reference):
            warn(f"{name} is only in the engine's store, so it is not locked: {answer.cause}")
            digests[name] = None
        else:
            errors[name] = answer
    if errors:
        first = next(iter(errors.values()))
        causes = [error.cause if name in error.cause else f"{name}: {error.cause}" for name, error in errors.items()]
        if len(causes) == 1:
            raise type(first)(causes[0], first.remedy)
        raise type(first)(f"{len(causes)} base images can't be looked up:", first.remedy, causes)
    return digests


def _is_stored(run: Run, reference: str) -> bool:
    try:
        return run.docker.image_id(reference) is not None
    except BuildError:
        return False


def _show(rows: list[BaseRow], *, json: bool, lock: Lock | None) -> None:
    if json:
        document({"lock": lock is not None, "bases": [_json(row) for row in rows]})
        return
    if not rows:
        result("no image is built on one of a registry or of the engine")
        return
    columns = ("image", Column("base image", least=12), Column("digest", least=12), "state")
    result_table(columns, [_cells(row) for row in rows])


def _json(row: BaseRow) -> dict[str, Any]:
    base = row.base
    return {
        "image": row.image,
        "name": base.name,
        "written": base.reference,
        "digest": row.locked,
        "now": row.now,
        "state": row.state,
    }


def _cells(row: BaseRow) -> tuple[Text, ...]:
    from ecr_tasks.model.manifest import short_ids

    digest = row.locked or "-"
    state: Text = Styled(row.state, "warning") if row.state in ("has moved", "not locked") else row.state
    if row.state == "has moved" and row.now:
        state = (Styled("has moved", "warning"), " to ", Styled(row.now, short=short_ids(row.now)))
    return row.image, row.base.name, Styled(digest, short=short_ids(digest)), state


def _write(run: Run, lock: Lock, changed: list[str], *, anew: bool) -> None:
    from ecr_tasks.files import write_remedy
    from ecr_tasks.own_files import replace_file
    from ecr_tasks.source.bases_lock import NAME, lock_text

    if not changed and not anew and (run.project / NAME).exists():
        say(f"{NAME} is up to date")
        return
    try:
        replace_file(run.project / NAME, lock_text(lock).encode(), run.project)
    except OSError as error:
        raise SettingsError(f"{NAME} can't be written: {error.strerror}.", write_remedy(error)) from error
    gone = [f"{name} (no longer used)" for name in changed if name not in lock]
    locked = [name for name in changed if name in lock]
    say(f"wrote {NAME}: {', '.join([*locked, *gone]) or 'no base image'}; commit it")
