"""The registry of a dry run whose local ECR does not run: every question to it is an error.

Without the local ECR's settings, the registry of the user's own account would be asked instead.
"""

from __future__ import annotations

from typing import NoReturn

from ecr_tasks.errors import RegistryError


class AbsentRegistryError(RegistryError):
    """A question to a registry that is not there; a dry run that only shows something ends well with it."""


class AbsentRegistry:
    """Has the methods of EcrRegistry; all of them raise RegistryError, except those that only give clients."""

    def connect(self) -> None:
        """Do nothing: there is nothing to connect to."""

    def _itself(self, *arguments: object) -> AbsentRegistry:
        """Return this object: a dry run without its registry asks no other one either."""
        return self

    def _refuse(self, *arguments: object, **options: object) -> NoReturn:
        raise AbsentRegistryError(
            "There is no registry to ask: the local ECR does not run, and a dry run does not start it.",
            "Start it with `inv local.up`.",
        )

    admin = evidence = property(_itself)
    in_region = public = _itself
    describe = image = images = labels = find = present = list_tags = referrers = inventory = _refuse
    set_tag = untag = reserve = token = region = caller_account = replicates_to = replication = _refuse
    state = create = set_policies = change = would_expire = delete = _refuse
    scan = pushed = signatures = signing = _refuse
