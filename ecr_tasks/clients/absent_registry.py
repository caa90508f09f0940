"""The registry of a dry run while the local ECR does not run: every request to it raises an error.

It is used because, without the local ECR's settings, the requests would go to the user's own AWS account.
"""

from __future__ import annotations

from typing import NoReturn

from ecr_tasks.errors import RegistryError


class AbsentRegistryError(RegistryError):
    """A request to an absent registry. For tasks that only show something, a dry run does not fail with it."""


class AbsentRegistry:
    """Has the methods of EcrRegistry. They raise AbsentRegistryError, except those that only return clients."""

    def connect(self) -> None:
        """Do nothing, as there are no clients."""

    def _return_self(self, *arguments: object) -> AbsentRegistry:
        """Return this object, which also stands for registries of other regions and for ECR Public."""
        return self

    def _refuse(self, *arguments: object, **options: object) -> NoReturn:
        raise AbsentRegistryError(
            "There is no registry to ask: the local ECR does not run, and a dry run does not start it.",
            "Start it with `inv local.up`.",
        )

    admin = artifacts = evidence = pull_time_exclusions = registry_settings = property(_return_self)
    removal = running = property(_return_self)
    in_region = public = main_public = _return_self
    describe = image = read = remember = images = tagged = tag_digests = labels = find = existing_digests = _refuse
    cache_rules = list_tags = referrers = inventory = details = caller = login_from_secret = created_on_push = _refuse
    owner = check = part = apply = regions = scan_summaries = _refuse
    set_tag = untag = delete_image = permit = reserve = token = region = endpoint = caller_account = replicates_to = (
        replication
    ) = detail = _refuse
    state = create = set_policies = change = would_expire = delete = missing = add = _refuse
    prepare = attach = list = manifests = _refuse
    scan = start_scan = scanning = push_time = signing_statuses = signing_profiles = _refuse
    environment = platform = may_untag = _refuse
    unknown = tags = set_storage_class = policies = deletes_elsewhere = ask = _refuse
