"""Pass a run's results to the CI system that it runs in: values, a summary, log groups and errors.

The CI systems' formats are in ``ci/``. Outside CI nothing is written, and ``ci/outputs/`` is not imported.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_tasks.console import working
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.receipt import FOLDER, ImageReceipt, Receipt
from ecr_tasks.runner import receipt_file

if TYPE_CHECKING:
    from ecr_tasks.ci.outputs.adapter import Annotation
    from ecr_tasks.ci.outputs.model import ImageOutput, Outputs
    from ecr_tasks.model.image import Image
    from ecr_tasks.runner.run import Run


def hand_over(run: Run, receipt: Receipt, *, may_be_pushed: bool = False) -> None:
    """Write the receipt's results to the CI's outputs, and each repository's own files. A failure is only a warning.

    With ``may_be_pushed`` the CI gets them when the run ends: a task of the user's own may push what it built, and
    then they are not told twice. An incomplete receipt gives a summary, but no values that a later step could deploy;
    a repository's own files have values if its image is published everywhere.
    """
    if not run.in_ci:
        return
    from ecr_tasks.ci.outputs.write import pass_to_ci, write_files
    from ecr_tasks.ci.systems import outputs_adapter

    adapter = outputs_adapter(run.source.ci)
    outputs = outputs_of(receipt, run.project, run.source.root)
    write_files(outputs, run.project / FOLDER, run.project)
    run.report_at_end(lambda: pass_to_ci(adapter, os.environ, outputs, run.project))
    if not may_be_pushed:
        run.report()
    for image in receipt.images:
        complete = bool(image.published) and not image.failed
        own = replace(receipt, images=(image,), complete=receipt.complete or complete)
        folder = receipt_file.own_folder(run.project, image.repository)
        write_files(outputs_of(own, run.project, run.source.root, folder / receipt_file.NAME), folder, run.project)


def group(run: Run, title: str) -> AbstractContextManager[None]:
    """Return a context whose printed lines form a group in the CI's log."""
    if not run.in_ci:
        return nullcontext()
    from ecr_tasks.ci.outputs.write import log_group
    from ecr_tasks.ci.systems import outputs_adapter

    return log_group(outputs_adapter(run.source.ci), title)


@contextmanager
def build_groups(run: Run, images: Sequence[Image]) -> Iterator[None]:
    """Put what a build of images prints in the block into a group of the CI's log for each of them.

    The group of one of several appears when the image is built; its title has the seconds since the build began.
    Where it is neither a CI's log nor a terminal's live progress, the title alone stands above each image's lines.
    """
    draws = sys.stderr is not None and sys.stderr.isatty()  # buildx, its progress
    if len(images) == 1 or (draws and not run.in_ci):
        with group(run, f"Build {images[0].name}" if len(images) == 1 else "Build"):
            yield
        return
    from ecr_tasks.clients.docker.build_log import BuildLog, sorted_by

    adapter, titles = None, {}
    if run.in_ci:
        from ecr_tasks.ci.systems import outputs_adapter

        adapter = outputs_adapter(run.source.ci)

    def begin(name: str, seconds: float) -> str:
        titles[name] = title = f"Build {name} ({seconds:.1f} s)"
        return (adapter.group_start(title, time.time() - seconds) if adapter else None) or title

    def end(name: str) -> str:
        return (adapter.group_end(titles[name], time.time()) if adapter else None) or ""

    caches = {image.name: image.definition.caches_after_export for image in images}
    with sorted_by(BuildLog(caches, begin, end)), working(f"building {len(images)} images"):
        yield


def annotate(run: Run, items: Sequence[Annotation]) -> None:
    """Show remarks where the CI that it runs in shows them."""
    if not run.in_ci:
        return
    from ecr_tasks.ci.outputs.write import show_annotations
    from ecr_tasks.ci.systems import outputs_adapter

    show_annotations(outputs_adapter(run.source.ci), os.environ, items, run.project)


def add_section(run: Run, name: str, markdown: str) -> None:
    """Write a file of Markdown to ``.ecr-tasks/``, and add it to the summary of the CI that it runs in."""
    if not run.in_ci:
        return
    from ecr_tasks.ci.outputs.write import show_section
    from ecr_tasks.ci.systems import outputs_adapter

    show_section(outputs_adapter(run.source.ci), os.environ, name, markdown, run.project)


def show_error(run: Run, error: EcrTasksError) -> None:
    """Show an error in the CI's own form. Reads neither settings nor git, because they may cause the error."""
    from ecr_tasks.ci.detect import detect

    provider = detect(os.environ).provider
    if provider is not None:
        from ecr_tasks.ci.outputs import write
        from ecr_tasks.ci.systems import outputs_adapter

        write.show_error(outputs_adapter(provider), os.environ, error, run.project)


def outputs_of(receipt: Receipt, project: Path, root: Path | None, path: Path | None = None) -> Outputs:
    """Return the CI's outputs of a receipt, except for images that were neither built nor published.

    ``root`` is the top of the checkout, where CI systems start their steps; the receipt's ``path`` (default: that of
    the whole run's) is relative to it.
    """
    from ecr_tasks.ci.outputs.model import Outputs

    path = path or receipt_file.path(project)
    top = root if root is not None and path.is_relative_to(root) else project
    return Outputs(
        tuple(_image(item) for item in receipt.images if item.built or item.published),
        path.relative_to(top).as_posix(),
        branch=receipt.source.branch,
        tag=receipt.source.tag,
        revision=receipt.source.revision,
        dirty=any(image.dirty for image in receipt.images),
        complete=receipt.complete,
        failed={item.name: item.error.cause for item in receipt.images if item.error is not None},
    )


def _image(item: ImageReceipt) -> ImageOutput:
    from ecr_tasks.ci.outputs.model import CopyOutput, ImageOutput

    built = item.built
    output = ImageOutput(
        name=item.name,
        repository=item.repository,
        digest=item.digest,
        tags=item.tags,
        version=item.version,
        state="built",
        because=item.because,
        platforms=dict.fromkeys(built.platforms) if built else {},
        seconds=item.seconds,
    )
    if not item.published:
        return output
    published = item.published[0]
    size = item.size if item.size is not None else published.image.size
    if published.image.is_index:
        platforms = tuple(name for name, _ in published.image.children)
    else:
        platforms = item.platforms or (built.platforms if built else ()) or tuple(item.sizes)
    single_size = size if len(platforms) == 1 else None
    return replace(
        output,
        repository=f"{published.registry}/{published.repository}",
        digest=published.digest,
        tags=published.tags,
        state=published.state,
        platforms={name: item.sizes.get(name, single_size) for name in platforms},
        size=size,
        copies=(
            *(CopyOutput(copy.reference, copy.state) for copy in item.published[1:]),
            *(CopyOutput(failed.address, "failed", failed.error.cause) for failed in item.failed),
        ),
    )
