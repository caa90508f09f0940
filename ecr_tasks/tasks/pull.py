"""The `pull` task: pull images from the registry by tag or digest."""

from __future__ import annotations

from ecr_tasks.console import data
from ecr_tasks.runner.command_line import EarlierResults
from ecr_tasks.runner.decorator import chained_task
from ecr_tasks.runner.run import Run


@chained_task(
    help={
        "image": "a tag or a sha256: digest (default: what was pushed, or this commit's image)",
        "platform": "os/arch, for one of several",
    }
)
def pull(run: Run, earlier: EarlierResults, image: str | None = None, platform: str | None = None) -> None:
    """Log in and pull an image by tag or digest."""
    from dataclasses import replace

    from ecr_tasks.plan.promotion import missing_image
    from ecr_tasks.runner.images import planned_images

    if image is None and earlier.receipt is not None:
        published = [receipt.published[0] for receipt in earlier.receipt.images if receipt.published]
        references = [(copy.repository, copy.digest) for copy in published]
    else:
        references = [(planned.repository, image or planned.tags[0].name) for planned in planned_images(run)]
    views = run.registry.describe({name: () for name, _ in references})
    for name, reference in references:
        repository = views[name].repository
        stored_image = run.registry.image(repository, reference) if repository else None
        if repository is None or stored_image is None:
            raise missing_image(reference, name)
        run.docker.authorize(replace(run.registry.token(), host=repository.host))
        separator = "@" if reference.startswith("sha256:") else ":"
        run.docker.pull(f"{repository.uri}{separator}{reference}", platform)
        data(f"{repository.uri}@{stored_image.digest}")
