"""The last step of `push`: publish what the job has built, copy it to the destinations and write the receipt.

Of images that are built in several bakes, those of one are published while the next ones are built.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ecr_tasks.clients.parallel import Workers, begin
from ecr_tasks.console import in_one_piece, say, warn, working
from ecr_tasks.errors import BuildError, EcrTasksError, RegistryError
from ecr_tasks.execute.push import publish_image
from ecr_tasks.model.attestation import MadeDocument, Wanted
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.image import Image
from ecr_tasks.model.manifest import short_digest, short_tags
from ecr_tasks.model.receipt import Built, ImageReceipt, Published, Receipt, Source
from ecr_tasks.model.wording import FEW, join_words
from ecr_tasks.plan.destinations import PlannedCopy
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.snapshot import COMPLETE_SECONDS
from ecr_tasks.runner import ci_results, receipt_file
from ecr_tasks.runner.history import newer_image
from ecr_tasks.runner.job import Job
from ecr_tasks.signals import was_interrupted

if TYPE_CHECKING:
    from ecr_tasks.clients.docker.client import WhalesDocker
    from ecr_tasks.execute.upload_apart import UploadsAhead
    from ecr_tasks.model.ports import Target
    from ecr_tasks.runner.run import Run


PARALLEL = 8
"""How many images are pushed at once: the registry's answers take longer than the work in between."""


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
    return replace(receipt, images=tuple(_image_receipt(job, item) for item in items))


class Publishing:
    """The publishing of a job's images: each is pushed, tagged and copied to the destinations, several at a time.

    Errors of images and destinations are not raised: they are in the receipt. With ``fail_fast``, no image is begun
    after the first error, that of a build included.
    """

    def __init__(self, run: Run, workers: Workers, *, fail_fast: bool) -> None:
        self._run, self._workers, self._fail_fast = run, workers, fail_fast
        self._job: Job | None = None
        self._waits: dict[str, Callable[[], None]] = {}
        self._results: dict[str, ImageReceipt] = {}

    def begin(self, job: Job) -> bool:
        """Begin to publish what is built or needs no build, while others are built; return whether to build those.

        A run that ends before leaves what was built to the next one.
        """
        items = [item for item in self._left(job) if item.image.name in job.built or not item.build_needed]
        if built := [item for item in items if item.image.name in job.built]:
            receipt_file.write(self._run.project, build_receipt(self._run, job, built))
        self._begin(job, items, is_last=False)
        return not self._stops

    def finish(self, job: Job) -> Receipt:
        """Publish every other image that did not fail to be built, wait for all, and write the receipt."""
        run, self._job = self._run, job
        run.registry.connect()  # which threads must not do
        items = self._left(job)
        done = {item.image.name for item in items if _is_done(job, item)}
        busy = [item for item in items if item.image.name not in done]
        for item in items:
            if item.image.name in done:
                _publish_or_fail(run, job, item, None, self._results)
        if len(busy) == 1 and not self._waits:
            if not self._stops:
                _publish_or_fail(run, job, busy[0], run.docker, self._results)
        elif busy or self._waits:
            self._begin(job, busy)
            with working(f"publishing {len(self._waits)} images"):
                for wait in self._waits.values():
                    wait()
        run.release_locks()
        receipt = self._write(job)
        return replace(receipt, complete=all(image.outcome == "published" for image in receipt.images))

    def end(self) -> None:
        """Tell what was published before an error, if anything was begun."""
        if self._job is not None:
            receipt = self._write(self._job)
            ci_results.hand_over(self._run, replace(receipt, complete=False))

    def _left(self, job: Job) -> list[PlannedImage]:
        """Return the images that are not begun, of those that did not fail to be built."""
        return [item for item in job.plan.images if item.image.name not in {*job.failed, *self._waits}]

    def _begin(self, job: Job, items: Sequence[PlannedImage], *, is_last: bool = True) -> None:
        self._job = job
        self._run.registry.connect()  # which threads must not do
        docker = self._run.docker if items else None  # which is made once, and by no thread
        for item in items:
            call = partial(self._publish, job, item, docker, is_last=is_last)
            self._waits[item.image.name] = self._workers.begin(call)

    def _publish(self, job: Job, item: PlannedImage, docker: WhalesDocker | None, *, is_last: bool) -> None:
        if not self._stops:
            with in_one_piece(programs=self._run.in_ci):
                _publish_or_fail(self._run, job, item, docker, self._results, is_last=is_last)

    @property
    def _stops(self) -> bool:
        """Whether no other image is to be begun."""
        has_failed = self._job is not None and bool(self._job.failed)
        return self._fail_fast and (has_failed or any(result.error for result in [*self._results.values()]))

    def _write(self, job: Job) -> Receipt:
        receipt = build_receipt(self._run, job, job.plan.images)
        receipt = replace(receipt, images=tuple(self._results.get(image.name, image) for image in receipt.images))
        receipt_file.write(self._run.project, receipt)
        return receipt


