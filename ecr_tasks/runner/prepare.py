"""Makes a run's plan: settings and source on one side, what registry and engine say on the other."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ecr_tasks.console import warn
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.image import Image
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.plan.cache import with_cache
from ecr_tasks.plan.image_labels import with_origins
from ecr_tasks.plan.image_store import keep_where, needs_engine_facts
from ecr_tasks.plan.images import images
from ecr_tasks.plan.plan import Conflict, Plan, make_plan
from ecr_tasks.runner.create_repository import create
from ecr_tasks.runner.destinations import create_missing, look_everywhere, with_copies
from ecr_tasks.runner.run import Run
from ecr_tasks.source.definitions.bake_file import bake_file


def planned(run: Run, *, ask: bool = True) -> Plan:
    """The plan of this run, made once; with ``ask`` the registry has been asked."""
    ask = ask and not run.registry_away
    if run.plan is None or (ask and any(image.view is None for image in run.plan.images)):
        run.plan = _make(run, ask=ask)
    return run.plan


def planned_images(run: Run) -> tuple[Image, ...]:
    """The images of the settings, or of the bake file they name."""
    file = bake_file(run.settings)
    targets = run.docker.targets(str(file)) if file else None
    return images(run.settings, run.source, os.environ, targets)


def _make(run: Run, *, ask: bool) -> Plan:
    chosen = _with_inputs(run, planned_images(run))
    if not ask:
        return with_copies(run, _made(run, chosen, None), None)
    views, elsewhere = look_everywhere(run, chosen)
    plan = _made(run, chosen, views)
    if plan.conflicts and (told := with_origins(plan, views, run.registry.labels)):
        plan = _made(run, chosen, told)
    plan = with_copies(run, plan, elsewhere)
    _warn_of_unshared(plan)
    return plan


def _with_inputs(run: Run, chosen: tuple[Image, ...]) -> tuple[Image, ...]:
    """What the images are made of, where that decides; docker is let in where base images are in ECR."""
    if run.settings.skip != "content":
        return chosen
    from ecr_tasks.source.build_context.ecr_hosts import ecr_hosts
    from ecr_tasks.source.inputs.collect import with_inputs

    hosts = {host: at for image in chosen for host, at in ecr_hosts(image.definition, run.settings).items()}

    def log_in(references: Iterable[str]) -> None:
        asked = {reference.partition("/")[0] for reference in references}
        run.let_in({host: region for host, region in hosts.items() if host in asked})

    return with_inputs(
        chosen,
        project=run.settings.project,
        docker=run.docker,
        builder=run.settings.builder,
        environ=os.environ,
        log_in=log_in,
    )


def _warn_of_unshared(plan: Plan) -> None:
    """Names what may be why no image has the same inputs: files that only this machine has."""
    for item in plan.images:
        found = item.image.inputs.unshared if item.image.inputs and item.build_needed else ()
        if found:
            from ecr_tasks.source.inputs.collect import name_some

            warn(
                f"The context of {item.image.name} carries files that git ignores ({name_some(found)}), so other "
                "machines have other inputs: add them to .dockerignore."
            )


def _made(run: Run, chosen: Sequence[Image], views: Mapping[str, RepositoryView] | None) -> Plan:
    """The plan against what the registry holds, with each image's cache and where it can be kept."""
    settings = run.settings
    repositories = {name: view.repository for name, view in views.items()} if views else {}
    cached = [
        replace(
            image,
            definition=with_cache(image.definition, settings.cache, repositories.get(image.repository)),
        )
        for image in chosen
    ]
    plan = make_plan(cached, run.source, views, create_repository=settings.create_repository, skip=settings.skip)
    return _with_keep(run, plan)


def _with_keep(run: Run, plan: Plan) -> Plan:
    """Asks the engine what it can hold, where that decides whether this can be built at all."""
    engine, items, conflicts = None, [], list(plan.conflicts)
    for item in plan.images:
        if item.build_needed and needs_engine_facts(item.image.definition):
            try:
                engine = engine or run.docker.engine(run.settings.builder)
                item = replace(item, keep=keep_where(item.image.definition, engine))
            except EcrTasksError as error:
                conflicts.append(Conflict(item.image.name, error))
        items.append(item)
    return Plan(tuple(items), tuple(conflicts))


def ensure_repositories(run: Run, plan: Plan) -> Plan:
    """Creates the repositories that are missing and may be created, and plans again with them."""
    missing = [item.image.repository for item in plan.images if item.creates_repository]
    if missing:
        views = {item.image.repository: item.view for item in plan.images if item.view is not None}
        for name in missing:
            views[name] = create(run, name)
        made = _made(run, [item.image for item in plan.images], views)
        items = zip(made.images, plan.images, strict=True)
        plan = replace(made, images=tuple(replace(new, copies=old.copies) for new, old in items))
    run.plan = create_missing(run, plan)
    return run.plan
