"""The `images` task: reads what each planned image's repository holds and shows it."""

from __future__ import annotations

from datetime import datetime, timezone

from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.console import say
from ecr_tasks.runner.repositories import planned_repositories
from ecr_tasks.runner.run import Run
from ecr_tasks.tasks import images_view as show

PARALLEL = 4
"""How many repositories are read at once; each may read its indexes with several calls at once as well."""


def list_images(run: Run, *, json: bool) -> None:
    """One DescribeImages for a thousand manifests and one BatchGetImage for a hundred indexes, and no more."""
    if run.registry_away:
        say("there is no registry to ask: the local ECR does not run")
        return
    chosen = planned_repositories(run)
    names = list(dict.fromkeys(chosen.values()))
    run.registry.connect()
    held = dict(zip(names, map_parallel(run.registry.inventory, names, PARALLEL, run.retrier), strict=True))
    if json:
        show.inventory_document(chosen, held)
        return
    now = datetime.now(timezone.utc)
    for name in names:
        show.inventory(name, held[name], now)
