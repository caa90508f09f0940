"""Shows a plan to people, on stderr."""

from __future__ import annotations

from ecr_tasks.console import document, say, short, table
from ecr_tasks.model.manifest import short_tag
from ecr_tasks.plan.destinations import PlannedCopy
from ecr_tasks.plan.plan import Plan
from ecr_tasks.plan.retag import PlannedTag


def plan_document(plan: Plan) -> None:
    """The plan as `plan --json` prints it."""
    document(plan.as_json())


def plan(plan: Plan) -> None:
    """What will be built and under which tags; what stands in the way is an error, or :func:`conflicts`."""
    for item in plan.images:
        if item.view is None:
            say(f"{item.image.name}: build, {item.because}")
            rows = [(f"  {tag.tag.name}", tag.tag.kind, tag.tag.because) for tag in item.tags]
            table(("  tag", "kind", "because"), rows)
        else:
            where = f"{item.registry}/{item.image.repository}" if item.registry else item.image.repository
            say(f"{where}: {'build' if item.build_needed else 'nothing to build'}, {item.because}")
            states = [(f"  {tag.tag.name}", tag.tag.kind, _now(tag), tag.tag.because) for tag in item.tags]
            if inputs := item.inputs_state:
                states.append((f"  {short_tag(inputs.tag.name)}", inputs.tag.kind, _now(inputs), inputs.tag.because))
            table(("  tag", "kind", "now", "because"), states)
        if item.creates_repository:
            say(f"  the repository {item.image.repository} will be created")
        for copy in item.copies:
            say(f"  {_elsewhere(copy)}")


def conflicts(plan: Plan) -> None:
    """What stands in the way of a plan that is only shown."""
    for conflict in plan.conflicts:
        say(f"{conflict.image}: in the way: {conflict.error}")


def _elsewhere(copy: PlannedCopy) -> str:
    """What becomes of an image in one more registry."""
    if copy.error is not None:
        return f"not to {copy.place}: {copy.error}"
    if copy.view is None:
        return f"push brings it to {copy.place}"
    how = "replicated by ECR to" if copy.by == "replication" else "copied to"
    due = [f"{item.tag.name} {_now(item)}" for item in copy.tags if item.state != "present"]
    if copy.is_there:
        return f"in {copy.place}: {', '.join(due) or 'all there already'}"
    created = " (will be created)" if copy.creates_repository else ""
    return f"{how} {copy.place}{created}: {', '.join(due)}"


def _now(tag: PlannedTag) -> str:
    if tag.state is None:
        return "not asked"
    if tag.state == "moves":
        return f"moves from {short(tag.digest)}"
    if tag.digest:
        return f"{tag.state} {short(tag.digest)}"
    return tag.state
