"""The `plan` task: show what `build push` would do and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_tasks.console import document, say, table
from ecr_tasks.model.manifest import short_digest, short_tag
from ecr_tasks.runner.decorator import task
from ecr_tasks.runner.run import Run

if TYPE_CHECKING:
    from ecr_tasks.model.image import Image
    from ecr_tasks.plan.destinations import PlannedCopy
    from ecr_tasks.plan.plan import Plan
    from ecr_tasks.plan.planned_image import PlannedImage
    from ecr_tasks.plan.tag_states import PlannedTag


@task(help={"json": "one JSON document on stdout"})
def plan(run: Run, json: bool = False) -> None:
    """Show what `build push` would do and why; change nothing."""
    from ecr_tasks.runner.publish_steps import start_job

    job = start_job(run, promises=True)
    if json:
        document(plan_json(job.plan))
        return
    show_plan(job.plan)
    if run.source.change_name:
        say(f"this run is for a {run.source.change_name}: no branch's tag moves")
    for conflict in job.plan.conflicts:
        say(f"{conflict.image}: in the way: {conflict.error}")


def show_plan(plan: Plan) -> None:
    """Print on stderr which images will be built and which tags they get; conflicts are not printed."""
    for item in plan.images:
        name = item.image.name if item.view is None else item.image.repository
        address = f"{item.registry}/{name}" if item.registry else name
        say(f"{address}: {'build' if item.build_needed else 'nothing to build'}, {item.because}")
        tags = (*item.tags, *([item.inputs_tag] if item.inputs_tag else []))
        now_column = ("now",) if item.view is not None else ()
        table(
            ("  tag", "kind", *now_column, "because"),
            [
                (f"  {short_tag(tag.tag.name)}", tag.tag.kind, *(_state(tag) for _ in now_column), tag.tag.because)
                for tag in tags
            ],
        )
        if item.creates_repository:
            say(f"  the repository {item.image.repository} will be created")
        for copy in item.copies:
            say(f"  {_copy_line(copy)}")


def plan_json(plan: Plan) -> dict[str, Any]:
    """Return the document of `plan --json`."""
    return {
        "images": [_image_json(item) for item in plan.images],
        "conflicts": [
            {"image": item.image, "cause": item.error.cause, "remedy": item.error.remedy} for item in plan.conflicts
        ],
    }


def _copy_line(copy: PlannedCopy) -> str:
    """Return a line about what will happen to an image at one destination."""
    if copy.error is not None:
        return f"not to {copy.address}: {copy.error}"
    if copy.view is None:
        return f"push brings it to {copy.address}"
    verb = "replicated by ECR to" if copy.transport == "replication" else "copied to"
    pending = ", ".join(f"{item.tag.name} {_state(item)}" for item in copy.tags if item.state != "present")
    if copy.is_present:
        return f"in {copy.address}: {pending or 'all there already'}"
    created = " (will be created)" if copy.creates_repository else ""
    return f"{verb} {copy.address}{created}: {pending}"


def _state(tag: PlannedTag) -> str:
    """Return the state of a tag in the registry as words."""
    if tag.state is None:
        return "not asked"
    if tag.state == "moves":
        return f"moves from {short_digest(tag.digest)}"
    if tag.digest:
        return f"{tag.state} {short_digest(tag.digest)}"
    return tag.state


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
