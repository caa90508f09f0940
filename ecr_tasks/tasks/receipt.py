"""The function `receipt`, for a user's own tasks: what was published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_tasks.errors import RegistryError
from ecr_tasks.runner.decorator import results_of

if TYPE_CHECKING:
    from invoke.context import Context

    from ecr_tasks.model.publication import Publication


def receipt(c: Context) -> Publication:
    """Return what was published of this commit: by this command line, else as the receipts of earlier ones tell.

    No registry is asked. Raises EcrTasksError, with the code of a registry's errors, for an image of which there is
    no receipt, or one of another commit or registry.
    """
    with results_of(c) as (run, earlier):
        from ecr_tasks.runner.publication import published_before, published_by_push

        if earlier.receipt is not None:
            return published_by_push(earlier.receipt)
        publication, missing = published_before(run, ())
        if missing:
            name, reason = next(iter(missing.items()))
            raise RegistryError(f"{name}: {reason}.", "Push it first: `inv build push`, or push(c) in your task.")
        return publication
