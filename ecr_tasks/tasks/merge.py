"""The `merge` task: join the platforms that several runners have pushed, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ecr_tasks.console import data, document, with_typed_commands
from ecr_tasks.runner.command_line import IMAGES, as_choice
from ecr_tasks.runner.decorator import chained_task
from ecr_tasks.tasks.push import published

if TYPE_CHECKING:
    from ecr_tasks.model.receipt import Receipt
    from ecr_tasks.runner.earlier_results import EarlierResults
    from ecr_tasks.runner.run import Run


@chained_task(
    published,
    iterable=["image"],
    help={
        "image": IMAGES,
        "wait": "wait for missing parts, whose runners may still be building",
        "timeout": "how long to wait, such as 90s or 30m (default with --wait: 1h)",
        "json": "one JSON document on stdout, the receipt, instead of the references",
    },
)
def merge(
    run: Run,
    earlier: EarlierResults,
    wait: bool = False,
    timeout: str = "",
    json: bool = False,
    image: Sequence[str] | None = None,
) -> Receipt | None:
    """Join what runners pushed by `push --only`.

    The last of them does it by itself; this is for a run in which it did
    not. It builds nothing, and exits with 6 when a part is missing.
    """
    from dataclasses import replace

    from ecr_tasks.plan.outcomes import failure
    from ecr_tasks.runner import ci_results
    from ecr_tasks.runner.managed_signing import wait_for_managed_signing
    from ecr_tasks.runner.merge_steps import HOUR, ONCE, start_merge, with_joined
    from ecr_tasks.runner.publish_steps import build_receipt, publish_images
    from ecr_tasks.runner.scan_rules import parse_timeout
    from ecr_tasks.tasks.plan import show_plan

    waits = HOUR if wait or timeout else ONCE
    waits = replace(waits, limit=parse_timeout(timeout)) if timeout else waits
    job = start_merge(run, as_choice(image))
    job.plan.check()
    if run.dry:
        show_plan(job.plan)
        if json:
            document(build_receipt(run, job, job.plan.images).as_json(with_typed_commands))
        return None
    receipt = publish_images(run, with_joined(run, job, waits))
    unsigned = wait_for_managed_signing(run, receipt)
    ci_results.hand_over(run, receipt)
    if json:
        document(receipt.as_json(with_typed_commands))
    else:
        for reference in receipt.references:
            data(reference)
    if (error := failure(receipt) or unsigned) is not None:
        raise error
    return receipt
