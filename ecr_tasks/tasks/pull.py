"""The `pull` task: pull images from the registry by tag or digest."""

from __future__ import annotations

from ecr_tasks.console import data
from ecr_tasks.runner.command_line import Earlier
from ecr_tasks.runner.decorator import chained_task
from ecr_tasks.runner.run import Run


@chained_task(
    help={
        "image": "a tag or a sha256: digest (default: what was pushed, or this commit's image)",
        "platform": "os/arch, for one of several",
    }
)
def pull(run: Run, earlier: Earlier, image: str | None = None, platform: str | None = None) -> None:
    """Log in and pull an image by tag or digest."""
    from ecr_tasks.plan.promotion import missing_image
    from ecr_tasks.runner.images import planned_images

    if image is None and earlier.receipt is not None:
        published = [item.published[0] for item in earlier.receipt.images if item.published]
        wanted = [(item.repository, item.digest) for item in published]
    else:
        wanted = [(item.repository, image or item.tags[0].name) for item in planned_images(run)]
    views = run.registry.describe({name: () for name, _ in wanted})
    for name, reference in wanted:
        repository = views[name].repository
        stored = run.registry.image(repository, reference) if repository else None
        if repository is None or stored is None:
            raise missing_image(reference, name)
        run.login_hosts({repository.host: None})
        separator = "@" if reference.startswith("sha256:") else ":"
        run.docker.pull(f"{repository.uri}{separator}{reference}", platform)
        data(f"{repository.uri}@{stored.digest}")
