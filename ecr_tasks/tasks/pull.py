"""The `pull` task: pull images from the registry by tag or digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_tasks.console import data, document, working
from ecr_tasks.runner.decorator import chained_task

if TYPE_CHECKING:
    from ecr_tasks.model.manifest import StoredImage
    from ecr_tasks.runner.earlier_results import EarlierResults
    from ecr_tasks.runner.run import Run


@chained_task(
    lambda result: None,
    may_be_positional="image",
    publishes=False,
    help={
        "image": "a tag, a sha256: digest, or host/repository@digest as push prints it; --image may be left out "
        "(default: what was pushed, or this commit's image)",
        "platform": "os/arch, for one of several",
        "json": "one JSON document on stdout instead of the references",
    },
)
def pull(
    run: Run, earlier: EarlierResults, image: str | None = None, platform: str | None = None, json: bool = False
) -> None:
    """Log in and pull an image by tag or digest.

    A tag is looked up, pulled by its digest, and set here.
    """
    from dataclasses import replace

    from ecr_tasks.model.reference import parse_image_name
    from ecr_tasks.plan.promotion import check_host, missing_image
    from ecr_tasks.runner.images import chosen_repositories
    from ecr_tasks.runner.publication import commit_images

    known: dict[str, StoredImage | None] = {}
    image_name = parse_image_name(image) if image is not None else None
    if image_name is not None:
        references = [(name, image_name.reference) for name in chosen_repositories(run, image_name).values()]
    elif earlier.receipt is not None:
        published = [receipt.published[0] for receipt in earlier.receipt.images if receipt.published]
        references = [(copy.repository, copy.digest) for copy in published]
    else:
        with working("looking for this commit's image"):
            images = commit_images(run).values()
        references = [(image.repository, image.tag) for image in images]
        known = {image.repository: image.image for image in images}
    pulled = []
    with working("asking the registry"):
        views = run.registry.describe({name: () for name, _ in references})
    for name, reference in references:
        repository = views[name].repository
        stored_image = known.get(name)
        if stored_image is None and repository is not None:
            stored_image = run.registry.image(repository, reference)
        if repository is None or stored_image is None:
            raise missing_image(reference, name)
        if image_name is not None:
            check_host(image_name, repository)
        run.docker.authorize(replace(run.registry.token(), host=repository.host))
        by_digest = f"{repository.uri}@{stored_image.digest}"  # the tag may move while docker pulls
        run.docker.pull(by_digest, platform)
        tags = [f"{repository.uri}:{reference}"] if reference != stored_image.digest else []
        for tag in tags:
            run.docker.tag(by_digest, tag)
        pulled.append({"reference": by_digest, "digest": stored_image.digest, "tags": tags})
        if not json:
            data(by_digest)
    if json:
        document({"images": pulled})
