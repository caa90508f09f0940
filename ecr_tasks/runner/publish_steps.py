"""The steps of the tasks `build` and `push`: plan, lock, build, create missing repositories and publish.

Each step takes the job that the step before it returned, and returns it with its own results. Modules that only some
runs need are imported inside functions, so that a run that finds everything published is fast.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from ecr_tasks.clients.absent_registry import AbsentRegistryError
from ecr_tasks.console import say, warn, warn_once, working
from ecr_tasks.errors import BuildError, EcrTasksError, RegistryError
from ecr_tasks.execute.build import build, reuse_earlier_builds
from ecr_tasks.execute.from_builder import what_is_kept
from ecr_tasks.execute.look_at_registries import engine_or_error, look_at_registries
from ecr_tasks.execute.push import publish_image
from ecr_tasks.model.image import Image
from ecr_tasks.model.manifest import short_ids, short_tags
from ecr_tasks.model.ports import Engine
from ecr_tasks.model.receipt import Built, ImageReceipt, Published, Receipt, Source
from ecr_tasks.plan.conflicts import Conflict
from ecr_tasks.plan.image_store import needs_engine
from ecr_tasks.plan.plan import Plan, make_plan
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.runner import ci_results, receipt_file
from ecr_tasks.runner.images import planned_images
from ecr_tasks.runner.plan_warnings import warn_of_builds, warn_of_plan
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.source_state import SourceState

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run


@dataclass(frozen=True)
class Job:
    """The state of `build` and `push`: the images, the snapshot of the registries, the plan, and the finished builds.

    ``snapshot`` is None when the registries were not read. ``obstacles`` are those conflicts of the plan that are in
    the way of a build. ``engine`` is only read with ``builds_all``, when every image is built, also without need.
    ``read_at`` is the time of the snapshot, on the clock that only goes on.
    """

    settings: Settings
    images: tuple[Image, ...]
    snapshot: Snapshot | None
    plan: Plan
    built: Mapping[str, Built] = field(default_factory=dict)
    republish: bool = False
    builds_all: bool = False
    engine: Engine | EcrTasksError | None = None
    obstacles: tuple[Conflict, ...] = ()
    read_at: float = 0.0

    @property
    def is_fresh(self) -> bool:
        """Return whether the registries were read just now: no build, no wait and no other task came in between."""
        return time.monotonic() - self.read_at < FRESH_SECONDS


FRESH_SECONDS = 2.0
"""How long what was read of the registries counts as read just now."""


def start_job(
    run: Run,
    *,
    read_registries: bool = True,
    republish: bool = False,
    builds_all: bool = False,
    promises: bool = False,
) -> Job:
    """Read the project and, with ``read_registries``, the registries, and plan what to do with each image.

    With ``republish``, a published commit is built anew, as a new revision. The plan's conflicts include what is in
    the way of the builds: of all images with ``builds_all``, else of those that need one. ``promises`` is for tasks
    that don't build, and only say what would happen.
    """
    with working("reading the project"):
        images = planned_images(run)
    if not promises and not run.dry:
        run.earlier_outputs.forget(image.repository for image in images)
    job = Job(run.settings, images, None, Plan((), ()), republish=republish, builds_all=builds_all)
    brief = not promises and not builds_all
    job = _with_registries(run, job, brief=brief) if read_registries else with_plan(run, job, None)
    if builds_all and not run.dry and any(needs_engine(item.image.definition) for item in job.plan.images):
        job = with_plan(run, replace(job, engine=engine_or_error(run.engine)), job.snapshot)
    warn_of_plan(job.plan)
    return _with_obstacles(run, job, promises=promises or run.dry)


def continue_job(run: Run, job: Job, *, republish: bool) -> Job:
    """Return the job of a `build` that knew of no push, such as one that a user's task called, ready for a push.

    The registries are read now. What it built stays for the push, whatever became of the source since: it was built
    from what its tags say. What is published already is left out, because that stays as it is.
    """
    job = _with_registries(run, replace(job, republish=republish, builds_all=False, engine=None))
    needed = {item.image.name for item in job.plan.images if item.build_needed}
    warn_of_plan(job.plan)
    job = replace(job, built={name: built for name, built in job.built.items() if name in needed})
    return _with_obstacles(run, job, promises=False)


def create_repositories(run: Run, job: Job, *, before_build: bool = False) -> Job:
    """Create the missing repositories that may be created, also at destinations, and plan again with them.

    ``before_build`` does so only where builds keep their cache in them: elsewhere a build that fails leaves none.
    """
    if job.snapshot is None or not any(item.creates_any_repository for item in job.plan.images):
        return job
    if before_build and job.settings.cache != "registry":
        return job
    from ecr_tasks.execute.create_repository import create_missing
    from ecr_tasks.plan.repository.desired import desired_repository

    snapshot = create_missing(
        job.plan.images,
        job.snapshot,
        lambda: desired_repository(job.settings, run.source),
        run.registry,
        run.target,
        say,
        warn,
    )
    run.locks.release_all()  # with the new repositories' locks, they are to be taken in one order by every run
    views = [*snapshot.repositories.values(), *snapshot.destinations.values()]
    before = [*job.snapshot.repositories.values(), *job.snapshot.destinations.values()]
    if all(view in before or not getattr(view, "tags", ()) for view in views):
        return with_plan(run, job, snapshot)
    job = _with_registries(run, job)  # another run has created one, and published in it
    job.plan.check()
    return job


def lock_images(run: Run, job: Job, show: Callable[[Plan], None]) -> Job:
    """Lock every image that will be built, so that no other run on this machine builds it.

    After a wait for another run's lock, git and the registries are read again, and ``show`` is called with the new
    plan. Raises Refused when the source is another by then.
    """
    names = sorted({name for item in job.plan.images if item.build_needed for name in item.lock_names})
    with working("waiting for another run"):
        waits = [run.locks.acquire(name, say, job.settings.lock_minutes) for name in names]
    if not any(waits):
        return job
    _check_source(run, [image for image in job.images if image.name not in job.built], during="the wait")
    job = _with_registries(run, job)
    show(job.plan)
    job.plan.check()
    return job


def reuse_builds(run: Run, job: Job) -> Job:
    """Add the builds of an earlier run that still exist and are exactly what this plan needs."""
    unbuilt = [item for item in job.plan.images if item.image.name not in job.built]
    repositories = {item.image.name: item.image.repository for item in unbuilt}
    earlier = receipt_file.last_built(run.project, repositories)
    builds = reuse_earlier_builds(unbuilt, earlier, run.source, run.docker, say)
    return replace(job, built={**job.built, **builds})


def build_images(run: Run, job: Job, items: Sequence[PlannedImage]) -> Job:
    """Build these images in one bake, after a login to the ECR registries that the build reads and writes.

    Raises BuildError with the failing step.
    """
    if not items:
        return job
    from ecr_tasks.runner import pending_builds

    warn_of_builds(items)
    definitions = [definition for item in items for definition in item.image.definition.with_links()]
    run.logins.log_in_for_builds(definitions, run.engine)
    attests = {item.image.name: item.image.definition.attests for item in items}
    engine = next((item.engine for item in items if item.engine), None)
    try:
        with ci_results.group(run, f"Build {', '.join(item.image.name for item in items)}"):
            builds = build(
                [item.image for item in items],
                run.source,
                run.docker,
                builder=job.settings.builder,
                keep={item.image.name: item.keep for item in items},
                engine=engine,
                references={
                    item.image.name: item.reference
                    for item in items
                    if item.reference and run.locks.has(item.reference)
                },
            )
        if job.settings.skip == "content":
            from ecr_tasks.checks.unchanged_inputs import check_unchanged

            check_unchanged([item.image for item in items], project=job.settings.project, environ=os.environ)
        now = _check_source(run, [item.image for item in items], during="the build")
    except (BuildError, RegistryError) as error:
        run.locks.release_all()
        raise run.logins.explain(error) from error
    except BaseException:
        run.locks.release_all()
        raise
    if now.fingerprint != run.source.fingerprint:  # of an uncommitted tree, or of what no image holds
        builds = {name: replace(built, key=None) for name, built in builds.items()}
    for name, built in builds.items():
        say(f"{name}: built {short_ids(built.id)} in {built.seconds:.1f} s")
        if built.keep == "builder":
            say(f"{name}: {what_is_kept(built, engine.platform if engine else '', attests=attests[name])}")
    # Until its push, no other run removes it, also if that fails, or comes in a later step of a pipeline.
    pending_builds.note(run.project, _local_ids([item.image for item in items], builds), os.environ)
    return replace(job, built={**job.built, **builds})


def _check_source(run: Run, images: Sequence[Image], *, during: str) -> SourceState:
    """Ask git again and return its state. Raises Refused when an image would not be what its tags say."""
    from ecr_tasks.checks.unchanged_source import check_unchanged_source
    from ecr_tasks.runner.images import definition_paths
    from ecr_tasks.source.read import read

    with working("looking at the source once more"):
        now = read(run.project, environ=os.environ, settings=run.settings)
    paths = definition_paths(run) if now.changes else ()
    check_unchanged_source(images, run.source, now, run.settings, paths, os.environ, during=during)
    return now


def tidy(run: Run, job: Job, *, pushed: bool) -> None:
    """Remove the local names that earlier runs of the images built now have left; nothing after no build."""
    images = [item.image for item in job.plan.images if item.image.name in job.built]
    if not images:
        return
    from ecr_tasks.runner import pending_builds

    repositories, keep = [image.repository for image in images], job.settings.keep_local
    if pushed:
        pending_builds.forget(run.project, repositories, os.environ)
    if keep is None:
        return
    from ecr_tasks.execute.tidy_local_names import tidy_local_names

    relation = cache(run.relation)
    tidy_local_names(
        images,
        keep if pushed else max(keep, 1),
        run.docker,
        say,
        is_known=lambda commit: relation(commit) != "unknown",
        built=set(_local_ids(images, job.built).values()),
        others=pending_builds.of_others(run.project, repositories, os.environ),
    )


def _local_ids(images: Iterable[Image], builds: Mapping[str, Built]) -> dict[str, str]:
    """Return the ids that builds have in the local store, by repository."""
    return {image.repository: found for image in images if (found := builds[image.name].local_id)}


def build_receipt(run: Run, job: Job, items: Sequence[PlannedImage]) -> Receipt:
    """Return a receipt of these images with what is built so far."""
    source = run.source
    receipt = Receipt(
        Source(
            source.revision,
            any(item.image.dirty for item in items),
            source.branch,
            source.tag,
            source.pull_request,
            source.ci,
        )
    )
    for item in items:
        receipt = receipt.with_image(_image_receipt(item, job.built.get(item.image.name)))
    return receipt


def publish_images(run: Run, job: Job) -> Receipt:
    """Publish every image: push, tag, copy to the destinations. Write the receipt, even when the run fails.

    Raises RegistryError and Refused. Errors of destinations are not raised: they are in the receipt.
    """
    receipt = build_receipt(run, job, job.plan.images)
    try:
        for item in job.plan.images:
            receipt = receipt.with_image(_publish(run, job, item))
            if item.copies:
                receipt = receipt.with_image(_copy(run, item, receipt.image(item.image.name)))
    except BaseException:
        ci_results.hand_over(run, replace(receipt, complete=False))
        raise
    finally:  # also after an error, the receipt has what was published before
        run.locks.release_all()
        receipt_file.write(run.project, receipt)
    return replace(receipt, complete=not any(image.failed for image in receipt.images))


def read_registries(run: Run, images: Sequence[Image], *, republish: bool, brief: bool = False) -> Snapshot | None:
    """Return a snapshot of the registries; None in a dry run without a running local ECR."""
    try:
        return look_at_registries(
            images,
            run.settings,
            run.source,
            run.registry,
            run.target,
            run.engine,
            run.retrier,
            run.relation,
            republish=republish,
            brief=brief,
        )
    except AbsentRegistryError:
        return None


def with_plan(run: Run, job: Job, snapshot: Snapshot | None) -> Job:
    """Return the job with a snapshot and a plan that is made from it."""
    settings = job.settings
    plan = make_plan(
        job.images,
        run.source,
        snapshot,
        create_repository=settings.create_repository,
        skip=settings.skip,
        cache=settings.cache,
        republish=job.republish,
        destinations=settings.destinations,
        engine=job.engine,
        builds_all=job.builds_all,
    )
    return replace(job, snapshot=snapshot, plan=plan)


def _with_registries(run: Run, job: Job, *, brief: bool = False) -> Job:
    """Return the job with the registries as they are now, and the plan for them."""
    read_at = time.monotonic()
    with working("asking the registries"):
        snapshot = read_registries(run, job.images, republish=job.republish, brief=brief)
    return replace(with_plan(run, job, snapshot), read_at=read_at)


def _with_obstacles(run: Run, job: Job, *, promises: bool) -> Job:
    """Return the job with everything in its conflicts that is in the way of its builds."""
    building = [item for item in job.plan.images if item.build_needed or job.builds_all]
    creating = [item for item in job.plan.images if item.creates_any_repository]
    if not building and not creating:
        return job
    from ecr_tasks.checks.before_build import obstacles

    # The plan may contain the engine's error already; a dry run without a local ECR asks nobody.
    ask_engine = not run.dry if job.snapshot is None else job.snapshot.engine is None
    engine = run.engine if ask_engine and job.engine is None else None
    with working("looking at what would be built"):
        found = obstacles(
            building, creating, job.settings, run.source, os.environ, engine, promises=promises, note=warn_once
        )
    return replace(job, plan=replace(job.plan, conflicts=(*found, *job.plan.conflicts)), obstacles=found)


def _image_receipt(item: PlannedImage, built: Built | None) -> ImageReceipt:
    image = item.image
    return ImageReceipt(
        image.name,
        image.repository,
        tuple(tag.name for tag in image.tags),
        item.because,
        version=image.version,
        dirty=image.dirty,
        built=built,
        seconds=built.seconds if built else 0.0,
    )


def _publish(run: Run, job: Job, item: PlannedImage) -> ImageReceipt:
    """Publish one image in the settings' registry and return its receipt."""
    receipt, start = _image_receipt(item, job.built.get(item.image.name)), time.monotonic()
    with ci_results.group(run, f"Publish {item.image.name}"):
        image = publish_image(
            item, receipt, run.docker, run.registry, warn=warn, newer=run.newer_image, fresh=job.is_fresh
        )
    for name in item.lock_names:
        run.locks.release(name)
    published = image.published[0]
    _say_published(published.name, published)
    return replace(image, seconds=image.seconds + time.monotonic() - start)


def _say_published(place: str, published: Published) -> None:
    """Say what became of an image in one repository. The receipt has all tags."""
    state = "published before as" if published.state == "already-published" else published.state
    say(f"{place}: {state} {short_tags(published.tags)}")


def _copy(run: Run, item: PlannedImage, image: ImageReceipt) -> ImageReceipt:
    """Copy one image to the destinations and return its receipt."""
    from ecr_tasks.execute.destinations import copy_image

    start = time.monotonic()
    missing = [copy for copy in item.copies if copy.error is None and not copy.is_present]
    if missing:
        say(f"{item.image.name}: on its way to {', '.join(copy.address for copy in missing)}")
    with ci_results.group(run, f"Copy {item.image.name}"):
        targets = {copy.destination: run.target(copy.destination) for copy in item.copies}
        image = copy_image(
            item,
            image,
            run.registry,
            targets,
            run.docker,
            say=say,
            warn=warn,
            retrier=run.retrier,
            newer=run.newer_image,
        )
    for failed in image.failed:
        warn(f"{item.image.name} is not in {failed.address}: {failed.error}")
    for published in image.published[1:]:
        _say_published(f"{published.registry}/{published.repository}", published)
    return replace(image, seconds=image.seconds + time.monotonic() - start)
