"""What the project's tasks work on in AWS, for policies and checks of rights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ecr_tasks.errors import EcrTasksError, SettingsError
from ecr_tasks.iam.scope import Scope, scope_of

if TYPE_CHECKING:
    from ecr_tasks.model.destination import Destination
    from ecr_tasks.runner.run import Run


def iam_scope(run: Run, more: Iterable[Destination] = ()) -> Scope:
    """Return the scope of the planned images with their destinations, and with ``more`` of these.

    Asks nobody where account and region are set. Raises SettingsError when one of them is not known.
    """
    from ecr_tasks.clients.ecr.partition import partition_of
    from ecr_tasks.plan.cache import with_cache
    from ecr_tasks.runner.images import planned_builds, planned_repositories
    from ecr_tasks.source.build_context.references import read_references

    settings = run.settings
    repositories = list(dict.fromkeys(planned_repositories(run).values()))
    region = settings.region or run.registry.region()
    reads: set[str] = set()
    caches: set[str] = set()
    for definition in planned_builds(run):
        cached = with_cache(definition, settings.cache, None)
        for build in cached.with_links():
            references = read_references(build, lambda: "linux/amd64")
            reads |= references.all - references.caches
            caches |= references.caches
    return scope_of(
        repositories,
        registry_account(run),
        region,
        partition_of,
        destinations=[*settings.destinations, *more],
        reads=sorted(reads),
        caches=sorted(caches),
    )


def registry_account(run: Run) -> str:
    """Return the registry's account: the setting, else the caller's, as STS says. Raises SettingsError without."""
    if run.settings.account_id:
        return run.settings.account_id
    try:
        return run.registry.caller_account()
    except EcrTasksError as error:
        raise SettingsError(
            f"The registry's account is not known here: {error.cause}",
            "Set AWS_ACCOUNT_ID: then nobody has to be asked.",
        ) from error
