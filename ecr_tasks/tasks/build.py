"""The `build` task: build the planned images and keep them in the local store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ecr_tasks.console import document
from ecr_tasks.runner.command_line import (
    IMAGES,
    as_choice,
    chosen_with_push,
    follows,
    follows_at_once,
    only_with_push,
    push_has,
)
from ecr_tasks.runner.decorator import chained_task

if TYPE_CHECKING:
    from ecr_tasks.model.built_image import Build
    from ecr_tasks.model.receipt import Receipt
    from ecr_tasks.runner.earlier_results import EarlierResults
    from ecr_tasks.runner.job import Job
    from ecr_tasks.runner.run import Run


def _result(job: Job | Receipt | None) -> Build:
    """Return the images that a job has built and that a push would publish."""
    from ecr_tasks.model.built_image import Build, BuiltImage
    from ecr_tasks.runner.job import Job

    if not isinstance(job, Job):
        return Build(())
    names = {item.name: tuple(f"{item.repository}:{tag.name}" for tag in item.local_tags) for item in job.images}
    images = []
    for name, built in job.built.items():
        loaded, image_id = built.loaded or ("", built.image_id)
        kept = [platform for platform in built.platforms if built.keep == "builder" and platform != loaded]
        tags = names[name] if image_id else ()
        images.append(BuiltImage(name, tags, image_id, built.digest, built.platforms, tuple(kept)))
    return Build(tuple(images))


@chained_task(
    _result,
    iterable=["image"],
    help={
        "image": IMAGES,
        "only": "a platform: build for it alone, where other runners build for the others",
        "pull": "take base images from their registries, also those that are here",
        "no-cache": "build every step anew",
        "fail-fast": "stop at the first image that fails, instead of building the others",
        "json": "one JSON document on stdout: the images that were built",
    },
)
def build(
    run: Run,
    earlier: EarlierResults,
    json: bool = False,
    pull: bool = False,
    no_cache: bool = False,
    image: Sequence[str] | None = None,
    fail_fast: bool = False,
    only: str = "",
) -> Job | None:
    """Build, tag and keep the images in the local store.

    Every planned image is built with buildx; before a push, only those that
    are not published yet.
    """
    from dataclasses import replace

    from ecr_tasks.errors import SettingsError
    from ecr_tasks.model.image import Fresh
    from ecr_tasks.plan.batches import publishes_ahead
    from ecr_tasks.plan.outcomes import failure
    from ecr_tasks.runner import ci_results, receipt_file
    from ecr_tasks.runner.build_steps import begin_tidy, build_images, create_repositories, lock_images
    from ecr_tasks.runner.job import start_job
    from ecr_tasks.runner.publish_steps import build_receipt
    from ecr_tasks.tasks.plan import show_plan
    from ecr_tasks.tasks.push import push

    if push_has("--outdated"):
        raise SettingsError(
            "push --outdated builds what it publishes by itself, and build would build the others, too.",
            "Leave out build: `inv push --outdated`.",
        )
    push_follows = follows("push")
    # A build without a push needs docker only, and ECR only if the cache is in ECR.
    read_registries = push_follows or run.settings.caches_in_repository
    fresh = Fresh(pull or push_has("--pull"), no_cache or push_has("--no-cache"))
    job = start_job(
        run,
        read_registries=read_registries,
        republish=push_has("--republish"),
        builds_all=not push_follows,
        fresh=fresh,
        choice=chosen_with_push(as_choice(image), push),
        only=only_with_push(only, push),
    )
    show_plan(job.plan)
    job.plan.check()
    if run.dry:
        _show(job, json)
        return job
    is_pushed_next = push_follows and follows_at_once(build, push)
    leaves = is_pushed_next and not json and not fail_fast
    fail_fast = fail_fast or push_has("--fail-fast")
    job = create_repositories(run, job, before_build=True)
    if push_follows:
        job = lock_images(run, job, show_plan)
    # If a push follows, images that are already published are neither built nor stored.
    items = [item for item in job.plan.images if item.build_needed or not push_follows]
    items = [item for item in items if item.image.name not in job.failed]
    if leaves and publishes_ahead(job.plan.images, items):  # as soon as each of several bakes has ended
        return replace(job, is_left_to_push=True)
    with run.locks_until_error():
        job = build_images(run, job, items, fail_fast=fail_fast)
        if job.ahead is not None and not is_pushed_next:
            job.ahead.build.all_named()  # a user's task may need what the push doesn't
    stops = fail_fast and bool(job.failed)
    items = [item for item in job.plan.images if item in items or item.image.name in job.failed or stops]
    receipt = build_receipt(run, job, items)
    if items:
        receipt_file.write(run.project, receipt)
    if stops:
        run.release_locks()
    is_last = stops or not push_follows
    if is_last:
        begin_tidy(run, job)()
        receipt = replace(receipt, complete=not job.failed)
        ci_results.hand_over(run, receipt, may_be_pushed=not job.failed)
    _show(job, json)
    error = failure(receipt)
    if error is not None and (is_last or len(job.failed) == len(job.plan.images)):
        raise error  # else the push publishes the others
    return job


def _show(job: Job, json: bool) -> None:
    if json:
        document({"images": [image.as_json() for image in _result(job).images]})
