"""The main job in steps: look and plan, create what is missing, lock, build, publish.

`build` and `push` are made of them. Each step takes the job as the step before left it and returns it with more.
What only some runs need is imported where they need it: a run that finds everything published should cost little.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ecr_tasks.clients.absent_registry import AbsentRegistryError
from ecr_tasks.console import say, warn
from ecr_tasks.execute.build import build, reuse_earlier_builds
from ecr_tasks.execute.look_at_registries import look_at_registries
from ecr_tasks.execute.push import publish_image
from ecr_tasks.model.image import Image
from ecr_tasks.model.receipt import Built, ImageReceipt, Receipt, Source
from ecr_tasks.plan.plan import Plan, PlannedImage, make_plan
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.runner import ci_results, receipt_file
from ecr_tasks.runner.images import planned_images
from ecr_tasks.runner.run import Run
from ecr_tasks.settings.settings import Settings


@dataclass(frozen=True)
class Job:
    """What a command line is about to publish: the images, what the registries hold, the plan, and what is built.

    ``snapshot`` is None where the registries were not asked.
    """

    settings: Settings
    images: tuple[Image, ...]
    snapshot: Snapshot | None
    plan: Plan
    built: Mapping[str, Built] = field(default_factory=dict)


def start_job(run: Run, *, ask: bool = True) -> Job:
    """Look at the project and (``ask``) at the registries, and plan what becomes of each image."""
    images = planned_images(run)
    job = Job(run.settings, images, None, Plan((), ()))
    job = _planned(run, job, _look(run, images) if ask else None)
    _warn_of_ignored_files(job.plan)
    return job


def create_repositories(run: Run, job: Job) -> Job:
    """Create the repositories that are missing and may be created, here and at destinations, and plan with them."""
    if job.snapshot is None or not any(
        item.creates_repository or any(copy.creates_repository for copy in item.copies) for item in job.plan.images
    ):
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
    return _planned(run, job, snapshot)


def lock_images(run: Run, job: Job, show: Callable[[Plan], None]) -> Job:
    """Lock every image that is to be built against other runs on this machine.

    After a wait for another run's lock the registries are looked at again, and ``show`` gets the new plan.
    """
    names = sorted({name for item in job.plan.images if item.build_needed for name in item.lock_names})
    waits = [run.locks.acquire(name, lambda held: say(f"waiting: another run publishes {held}")) for name in names]
    if not any(waits):
        return job
    job = _planned(run, job, _look(run, job.images))
    show(job.plan)
    job.plan.check()
    return job


def reuse_builds(run: Run, job: Job) -> Job:
    """Take over what an earlier run built, where it is exactly what this plan asks for and still exists."""
    unbuilt = [item for item in job.plan.images if item.image.name not in job.built]
    earlier = receipt_file.last_built(run.project)
    builds = reuse_earlier_builds(unbuilt, earlier, run.source, run.docker, say)
    return replace(job, built={**job.built, **builds})


def build_images(run: Run, job: Job, items: Sequence[PlannedImage]) -> Job:
    """Build these images in one bake, logged in to the registries of their base images.

    Raises Refused for leaked keys, SettingsError for a missing Dockerfile, BuildError with the failing step.
    """
    if not items:
        return job
    _check_before_build(run, items)
    try:
        with ci_results.group(run, f"Build {', '.join(item.image.name for item in items)}"):
            builds = build(
                [item.image for item in items],
                run.source,
                run.docker,
                builder=job.settings.builder,
                keep={item.image.name: item.keep for item in items},
                references={
                    item.image.name: item.reference
                    for item in items
                    if item.reference and run.locks.has(item.reference)
                },
            )
        if job.settings.skip == "content":
            from ecr_tasks.checks.unchanged_inputs import check_unchanged

            check_unchanged([item.image for item in items], project=job.settings.project, environ=os.environ)
    except BaseException:
        run.locks.release_all()
        raise
    for name, built in builds.items():
        say(f"{name}: built {built.digest or built.image_id} in {built.seconds:.1f} s")
    return replace(job, built={**job.built, **builds})


def build_receipt(run: Run, job: Job, items: Sequence[PlannedImage]) -> Receipt:
    """Return the receipt of what is built so far of these images."""
    source = run.source
    receipt = Receipt(
        Source(source.revision, source.dirty, source.branch, source.tag, source.pull_request, source.ci)
    )
    for item in items:
        receipt = receipt.with_image(_begun(item, job.built.get(item.image.name)))
    return receipt


def publish_images(run: Run, job: Job) -> Receipt:
    """Publish every image: push, tag, copy to the destinations; write the receipt, also of a run that fails.

    Raises RegistryError and Refused. What failed at destinations only is part of the receipt.
    """
    receipt = build_receipt(run, job, job.plan.images)
    try:
        for item in job.plan.images:
            receipt = receipt.with_image(_published(run, job, item))
            if item.copies:
                receipt = receipt.with_image(_copied(run, item, receipt.image(item.image.name)))
    except BaseException:
        ci_results.hand_over(run, replace(receipt, complete=False))
        raise
    finally:  # what is published is recorded, whatever came after it
        run.locks.release_all()
        receipt_file.write(run.project, receipt)
    return replace(receipt, complete=not any(image.failed for image in receipt.images))


def _look(run: Run, images: Sequence[Image]) -> Snapshot | None:
    """Look at the registries; None in a dry run without its local ECR."""
    try:
        return look_at_registries(images, run.settings, run.source, run.registry, run.target, run.engine, run.retrier)
    except AbsentRegistryError:
        return None


def _planned(run: Run, job: Job, snapshot: Snapshot | None) -> Job:
    settings = job.settings
    plan = make_plan(
        job.images,
        run.source,
        snapshot,
        create_repository=settings.create_repository,
        skip=settings.skip,
        cache=settings.cache,
        destinations=settings.destinations,
    )
    return replace(job, snapshot=snapshot, plan=plan)


def _warn_of_ignored_files(plan: Plan) -> None:
    """Name the files that may be why no image has the same inputs: only this machine has them."""
    for item in plan.images:
        unshared = item.image.inputs.unshared if item.view and item.image.inputs and item.build_needed else ()
        if unshared:
            from ecr_tasks.source.inputs.files import name_some

            warn(
                f"The context of {item.image.name} carries files that git ignores ({name_some(unshared)}), so other "
                "machines have other inputs: add them to .dockerignore."
            )


def _check_before_build(run: Run, items: Sequence[PlannedImage]) -> None:
    from ecr_tasks.checks.leaked_keys import check_leaked_keys
    from ecr_tasks.checks.output_folder_in_context import receipt_in_context
    from ecr_tasks.source.build_context.ecr_hosts import ecr_hosts
    from ecr_tasks.source.definitions.bake_file import bake_file

    settings, definitions = run.settings, [item.image.definition for item in items]
    if bake_file(settings) is None:
        settings.require_dockerfile()
    check_leaked_keys(settings, run.source, definitions)
    if receipt_in_context(definitions):
        warn("The build context carries .ecr-tasks/, which changes at every run: add it to .dockerignore.")
    run.login_hosts({host: region for item in definitions for host, region in ecr_hosts(item, settings).items()})
    if settings.cache == "registry":
        run.login_hosts({item.registry: None for item in items if item.registry})


def _begun(item: PlannedImage, built: Built | None) -> ImageReceipt:
    image = item.image
    return ImageReceipt(
        image.name,
        image.repository,
        tuple(tag.name for tag in image.tags),
        item.because,
        version=image.version,
        built=built,
        seconds=built.seconds if built else 0.0,
    )


def _published(run: Run, job: Job, item: PlannedImage) -> ImageReceipt:
    begun, began = _begun(item, job.built.get(item.image.name)), time.monotonic()
    with ci_results.group(run, f"Publish {item.image.name}"):
        image = publish_image(item, begun, run.docker, run.registry, builder=job.settings.builder, warn=warn)
    for name in item.lock_names:
        run.locks.release(name)
    published = image.published[0]
    say(f"{published.name}: {published.state} {', '.join(published.tags)}")
    return replace(image, seconds=image.seconds + time.monotonic() - began)


def _copied(run: Run, item: PlannedImage, image: ImageReceipt) -> ImageReceipt:
    from ecr_tasks.execute.destinations import copy_image

    began = time.monotonic()
    missing = [copy for copy in item.copies if copy.error is None and not copy.is_present]
    if missing:
        say(f"{item.image.name}: on its way to {', '.join(copy.place for copy in missing)}")
    with ci_results.group(run, f"Copy {item.image.name}"):
        targets = {copy.destination: run.target(copy.destination) for copy in item.copies}
        image = copy_image(item, image, run.registry, targets, run.docker, say=say, warn=warn, retrier=run.retrier)
    for failed in image.failed:
        warn(f"{item.image.name} is not in {failed.place}: {failed.error}")
    for published in image.published[1:]:
        say(f"{published.registry}/{published.repository}: {published.state} {', '.join(published.tags)}")
    return replace(image, seconds=image.seconds + time.monotonic() - began)
