"""The `plan` task: show what `build push` would do and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from invoke.exceptions import Exit

from ecr_tasks.console import Column, Meaning, Styled, document, result, result_table, say, table
from ecr_tasks.errors import ExitCode
from ecr_tasks.runner.decorator import task
from ecr_tasks.runner.run import Run

if TYPE_CHECKING:
    from ecr_tasks.model.image import Image
    from ecr_tasks.plan.destinations import PlannedCopy
    from ecr_tasks.plan.plan import Plan
    from ecr_tasks.plan.planned_image import PlannedImage
    from ecr_tasks.plan.tag_states import PlannedTag
    from ecr_tasks.runner.publish_steps import Job

_MEANINGS: Mapping[str, Meaning] = {"new": "add", "present": "dim", "locked": "bad"}


@task(help={"json": "one JSON document on stdout"})
def plan(run: Run, json: bool = False) -> None:
    """Show what `build push` would do and why.

    Nothing is changed. It exits with 6 when something is in the way.
    """
    from ecr_tasks.runner.publish_steps import start_job

    job = start_job(run, promises=True)
    if json:
        document(plan_json(job.plan))
    else:
        _show_job(run, job)
    if job.plan.conflicts:
        raise Exit(code=int(ExitCode.REFUSED))


def _show_job(run: Run, job: Job) -> None:
    show_plan(job.plan, result, result_table)
    if run.source.change_name:
        result(f"this run is for a {run.source.change_name}: no branch's tag moves")
    for conflict in job.plan.conflicts:
        result((Styled(conflict.image, "strong"), ": ", Styled("in the way:", "bad"), f" {conflict.error}"))


def show_plan(plan: Plan, line: Callable[..., None] = say, grid: Callable[..., None] = table) -> None:
    """Print what will be built, where it goes and which tags it gets; conflicts are not printed.

    ``line`` and ``grid`` are what prints a line and a table: on stderr, or on stdout where the plan is the result.
    """
    from ecr_tasks.model.manifest import short_tag

    for item in plan.images:
        line(*[""] * (item is not plan.images[0]), (Styled(item.image.name, "strong"), ": ", *_build_parts(item)))
        address = f"{item.registry}/{item.image.repository}" if item.registry else item.image.repository
        created = ", a repository that will be created" if item.creates_repository else ""
        if item.view is not None:
            line((Styled("  to   ", "dim"), address, Styled(created, "add")))
        tags = (*item.tags, *([item.inputs_tag] if item.inputs_tag else []))
        now_column = (Column("now", 3),) if item.view is not None else ()
        grid(
            (Column("tag"), *now_column, Column("kind", 1), Column("because", 2)),
            [
                (
                    Styled(tag.tag.name, short=short_tag(tag.tag.name)),
                    *(_state(tag) for _ in now_column),
                    tag.tag.kind,
                    tag.tag.because,
                )
                for tag in tags
            ],
            indent=2,
        )
        for copy in item.copies:
            line(("  ", *_copy_parts(copy)))


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return the document of `plan --json`."""
    return {
        "images": [_image_json(item) for item in plan.images],
        "conflicts": [
            {"image": item.image, "cause": item.error.cause, "remedy": item.error.remedy} for item in plan.conflicts
        ],
    }


def _build_parts(item: PlannedImage) -> tuple[str | Styled, ...]:
    """Return whether an image is built, for which platforms, and why."""
    if not item.build_needed:
        return Styled("nothing to build", "dim"), f", {item.because}"
    platforms = ", ".join(item.image.definition.platforms)
    return Styled("build", "good"), f" for {platforms}" if platforms else "", f", {item.because}"


def _copy_parts(copy: PlannedCopy) -> tuple[str | Styled, ...]:
    """Return a line about what will happen to an image at one destination."""
    if copy.error is not None:
        return Styled("not to", "bad"), f" {copy.address}: {copy.error}"
    if copy.view is None:
        return (f"push brings it to {copy.address}",)
    verb = "replicated by ECR to" if copy.transport == "replication" else "copied to"
    pending: list[str | Styled] = []
    for item in copy.tags:
        if item.state != "present":
            pending += [", "] if pending else []
            pending += [f"{item.tag.name} ", *_state(item)]
    if copy.is_present:
        return (f"in {copy.address}: ", *(pending or [Styled("all there already", "dim")]))
    created = Styled(" (will be created)" if copy.creates_repository else "", "add")
    return Styled(verb, "good"), f" {copy.address}", created, ": ", *pending


def _state(tag: PlannedTag) -> tuple[str | Styled, ...]:
    """Return the state of a tag in the registry as words."""
    from ecr_tasks.model.manifest import short_digest

    digest = Styled(f" {tag.digest}", short=f" {short_digest(tag.digest)}") if tag.digest else ""
    if tag.state is None:
        return (Styled("not asked", "dim"),)
    if tag.state == "moves":
        return Styled("moves from", "warning"), digest
    return Styled(tag.state, _MEANINGS.get(tag.state)), digest


def _image_json(item: PlannedImage) -> dict[str, Any]:
    return {
        "name": item.image.name,
        "repository": item.image.repository,
        "registry": item.registry,
        "creates_repository": item.creates_repository,
        "build": {"needed": item.build_needed, "because": item.because},
        "inputs": _inputs_json(item.image),
        "tags": [_tag_json(tag) for tag in item.tags],
        "destinations": [_copy_json(copy) for copy in item.copies],
    }


def _inputs_json(image: Image) -> dict[str, Any] | None:
    inputs = image.inputs
    return {"digest": inputs.digest, "tag": inputs.tag, "because": inputs.unknown_reason} if inputs else None


def _tag_json(item: PlannedTag) -> dict[str, Any]:
    return {
        "tag": item.tag.name,
        "kind": item.tag.kind,
        "state": item.state,
        "digest": item.digest,
        "because": item.tag.because,
    }


def _copy_json(copy: PlannedCopy) -> dict[str, Any]:
    repository = copy.view.repository if copy.view else None
    return {
        "destination": str(copy.destination),
        "registry": repository.host if repository else None,
        "repository": copy.repository,
        "by": copy.transport,
        "creates_repository": copy.creates_repository,
        "tags": [_tag_json(item) for item in copy.tags],
        "error": {"cause": copy.error.cause, "remedy": copy.error.remedy} if copy.error else None,
    }
