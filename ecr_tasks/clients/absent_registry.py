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

    @property
    def admin(self) -> AbsentRegistry:
        """Return this object, whose methods raise."""
        return self

    @property
    def evidence(self) -> AbsentRegistry:
        """Return this object, whose methods raise."""
        return self

    def connect(self) -> None:
        """Do nothing: there is nothing to connect to."""

    def in_region(self, account: str, region: str) -> AbsentRegistry:
        """Return this object: a dry run without its registry asks no other one either."""
        del account, region
        return self

    def public(self, alias: str, read: object) -> AbsentRegistry:
        """Return this object: a dry run without its registry asks no other one either."""
        del alias, read
        return self

    def _refuse(self, *arguments: object, **options: object) -> NoReturn:
        del arguments, options
        raise AbsentRegistryError(
            "There is no registry to ask: the local ECR does not run, and a dry run does not start it.",
            "Start it with `inv local.up`.",
        )

    describe = image = images = labels = find = present = list_tags = referrers = inventory = _refuse
    set_tag = untag = reserve = token = region = caller_account = replicates_to = replication = _refuse
    state = create = set_policies = change = would_expire = delete = _refuse
    scan = pushed = signatures = signing = _refuse
