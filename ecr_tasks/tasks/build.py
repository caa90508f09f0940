"""The `build` task: build the planned images and keep them in the local store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_tasks.runner.command_line import EarlierResults, follows, push_republishes
from ecr_tasks.runner.decorator import chained_task
from ecr_tasks.runner.run import Run

if TYPE_CHECKING:
    from ecr_tasks.runner.publish_steps import Job


@chained_task()
def build(run: Run, earlier: EarlierResults) -> Job | None:
    """Build every planned image with buildx, tag it and keep it in the local store."""
    from ecr_tasks.runner import ci_results, receipt_file
    from ecr_tasks.runner.publish_steps import (
        build_images,
        build_receipt,
        create_repositories,
        lock_images,
        start_job,
    )
    from ecr_tasks.tasks.plan import show_plan

    push_follows = follows("push")
    # A build without a push needs docker only, and ECR only if the cache is in ECR.
    read_registries = push_follows or run.settings.cache == "registry"
    job = start_job(run, read_registries=read_registries, republish=push_republishes(), builds_all=not push_follows)
    show_plan(job.plan)
    job.plan.check()
    if run.dry:
        return job
    job = create_repositories(run, job, before_build=True)
    if push_follows:
        job = lock_images(run, job, show_plan)
    # If a push follows, images that are already published are neither built nor stored.
    items = [item for item in job.plan.images if item.build_needed or not push_follows]
    job = build_images(run, job, items)
    receipt = build_receipt(run, job, items)
    if items:
        receipt_file.write(run.project, receipt)
    if not push_follows:
        ci_results.hand_over(run, receipt)
    return job
