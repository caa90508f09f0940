"""More registries (``ECR_DESTINATIONS``) in a run: looks at them while planning, brings what is published there."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.console import say, warn
from ecr_tasks.errors import EcrTasksError, SettingsError
from ecr_tasks.execute.destinations import Failed, spread
from ecr_tasks.execute.push import Published
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.image import Image
from ecr_tasks.model.ports import Target
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.plan.destinations import PlannedCopy, check_destinations, distinct, plan_copy, together
from ecr_tasks.plan.plan import Conflict, Plan, PlannedImage
from ecr_tasks.runner import ci_results as handing
from ecr_tasks.runner.create_repository import create
from ecr_tasks.runner.run import Run

PARALLEL = 8
"""How many looks at other registries go on at once, beside the look at this one."""

Found = Mapping[tuple[str, Destination], "RepositoryView | EcrTasksError"]
"""What the looks gave, by an image's repository here and the destination."""


def look_everywhere(run: Run, images: Sequence[Image]) -> tuple[Mapping[str, RepositoryView], Found]:
    """What the registry itself and every destination hold of the images, all asked at the same time.

    Two calls a repository. A destination's error is its own; raises those of the registry itself, and SettingsError
    for destinations that can't be meant.
    """
    destinations = run.settings.destinations
    check_destinations(destinations, len(images))
    asked = {image.repository: image.asked for image in images}
    if not destinations:
        return run.registry.describe(asked), {}
    keys = [(image, where) for image in images for where in distinct(destinations, image.repository)]
    targets = {where: run.target(where) for _, where in keys}
    run.registry.connect()
    here = [(run.registry, name, tags) for name, tags in asked.items()]
    there = [
        (targets[where], where.repository or image.repository, [tag.name for tag in image.tags])
        for image, where in keys
    ]
    found = map_parallel(_look, [*here, *there], PARALLEL, run.retrier)
    views = dict(zip(asked, found, strict=False))
    elsewhere = {
        (image.repository, where): view for (image, where), view in zip(keys, found[len(here) :], strict=True)
    }
    return {name: _whole(view) for name, view in views.items()}, elsewhere


def _look(wanted: tuple[Target, str, Sequence[str]]) -> RepositoryView | EcrTasksError:
    registry, name, tags = wanted
    try:
        return registry.describe({name: tags})[name]
    except EcrTasksError as error:
        return error


def _whole(view: RepositoryView | EcrTasksError) -> RepositoryView:
    if isinstance(view, EcrTasksError):
        raise view
    return view


def with_copies(run: Run, plan: Plan, found: Found | None) -> Plan:
    """The plan with what becomes of each image elsewhere; ``found`` is None where nobody looked.

    A destination that is the repository itself is a conflict; all else that is wrong with one is said and stops
    nothing here.
    """
    if not run.settings.destinations:
        return plan
    items, conflicts = [], list(plan.conflicts)
    for item in plan.images:
        wheres = distinct(run.settings.destinations, item.image.repository)
        made = [_planned(run, item, where, found) for where in wheres]
        conflicts += [Conflict(item.image.name, error) for copy in made if (error := _same_place(run, item, copy))]
        items.append(replace(item, copies=tuple(made)))
    return Plan(tuple(items), tuple(conflicts))


def _planned(run: Run, item: PlannedImage, where: Destination, found: Found | None) -> PlannedCopy:
    name = where.repository or item.image.repository
    view = found[item.image.repository, where] if found is not None else None

    def made(*, replicates: bool) -> PlannedCopy:
        return plan_copy(
            where,
            name,
            item.image.tags,
            view,
            None if item.build_needed else item.published,
            create_repository=run.settings.create_repository,
            replicates=replicates,
        )

    copy = made(replicates=False)
    # Whether ECR does it is asked only where there is something to do; a repository keeps its name on the way.
    if found is None or isinstance(view, EcrTasksError) or copy.is_there or where.is_public:
        return copy
    if name != item.image.repository or item.view is None or item.view.repository is None:
        return copy
    return made(replicates=True) if (where.account, where.region) in run.registry.replicates_to(name) else copy


