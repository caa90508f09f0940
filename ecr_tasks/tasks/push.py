"""The `push` task: all steps from the plan to the published images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from ecr_tasks.console import data, document, with_typed_commands
from ecr_tasks.runner.command_line import IMAGES, as_choice
from ecr_tasks.runner.decorator import chained_task

if TYPE_CHECKING:
    from ecr_tasks.model.publication import Publication
    from ecr_tasks.model.receipt import Receipt
    from ecr_tasks.runner.earlier_results import EarlierResults
    from ecr_tasks.runner.job import Job
    from ecr_tasks.runner.run import Run


def published(receipt: Job | Receipt | None) -> Publication:
    """Return what was published; nothing in a dry run."""
    from ecr_tasks.model.publication import Publication
    from ecr_tasks.model.receipt import Receipt
    from ecr_tasks.runner.publication import published_by_push

    return published_by_push(receipt) if isinstance(receipt, Receipt) else Publication(None, False, None, None, ())


@chained_task(
    published,
    iterable=["image"],
    help={
        "image": IMAGES,
        "only": "a platform: push it alone; whichever runner pushes the last one publishes the image",
        "republish": "build a published commit anew, and publish it beside what is published (…-r2)",
        "outdated": "where a base image has moved, build and publish anew the images on it",
        "pull": "take base images from their registries, also those that are here",
        "no-cache": "build every step anew",
        "fail-fast": "stop at the first image that fails, instead of publishing the others",
        "json": "one JSON document on stdout, the receipt, instead of the references",
    },
)
def push(
    run: Run,
    earlier: EarlierResults,
    republish: bool = False,
    json: bool = False,
    pull: bool = False,
    no_cache: bool = False,
    fail_fast: bool = False,
    outdated: bool = False,
    image: Sequence[str] | None = None,
    only: str = "",
) -> Receipt | None:
    """Publish what was built; print host/repository@digest.

    What isn't built yet, or no longer matches the source, is built first.
    """
    from ecr_tasks.model.image import Fresh
    from ecr_tasks.plan.batches import publishes_ahead
    from ecr_tasks.plan.outcomes import failure
    from ecr_tasks.runner import ci_results, receipt_file
    from ecr_tasks.runner.build_steps import (
        begin_tidy,
        build_images,
        create_repositories,
        end_naming,
        end_tidy,
        lock_images,
        reuse_builds,
    )
    from ecr_tasks.runner.job import continue_job, start_job
    from ecr_tasks.runner.managed_signing import wait_for_managed_signing
    from ecr_tasks.runner.publish_steps import build_receipt, published_names, publishing
    from ecr_tasks.tasks.closing_summary import show_summary
    from ecr_tasks.tasks.plan import show_plan

    find_outdated = None
    if outdated:
        from ecr_tasks.runner.outdated import outdated_images

        find_outdated, republish = partial(outdated_images, run), False
    fresh = Fresh(pull or outdated, no_cache)
    job = None if outdated else earlier.job  # the job of `build`, if it ran before in this command line
    if job is not None and fresh.flags and job.fresh != fresh:
        job = None  # it was built by a user's task that took nothing anew
    choice, only = as_choice(image) or (job.choice if job is not None else ()), only or (job.only if job else "")
    if job is not None and (job.choice, job.only) != (choice, only):
        job = None  # a user's task built other images, or for another platform
    if job is not None and job.snapshot is None and not run.dry:
        job = continue_job(run, job, republish=republish)
        show_plan(job.plan)
    elif job is None or job.republish != republish:
        job = start_job(run, republish=republish, fresh=fresh, choice=choice, only=only, outdated=find_outdated)
        show_plan(job.plan)
    job.plan.check()
    if run.dry:
        if json:
            document(build_receipt(run, job, job.plan.images).as_json(with_typed_commands))
        return None
    job = create_repositories(run, job, before_build=True)
    job = lock_images(run, job, show_plan)
    if not job.is_left_to_push:
        job = reuse_builds(run, job)
    done = {*job.built, *job.failed}
    unbuilt = [item for item in job.plan.images if item.build_needed and item.image.name not in done]
    with publishing(run, fail_fast=fail_fast) as images:
        ahead = publishes_ahead(job.plan.images, unbuilt)
        job = build_images(run, job, unbuilt, fail_fast=fail_fast, publish=images.begin if ahead else None)
        if not ahead:  # else no repository is missing, and every lock is held
            # What was built outlives a run that ends before its push.
            if built := [item for item in unbuilt if item.image.name in job.built]:
                receipt_file.write(run.project, build_receipt(run, job, built))
            if not (fail_fast and job.failed):  # which pushes nothing
                job = create_repositories(run, job)
                job = lock_images(run, job, show_plan)
        tidied = job.tidied or begin_tidy(run, job, before_push=True)
        receipt = images.finish(job)
    unnamed = end_naming(job)
    unsigned = wait_for_managed_signing(run, receipt)
    end_tidy(run, job, published_names(receipt), tidied)
    ci_results.hand_over(run, receipt)
    if json:
        document(receipt.as_json(with_typed_commands))
    else:
        for reference in receipt.references:
            data(reference)
    show_summary(receipt)  # last, because hundreds of references would push it off a terminal
    if (error := failure(receipt)) is not None:
        raise error
    if (left := unnamed or unsigned) is not None:
        raise left
    return receipt
