"""The main job as the tasks call it: build and push. Settings + source → plan → receipt."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from ecr_tasks.checks.leaked_keys import check_leaked_keys
from ecr_tasks.checks.receipt_in_context import receipt_in_context
from ecr_tasks.console import data, say, short, warn
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.execute.build import Built, build, build_key, still_there
from ecr_tasks.execute.push import Published, publish
from ecr_tasks.model.registry import Repository
from ecr_tasks.plan.plan import Plan, PlannedImage
from ecr_tasks.runner import ci_results as handing
from ecr_tasks.runner import receipt
from ecr_tasks.runner.destinations import failure, spread_image
from ecr_tasks.runner.prepare import ensure_repositories, planned
from ecr_tasks.runner.run import Run
from ecr_tasks.source.build_context.ecr_hosts import ecr_hosts
from ecr_tasks.source.definitions.bake_file import bake_file
from ecr_tasks.tasks import plan_view as show


def build_images(run: Run, *, push_follows: bool) -> None:
    """The `build` task: leaves every planned image in the local store.

    When a push follows in the same command, what is published already is neither built nor stored; by itself,
    a build asks nobody but docker (and ECR only where the cache lives there).
    """
    ask = push_follows or run.settings.cache == "registry"
    plan = planned(run, ask=ask)
    show.plan(plan)
    plan.check()
    if run.dry:
        return
    plan = ensure_repositories(run, plan)
    if push_follows:
        plan = _in_turn(run, plan)
    needed = [item for item in plan.images if item.build_needed or not push_follows]
    if needed:
        _build(run, needed)
        receipt.write(run.project, run.source, run.entries)
    if not push_follows:
        handing.results(run, plan)


def push_images(run: Run) -> None:
    """The `push` task: publishes what was built, builds first what was not, and prints the references."""
    fresh = run.plan is None
    plan = planned(run)
    if fresh:
        show.plan(plan)
    plan.check()
    if run.dry:
        return
    plan = _in_turn(run, ensure_repositories(run, plan))
    _recall(run, plan)
    unbuilt = [item for item in plan.images if item.build_needed and run.entry(item.image.name).built is None]
    if unbuilt:
        _build(run, unbuilt)
    try:
        for item in plan.images:
            spread_image(run, item, _publish(run, item))
    except BaseException:
        handing.results(run, plan, complete=False)
        raise
    finally:  # what is published is told, whatever came after it
        run.push_locks.release_all()
        receipt.write(run.project, run.source, run.entries)
    failed = failure(run)
    handing.results(run, plan, complete=failed is None)
    for item in plan.images:
        for done in run.entry(item.image.name).published:
            data(done.reference)
    if failed is not None:
        raise failed


def _in_turn(run: Run, plan: Plan) -> Plan:
    """Takes this run's turn at every image that is to be built; after a wait, the registry is asked anew."""
    due = sorted({reference for item in plan.images if item.build_needed for reference in item.turns})
    waits = [
        run.push_locks.acquire(reference, lambda name: say(f"waiting: another run publishes {name}"))
        for reference in due
    ]
    if not any(waits):
        return plan
    run.plan = None
    plan = planned(run)
    show.plan(plan)
    plan.check()
    return plan


def _build(run: Run, needed: Sequence[PlannedImage]) -> None:
    """Builds and remembers; the registries of base images are logged in to first."""
    settings, definitions = run.settings, [item.image.definition for item in needed]
    if bake_file(settings) is None:
        settings.require_dockerfile()
    check_leaked_keys(settings, run.source, definitions)
    if receipt_in_context(definitions):
        warn("The build context carries .ecr-tasks/, which changes at every run: add it to .dockerignore.")
    run.let_in({host: region for item in definitions for host, region in ecr_hosts(item, settings).items()})
    if settings.cache == "registry":
        run.let_in({item.registry: None for item in needed if item.registry})
    try:
        with handing.group(run, f"Build {', '.join(item.image.name for item in needed)}"):
            built = _built(run, needed)
        if settings.skip == "content":
            from ecr_tasks.source.inputs.collect import check_unchanged

            images = [item.image for item in needed]
            check_unchanged(images, project=settings.project, environ=os.environ)
    except BaseException:
        run.push_locks.release_all()
        raise
    for name, result in built.items():
        entry = run.entry(name)
        entry.built, entry.published, entry.failed = result, [], []
        entry.seconds += result.seconds
        say(f"{name}: built {result.digest or result.image_id} in {result.seconds:.1f} s")


def _built(run: Run, needed: Sequence[PlannedImage]) -> dict[str, Built]:
    return build(
        [item.image for item in needed],
        run.source,
        run.docker,
        builder=run.settings.builder,
        keep={item.image.name: item.keep for item in needed},
        references={
            item.image.name: item.reference
            for item in needed
            if item.reference and run.push_locks.has(item.reference)
        },
    )


def _recall(run: Run, plan: Plan) -> None:
    """Takes over what an earlier run built, where it is exactly what this plan asks for and still there."""
    before = receipt.last_built(run.project)
    for item in plan.images:
        entry, built = run.entry(item.image.name), before.get(item.image.name)
        if entry.built is not None or built is None or not item.build_needed:
            continue
        if item.rebuilds and item.published is not None:  # what was built before may be just that
            continue
        key = build_key(item.image.definition, run.source)
        if key is not None and built.key == key and still_there(built, run.docker):
            say(f"{built.name}: built before, {short(built.digest or built.image_id)}")
            entry.built = built


def _publish(run: Run, item: PlannedImage) -> Published:
    entry = run.entry(item.image.name)
    began = time.monotonic()
    with handing.group(run, f"Publish {item.image.name}"):
        done = publish(item, entry.built, run.docker, run.registry, builder=run.settings.builder, warn=warn)
    for reference in item.turns:
        run.push_locks.release(reference)
    entry.published, entry.failed = [done], []
    entry.platforms = tuple(platform for platform, _ in done.image.children)
    # An index's size is its images', which are only asked for when there is something new to tell.
    entry.sizes = _sizes(run, done) if entry.built is not None else {}
    entry.size = sum(entry.sizes.values()) if entry.sizes else done.image.size
    entry.seconds += time.monotonic() - began
    say(f"{done.name}: {done.state} {', '.join(done.tags)}")
    return done


def _sizes(run: Run, done: Published) -> dict[str, int]:
    """An index's images by platform, in compressed bytes; empty for a single image, which knows its own size.

    Everything is published by now: ECR not telling the sizes is no reason to fail.
    """
    if not done.image.is_index:
        return {}
    repository = Repository(done.repository, "", f"{done.registry}/{done.repository}")
    try:
        children = run.registry.images(repository, [digest for _, digest in done.image.children])
    except EcrTasksError as error:
        warn(f"{done.name} is published, but its size is not known: {error.cause}")
        return {}
    sizes = ((platform, children.get(digest)) for platform, digest in done.image.children)
    return {platform: image.size or 0 for platform, image in sizes if image is not None}