def _same_place(run: Run, item: PlannedImage, copy: PlannedCopy) -> SettingsError | None:
    if item.view is None or copy.view is None:
        return None
    here, there = item.view.repository, copy.view.repository
    same = here.uri == there.uri if here and there else here is there and _same_name(run, item, copy)
    if not same:
        return None
    return SettingsError(
        f"ECR_DESTINATIONS names {copy.destination}, which is the repository that is pushed to anyway.",
        "Take it out: ECR_DESTINATIONS are registries besides.",
    )


def _same_name(run: Run, item: PlannedImage, copy: PlannedCopy) -> bool:
    """Whether what exists neither here nor there is one repository, by its name, region and account."""
    where = copy.destination
    if where.is_public or copy.repository != item.image.repository or where.region != run.registry.region():
        return False
    try:
        return where.account == (run.settings.account_id or run.registry.caller_account())
    except EcrTasksError:  # nobody says whose credentials these are: once created, the repositories tell
        return False


def create_missing(run: Run, plan: Plan) -> Plan:
    """Creates the destinations' repositories that are missing and may be created.

    One that can't be is that destination's trouble.
    """

    def made(copy: PlannedCopy) -> PlannedCopy:
        if not copy.creates_repository:
            return copy
        try:
            view = create(run, copy.repository, run.target(copy.destination))
        except EcrTasksError as error:
            return replace(copy, error=error, creates_repository=False)
        return replace(copy, view=view, creates_repository=False)

    return replace(plan, images=tuple(replace(item, copies=tuple(map(made, item.copies))) for item in plan.images))


def spread_image(run: Run, item: PlannedImage, done: Published) -> None:
    """Brings a published image to its destinations and notes in its entry where it is now, and where it isn't."""
    here = item.view.repository if item.view else None
    if not item.copies or here is None:
        return
    entry, began = run.entry(item.image.name), time.monotonic()
    due = [copy for copy in item.copies if copy.error is None and not copy.is_there]
    if due:
        say(f"{item.image.name}: on its way to {', '.join(copy.place for copy in due)}")
    targets = {copy.destination: run.target(copy.destination) for copy in item.copies}
    with handing.group(run, f"Copy {item.image.name}"):
        results = spread(
            *(item.image.name, done, here, item.copies, run.registry, targets, run.docker),
            say=say,
            warn=warn,
            retrier=run.retrier,
        )
    for result in results:
        if isinstance(result, Failed):
            entry.failed.append(result)
            warn(f"{item.image.name} is not in {result.copy.place}: {result.error}")
        else:
            entry.published.append(result)
            say(f"{result.registry}/{result.repository}: {result.state} {', '.join(result.tags)}")
    entry.seconds += time.monotonic() - began


def failure(run: Run) -> EcrTasksError | None:
    """The error that a run ends with when not every destination has everything; None when all have."""
    failed = {item.copy.place: item.error for entry in run.entries.values() for item in entry.failed}
    return together(failed) if failed else None


def hosts(run: Run, plan: Plan) -> dict[Destination, str]:
    """Each destination's host: as its repository tells it, or where there is none yet, as a token for it does."""
    told = {
        copy.destination: copy.view.repository.host
        for item in plan.images
        for copy in item.copies
        if copy.view is not None and copy.view.repository is not None
    }
    wheres = dict.fromkeys(copy.destination for item in plan.images for copy in item.copies)
    return {where: told.get(where) or _host(run, where) for where in wheres}


def _host(run: Run, where: Destination) -> str:
    """A token names the registry of the caller's own account; another account's has that account's number instead."""
    own = run.target(where).token().host
    return own if where.is_public else re.sub(r"^\d{12}(?=\.)", where.account, own)
