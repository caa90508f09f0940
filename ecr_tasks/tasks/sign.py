"""The `sign` task: sign published images by their digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_tasks.console import data, document, say
from ecr_tasks.runner.command_line import follows
from ecr_tasks.runner.decorator import chained_task

if TYPE_CHECKING:
    from ecr_tasks.runner.earlier_results import EarlierResults
    from ecr_tasks.runner.run import Run


@chained_task(
    lambda result: None,
    may_be_positional="source",
    publishes=False,
    iterable=["image"],
    help={
        "source": "a tag, a sha256: digest, or host/repository@digest as push prints it; --source may be left out "
        "(default: what was pushed of this commit)",
        "image": "of several images, the one; once for each (default: all of them)",
        "json": "one JSON document on stdout instead of the references",
    },
)
def sign(
    run: Run,
    earlier: EarlierResults,
    source: str | None = None,
    image: list[str] | None = None,
    json: bool = False,
) -> None:
    """Sign what was published, by its digest (ECR_SIGN).

    The signature refers to the image, so that no tag is set. An image that an
    expected signer (ECR_SIGNED_BY) has signed already is left alone.
    """
    from ecr_tasks.runner.publication import published_to_deploy
    from ecr_tasks.runner.signing import sign_image, sign_method

    method = sign_method(run)
    if run.dry and source is None and follows("push"):
        say(f"would sign what the push publishes ({method})")
        return
    images = published_to_deploy(run, earlier.receipt, source, image or [])
    signed = []
    for published in images:
        if run.dry:
            say(f"would sign {published.reference} ({method})")
            continue
        state = sign_image(run, published, method)
        say(f"{published.address}: {state.replace('-', ' ')} ({method})")
        signed.append(
            {
                "name": published.name,
                "reference": published.reference,
                "digest": published.digest,
                "state": state,
                "with": str(method),
            }
        )
        if not json:
            data(published.reference)
    if json and not run.dry:
        document({"images": signed})