@contextmanager
def publishing(run: Run, *, fail_fast: bool = False) -> Iterator[Publishing]:
    """Give the block what publishes images; after an error in it, wait for those under way, and tell of them."""
    found: Publishing | None = None
    try:
        with Workers(PARALLEL, run.retrier) as workers:
            found = Publishing(run, workers, fail_fast=fail_fast)
            yield found
    except BaseException:
        if found is not None:
            found.end()
        raise
    finally:
        run.release_locks()


def publish_images(run: Run, job: Job) -> Receipt:
    """Publish every image that did not fail to be built, as :class:`Publishing` does."""
    with publishing(run) as found:
        return found.finish(job)


def _is_done(job: Job, item: PlannedImage) -> bool:
    """Return whether an image needs no call any more: it and its tags were all there less than a minute ago."""
    tags_set = all(tag.state == "present" or tag.stays for tag in item.tags)
    inputs_set = item.inputs_tag is None or item.inputs_tag.state == "present"
    to_attach = bool(item.image.referrer_kinds)
    was_there = tags_set and inputs_set and not item.build_needed and not item.copies and not to_attach
    return was_there and job.age < COMPLETE_SECONDS


def published_names(receipt: Receipt) -> set[str]:
    """Return the names of the images that are published, of which no later push has anything to publish."""
    return {image.name for image in receipt.images if (image.published or image.part) and image.error is None}


def _publish_or_fail(
    run: Run,
    job: Job,
    item: PlannedImage,
    docker: WhalesDocker | None,
    results: dict[str, ImageReceipt],
    *,
    is_last: bool = True,
) -> None:
    """Publish one image, here and at the destinations, and record what became of it, by its name.

    ``is_last`` is whether no build comes after it.
    """
    name, start = item.image.name, time.monotonic()
    try:
        with _uploads(run, item) as uploads:
            results[name] = _publish(run, job, item, docker, uploads, is_last=is_last)
            if item.copies and results[name].published:
                results[name] = _copy(run, item, results[name], uploads)
    except EcrTasksError as error:
        if was_interrupted():
            raise
        result = results.get(name) or _image_receipt(job, item)
        results[name] = replace(result, error=error, seconds=result.seconds + time.monotonic() - start)
        if len(job.plan.images) > 1:
            warn(f"{name} is not published: {error}")
    finally:
        run.release_locks(item.lock_names)


@contextmanager
def _uploads(run: Run, item: PlannedImage) -> Iterator[UploadsAhead | None]:
    """Give the block the uploads of an image to its destinations, if it is built and has any."""
    if not item.copies or not item.build_needed:
        yield None
        return
    from ecr_tasks.execute.upload_apart import UploadsAhead

    with UploadsAhead(warn, partial(in_one_piece, programs=False), run.retrier) as uploads:
        run.before_end(uploads.end)
        try:
            yield uploads
        except EcrTasksError:
            with working(f"{item.image.name} is not published; its uploads to the destinations end"):
                uploads.wait()
            raise


def _image_receipt(job: Job, item: PlannedImage) -> ImageReceipt:
    image, built = (item.whole or item).image, job.built.get(item.image.name)
    return ImageReceipt(
        image.name,
        image.repository,
        tuple(tag.name for tag in image.tags),
        item.because,
        version=image.version,
        dirty=image.dirty,
        built=built,
        seconds=built.seconds if built else 0.0,
        error=job.failed.get(image.name),
    )


