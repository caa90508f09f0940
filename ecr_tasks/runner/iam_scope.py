"""What the project's tasks work on in AWS, for policies and checks of rights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ecr_tasks.errors import EcrTasksError, SettingsError
from ecr_tasks.iam.scope import Scope, scope_of, scope_of_identity

if TYPE_CHECKING:
    from ecr_tasks.model.destination import Destination
    from ecr_tasks.runner.run import Run


def iam_scope(run: Run, more: Iterable[Destination] = ()) -> Scope:
    """Return the scope of the planned images with their destinations, and with ``more`` of these.

    Asks nobody where account and region are set. Raises SettingsError when one of them is not known.
    """
    from ecr_tasks.clients.ecr.partition import partition_of
    from ecr_tasks.plan.cache import caches_of, with_cache
    from ecr_tasks.runner.images import planned_builds, planned_repositories
    from ecr_tasks.source.build_context.references import read_references

    settings = run.settings
    repositories = list(dict.fromkeys(planned_repositories(run).values()))
    region = settings.region or run.registry.region()
    reads: set[str] = set()
    caches: set[str] = set()
    for definition in planned_builds(run):
        cached = with_cache(definition, caches_of(settings, None).for_image("*"), None)
        for build in cached.with_links():
            references = read_references(build, lambda: "linux/amd64")
            reads |= references.all - references.caches
            caches |= references.caches
    return scope_of(
        repositories,
        registry_account(run),
        region,
        partition_of,
        destinations=known_destinations(run, more),
        reads=sorted(reads),
        caches=sorted(caches),
        public_alias=settings.public_alias,
    )


def known_destinations(run: Run, more: Iterable[Destination] = ()) -> list[Destination]:
    """Return ECR_DESTINATIONS and more destinations, which have the same identities where they name none."""
    from ecr_tasks.plan.destinations import as_in_settings

    known = run.settings.destinations
    return [*known, *(as_in_settings(item, run.settings) for item in more)]


def iam_scope_of(run: Run, identity: str, more: Iterable[Destination] = ()) -> Scope:
    """Return what the identity of some destinations works on: a role (ARN), or a profile where there is no role.

    Raises SettingsError where no destination has it.
    """
    from ecr_tasks.clients.ecr.partition import partition_of
    from ecr_tasks.runner.images import planned_repositories

    every = known_destinations(run, more)
    names = {item: item.identity.role_arn or item.identity.profile for item in every}
    chosen = [item for item in every if names[item] == identity]
    if not chosen:
        named = ", ".join(dict.fromkeys(name for name in names.values() if name))
        raise SettingsError(
            f"No destination has the role or profile {identity[:200]!r}.",
            f"Choose one of {named}." if named else "Name it after its destination: ACCOUNT/REGION,role=ARN.",
        )
    account = identity.split(":")[4] if identity.startswith("arn:") else registry_account(run)
    return scope_of_identity(list(dict.fromkeys(planned_repositories(run).values())), chosen, account, partition_of)


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
