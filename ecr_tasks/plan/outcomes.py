"""The error of a run in which images failed: which ones, why, and what became of the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ecr_tasks.errors import EcrTasksError, RegistryError
from ecr_tasks.model.receipt import ImageReceipt, Receipt
from ecr_tasks.model.wording import name_some
from ecr_tasks.plan.destinations import combined_error

MOST = 20
"""How many different causes an error lists; the receipt has all."""


def failure(receipt: Receipt) -> EcrTasksError | None:
    """Return one error for everything that failed in a run; None if nothing did.

    Its exit code is that of the errors, or RegistryError's where they differ. The error of a project's only image is
    its own.
    """
    failed = [image for image in receipt.images if image.error is not None]
    if not failed:
        return combined_error(receipt.failed) if receipt.failed else None
    first = failed[0].error
    if first is None or len(receipt.images) == 1:
        return first
    errors = [image.error for image in failed if image.error] + list(receipt.failed.values())
    kind = type(first) if all(error.code == first.code for error in errors) else RegistryError
    remedies = list(dict.fromkeys(error.remedy for error in errors))
    more = f" The receipt has {len(remedies) - 3} more remedies." if len(remedies) > 3 else ""
    return kind(
        f"{len(failed)} of {len(receipt.images)} images failed{_others(receipt)}:",
        f"{' '.join(remedies[:3])}{more} A second run does only what is missing.",
        [*_causes(failed), *(f"not in {address}: {error.cause}" for address, error in receipt.failed.items())],
    )


def _others(receipt: Receipt) -> str:
    """Return a clause about the images that did not fail."""
    outcomes = [image.outcome for image in receipt.images]
    published = outcomes.count("published") + outcomes.count("incomplete")
    parts = (
        (published, "published"),
        (outcomes.count("part"), "pushed for one platform"),
        (outcomes.count("built"), "built"),
        (outcomes.count("not-begun"), "not done"),
    )
    words = [f"{number} {'is' if number == 1 else 'are'} {word}" for number, word in parts if number]
    return f" ({', '.join(words)})" if words else ""


def _causes(failed: Sequence[ImageReceipt]) -> Iterator[str]:
    """Yield a line for each cause with the images that it is about."""
    names: dict[str, list[str]] = {}
    for image in failed:
        if image.error is not None:
            names.setdefault(image.error.cause, []).append(image.name)
    for cause, about in list(names.items())[:MOST]:
        yield f"{name_some(tuple(about))}: {cause}"
    if len(names) > MOST:
        yield f"and {len(names) - MOST} more, which the receipt has"