def _publish(
    run: Run,
    job: Job,
    item: PlannedImage,
    docker: WhalesDocker | None,
    uploads: UploadsAhead | None,
    *,
    is_last: bool,
) -> ImageReceipt:
    """Publish one image in the settings' registry and return its receipt; begin its uploads to the destinations."""
    receipt, start = _image_receipt(job, item), time.monotonic()
    with ci_results.group(run, f"Publish {item.image.name}"):
        wanted = _wanted(run, job, item)
        uploaded: Sequence[PlannedCopy] = ()
        if uploads is not None and docker is not None and receipt.built is not None:
            uploaded = uploads.begin(item, receipt.built, docker, _targets(run, item))
            _say_on_its_way(item, uploaded)
        is_only = is_last and len(job.built) == 1
        image = publish_image(
            item,
            receipt,
            docker,
            run.registry,
            warn=warn,
            retrier=run.retrier,
            newer=partial(newer_image, run),
            age=job.age,
            wanted=wanted,
            # Beside the other tags; of several images, all names go at once in the end.
            pushed=lambda: begin(docker.close) if docker and is_only and not uploaded else None,
            ahead=is_only,  # of several, others are uploaded meanwhile
        )
        if item.whole is not None:
            from ecr_tasks.runner.parts import publish_part

            image = publish_part(run, item, image)
        seconds = image.seconds + time.monotonic() - start
        if image.published:
            _say_result(run, job, image, seconds)
    return replace(image, seconds=seconds)


def _say_result(run: Run, job: Job, image: ImageReceipt, seconds: float) -> None:
    """Say what became of an image; of many, the closing summary has those that stay as they are, outside CI."""
    published = image.published[0]
    if run.in_ci or len(job.plan.images) <= FEW or published.state != "already-published":
        _say_published(published.name, published, f" ({seconds:.1f} s)" if run.in_ci else "")
    if published.attached:
        kinds = dict.fromkeys("SBOM" if item.kind == "sbom" else item.kind for item in published.attached)
        say(f"{published.name}: {join_words(tuple(kinds))} attached to {short_digest(published.digest)}")


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
    if image.sbom_entry is None or built.joined is not None:
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


def _say_published(place: str, published: Published, seconds: str = "") -> None:
    """Say what became of an image in one repository. The receipt has all tags."""
    state = "published before as" if published.state == "already-published" else published.state
    say(f"{place}: {state} {short_tags(published.tags)}{seconds}")


def _targets(run: Run, item: PlannedImage) -> dict[Destination, Target]:
    """Return the registries of an image's destinations that it can be copied to."""
    return {copy.destination: run.target(copy.destination) for copy in item.copies if copy.error is None}


def _say_on_its_way(item: PlannedImage, copies: Sequence[PlannedCopy]) -> None:
    if copies:
        say(f"{item.image.name}: on its way to {', '.join(copy.address for copy in copies)}")


def _copy(run: Run, item: PlannedImage, image: ImageReceipt, uploads: UploadsAhead | None) -> ImageReceipt:
    """Copy one image to the destinations and return its receipt."""
    from ecr_tasks.execute.destinations import copy_image

    start = time.monotonic()
    item = replace(item.whole, copies=item.copies) if item.whole else item
    missing = [copy for copy in item.copies if copy.error is None and not copy.is_present]
    _say_on_its_way(item, [copy for copy in missing if uploads is None or copy.destination not in uploads])
    if uploads is not None:
        with working(f"uploading {item.image.name} to its destinations"):
            uploads.wait()
        for copy in missing:
            if error := uploads.failed.get(copy.destination):
                say(f"{copy.address}: copied, as the engine's upload failed: {error.cause}")
    with ci_results.group(run, f"Copy {item.image.name}"):
        image = copy_image(
            item,
            image,
            run.registry,
            _targets(run, item),
            run.docker,
            uploads=uploads,
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
