"""The last step of `push`: publish what the job has built, copy it to the destinations and write the receipt."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ecr_tasks.console import say, warn
from ecr_tasks.errors import BuildError, RegistryError
from ecr_tasks.execute.attestations import Wanted
from ecr_tasks.execute.push import publish_image
from ecr_tasks.model.attestation import MadeDocument
from ecr_tasks.model.image import Image
from ecr_tasks.model.manifest import short_digest, short_tags
from ecr_tasks.model.receipt import Built, ImageReceipt, Published, Receipt, Source
from ecr_tasks.model.wording import join_words
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.runner import ci_results, receipt_file
from ecr_tasks.runner.history import newer_image
from ecr_tasks.runner.job import Job

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run


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
        wanted = _wanted(run, job, item)
        image = publish_image(
            item,
            receipt,
            run.docker,
            run.registry,
            warn=warn,
            newer=partial(newer_image, run),
            fresh=job.is_fresh,
            wanted=wanted,
        )
    for name in item.lock_names:
        run.locks.release(name)
    published = image.published[0]
    _say_published(published.name, published)
    if published.attached:
        kinds = dict.fromkeys("SBOM" if item.kind == "sbom" else item.kind for item in published.attached)
        say(f"{published.name}: {join_words(tuple(kinds))} attached to {short_digest(published.digest)}")
    return replace(image, seconds=image.seconds + time.monotonic() - start)


def _wanted(run: Run, job: Job, item: PlannedImage) -> Wanted:
    """Return what is to be attached to an image after its push (ECR_ATTEST).

    It is made before the push: where it can't be, nothing is published.
    """
    image, built = item.image, job.built.get(item.image.name)
    if built is None or not image.referrers:
        return Wanted(image.referrer_kinds)
    if not item.build_needed:
        return Wanted(image.referrer_kinds, make=lambda: _made_documents(run, job, image, built))
    return Wanted(image.referrer_kinds, _made_documents(run, job, image, built))


def _made_documents(run: Run, job: Job, image: Image, built: Built) -> tuple[MadeDocument, ...]:
    """Return the provenance and the SBOMs of a build."""
    if image.sbom_entry is None:
        return built.provenance
    from ecr_tasks.execute.attestations import make_sboms

    definitions = [replace(item, attest=(image.sbom_entry,)) for item in image.definition.with_links()]
    run.logins.log_in_for_builds(definitions, run.engine)
    say(f"{image.name}: making its SBOM")
    try:
        in_engine = run.engine().driver == "docker"
        sboms = make_sboms(image, built, run.docker, job.settings.builder, in_engine=in_engine)
        return (*built.provenance, *sboms)
    except (BuildError, RegistryError) as error:
        raise run.logins.explain(error) from error


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
        targets = {copy.destination: run.target(copy.destination) for copy in item.copies if copy.error is None}
        image = copy_image(
            item,
            image,
            run.registry,
            targets,
            run.docker,
            say=say,
            warn=warn,
            retrier=run.retrier,
            newer=partial(newer_image, run),
        )
    for failed in image.failed:
        warn(f"{item.image.name} is not in {failed.address}: {failed.error}")
    for published in image.published[1:]:
        _say_published(f"{published.registry}/{published.repository}", published)
    return replace(image, seconds=image.seconds + time.monotonic() - start)
