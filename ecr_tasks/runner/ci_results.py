"""Hands a run's results to the CI it runs in: values, a summary, log groups and errors.

What each CI takes is ``report/ci``'s business; here stands when it is given. On a laptop nothing is, and nothing
of it is imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.manifest import OCI_KEYS

if TYPE_CHECKING:
    from ecr_tasks.plan.plan import Plan
    from ecr_tasks.runner.run import Run


def results(run: Run, plan: Plan, *, complete: bool = True) -> None:
    """After a build or a push: what was built and published. Never fails a run; it warns.

    A push that failed is not ``complete``: its summary is shown, and nothing is handed on that could be deployed.
    """
    if not run.in_ci:
        return
    from ecr_tasks.ci.outputs.write import write_outputs
    from ecr_tasks.ci.systems import outputs_adapter
    from ecr_tasks.runner.outputs import gather

    versions = {item.image.name: item.image.definition.labels.get(OCI_KEYS + "version") for item in plan.images}
    outputs = gather(
        plan,
        run.entries,
        run.source,
        run.project,
        sizes={name: entry.sizes for name, entry in run.entries.items()},
        versions={name: version for name, version in versions.items() if version},
        complete=complete,
    )
    write_outputs(outputs_adapter(run.source.ci), os.environ, outputs, run.project)


@contextmanager
def group(run: Run, title: str) -> Iterator[None]:
    """Puts what is printed inside into a group of the CI's log."""
    if not run.in_ci:
        yield
        return
    from ecr_tasks.ci.outputs.write import log_group
    from ecr_tasks.ci.systems import outputs_adapter

    with log_group(outputs_adapter(run.source.ci), title):
        yield


def error(run: Run, error: EcrTasksError) -> None:
    """Shows an error where the CI shows errors; the settings or git may be what is wrong, so neither is asked."""
    from ecr_tasks.ci.detect import detect

    provider = detect(os.environ).provider
    if provider is not None:
        from ecr_tasks.ci.outputs.write import show_error
        from ecr_tasks.ci.systems import outputs_adapter

        show_error(outputs_adapter(provider), os.environ, error, run.project)
