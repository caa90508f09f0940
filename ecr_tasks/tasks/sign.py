"""The `sign` task: sign published images by their digests."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import data, document, say
from ecr_tasks.runner.command_line import IMAGES, follows
from ecr_tasks.runner.decorator import chained_task

if TYPE_CHECKING:
    from ecr_tasks.errors import EcrTasksError
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
        "image": IMAGES,
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
    expected signer (ECR_SIGNED_BY) has signed already is left alone. The
    copies at ECR_DESTINATIONS are signed, too, each in its own registry.
    """
    from ecr_tasks.runner import receipt_file
    from ecr_tasks.runner.publication import in_registry, published_to_deploy
    from ecr_tasks.runner.signing import sign_copies, sign_image, sign_method

    method = sign_method(run)
    if run.dry and source is None and follows("push"):
        say(f"would sign what the push publishes ({method})")
        return
    errors: dict[str, EcrTasksError] = {}
    signed: list[dict[str, Any]] = []
    for published in in_registry(run, published_to_deploy(run, earlier.receipt, source, image or []), None):
        if run.dry:
            places = ", ".join([published.reference, *map(str, run.settings.destinations)])
            say(f"would sign {places} ({method})")
            continue
        done = []
        for item in chain([sign_image(run, published, method)], sign_copies(run, published, method, errors)):
            done.append(item)
            say(f"{item.reference.partition('@')[0]}: {item.state.replace('-', ' ')} ({item.signer})")
            names = {"name": published.name, "reference": item.reference, "digest": published.digest}
            signed.append({**names, **item.as_json(), "with": str(method)})
            if not json:
                data(item.reference)
        receipt_file.record_signing(run.project, published.repository, done)
    if json and not run.dry:
        document({"images": signed})
    if errors:
        from ecr_tasks.plan.destinations import combined_error

        raise combined_error(errors, "Signed")
