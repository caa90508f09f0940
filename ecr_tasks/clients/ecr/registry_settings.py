"""Read and set the settings of a whole registry. Every call is about the caller's own (API model: no registryId)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ecr_tasks.clients.ecr.api_shapes import first_problem
from ecr_tasks.clients.ecr.aws_config import partition_regions
from ecr_tasks.clients.ecr.errors import DENIED_CODES, error_code, result_or_none, translate_errors
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import AwsError, EcrTasksError, SettingsError, nearest
from ecr_tasks.model.account import Caller
from ecr_tasks.model.registry_settings import KEYS, POLICIES, Part, RegistryChange, RegistryState
from ecr_tasks.plan.registry.file import file_error
from ecr_tasks.settings.settings import Settings

PARALLEL = 8
"""How many parts are read at a time."""

ACCOUNT_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "BASIC_SCAN_TYPE_VERSION": ("AWS_NATIVE",),
    "REGISTRY_POLICY_SCOPE": ("V2",),
    "BLOB_MOUNTING": ("ENABLED", "DISABLED"),
}
"""The account settings and the values that each can be set to (API model, PutAccountSettingRequest)."""

_READ_ONLY = ("createdAt", "updatedAt", "registryId")
_UPDATABLE = ("credentialArn", "customRoleArn")
"""What a pull-through cache rule can be changed in (API model, UpdatePullThroughCacheRuleRequest)."""

_UNKNOWN_CODES = ("UnknownOperationException", "UnsupportedOperationException", "NotImplementedException")


class _Part(NamedTuple):
    """How a part is read: the API's action, the method that reads it, and the shape of what sets it.

    ``member`` is the path from that operation's input to the part's shape; empty for the input itself.
    """

    action: str
    read: Callable[[Any], Any]
    operation: str = ""
    member: str = ""


class RegistrySettings:
    """The settings of the registry of the credentials' own account, in the settings' region."""

    def __init__(self, settings: Settings, aws: AwsSession) -> None:
        self._settings, self._aws = settings, aws

    def owner(self) -> Caller:
        """Return whose registry this is. Raises SettingsError where the settings name another account's."""
        caller = self._aws.caller()
        if self._settings.account_id not in (None, caller.account):
            raise SettingsError(
                f"AWS_ACCOUNT_ID is {self._settings.account_id}, and these credentials are {caller.account}'s: ECR "
                "lets a registry's own account alone see and change its settings.",
                "Run it with credentials of that account (AWS_PROFILE, ECR_ROLE_ARN), or correct AWS_ACCOUNT_ID.",
            )
        return caller

    def regions(self, region: str) -> tuple[str, ...]:
        """Return the regions to which a registry in ``region`` can replicate, as far as the SDK knows."""
        return partition_regions(region)

    def check(self, parts: Mapping[Part, Any], path: Path) -> None:
        """Compare a file's parts with the API model. Raises SettingsError for what ECR would refuse."""
        for part, value in parts.items():
            if part == "accountSettings":
                _check_account_settings(value, path)
            elif part != "registryPolicy" and (problem := self._problem(part, value)):
                raise file_error(path, problem)

    def read(self) -> RegistryState:
        """Return all parts, those that the credentials may not ask for with the reason.

        Raises AwsError where none may be asked, and for every other error.
        """
        self._aws.ecr()
        names = [*_PARTS, "replicationBackfills"]
        answers = dict(zip(names, map_parallel(self._answer, names, PARALLEL, self._aws.retrier), strict=True))
        errors = {name: answer for name, answer in answers.items() if isinstance(answer, EcrTasksError)}
        if len(errors) == len(names):
            raise next(iter(errors.values()))
        backfills = answers["replicationBackfills"]
        return RegistryState(
            {part: answers[part] for part in _PARTS if part not in errors},
            tuple(backfills) if not isinstance(backfills, EcrTasksError) else (),
            {name: error.cause for name, error in errors.items()},
        )

    def part(self, part: Part) -> Any:
        """Return one part's value."""
        action, read = _PARTS[part][:2]
        return _read(self._aws.ecr(), action, read)

    def apply(self, change: RegistryChange) -> None:
        """Carry out one change."""
        client: Any = self._aws.ecr()
        with translate_errors(f"set {change.difference.aspect} of the registry"):
            _SETTERS[change.part](client, change.now, change.wanted)

    def _answer(self, name: str) -> Any:
        """Return a part's value, or the error of one that may not be asked for."""
        action, read = _BACKFILLS if name == "replicationBackfills" else _PARTS[name][:2]  # type: ignore[index]
        try:
            return _read(self._aws.ecr(), action, read)
        except EcrTasksError as error:
            code = error_code(error.__cause__) if isinstance(error.__cause__, Exception) else ""
            if isinstance(error, _TooOldError) or code in (*DENIED_CODES, *_UNKNOWN_CODES):
                return error
            raise

    def _problem(self, part: Part, value: Any) -> str:
        operation, member = _PARTS[part][2:]
        model = self._aws.ecr().meta.service_model
        if operation not in model.operation_names:
            raise _TooOldError(part)
        shape: Any = model.operation_model(operation).input_shape
        if member:
            return first_problem(shape.members[member], value, part)
        if part == "scanningConfiguration":
            return first_problem(shape, value, part)
        if not isinstance(value, list):
            return f"has in {part} what is not a list"
        item_shape = shape.members["principalArn"] if part == "pullTimeUpdateExclusions" else shape
        places = ((f"{part}[{number}]", item) for number, item in enumerate(value))
        found = (first_problem(item_shape, item, place, (*POLICIES, "registryId")) for place, item in places)
        return next(filter(None, found), "")


class _TooOldError(AwsError):
    def __init__(self, part: str) -> None:
        super().__init__(f"This boto3 is too old for {part}.", "Update boto3.")


def _read(client: Any, action: str, read: Callable[[Any], Any]) -> Any:
    with translate_errors(f"read the registry's settings (ecr:{action})"):
        try:
            return read(client)
        except AttributeError as error:  # a client has a method for each operation that it knows
            raise _TooOldError(action) from error


def _pages(client: Any, method: str, member: str) -> list[Any]:
    """Return the items of all pages; botocore has no paginator for some of these operations."""
    items: list[Any] = []
    following: dict[str, Any] = {}
    while True:
        page = getattr(client, method)(**following)
        items += page.get(member, [])
        if not page.get("nextToken"):
            return items
        following = {"nextToken": page["nextToken"]}


def _account_settings(client: Any) -> dict[str, str]:
    """Return the account settings that the registry knows."""
    found = {
        name: result_or_none(
            lambda name=name: client.get_account_setting(name=name),  # type: ignore[misc]
            *("InvalidParameterException", "ValidationException"),
        )
        for name in ACCOUNT_SETTINGS
    }
    return {name: answer["value"] for name, answer in found.items() if answer is not None}


def _policy(client: Any) -> Any:
    found = result_or_none(client.get_registry_policy, "RegistryPolicyNotFoundException")
    return parse_json(found["policyText"]) if found is not None else None


def _templates(client: Any) -> list[dict[str, Any]]:
    found = _pages(client, "describe_repository_creation_templates", "repositoryCreationTemplates")
    return [
        {key: parse_json(value) if key in POLICIES and value else value for key, value in _written(item).items()}
        for item in found
    ]


def _cache_rules(client: Any) -> list[dict[str, Any]]:
    return [_written(item) for item in _pages(client, "describe_pull_through_cache_rules", "pullThroughCacheRules")]


def _written(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key not in _READ_ONLY}


def _scanning(client: Any) -> dict[str, Any]:
    found = client.get_registry_scanning_configuration().get("scanningConfiguration", {})
    return {"scanType": found.get("scanType", "BASIC"), "rules": found.get("rules", [])}


def _signing(client: Any) -> dict[str, Any]:
    found = result_or_none(client.get_signing_configuration, "SigningConfigurationNotFoundException")
    return {"rules": found["signingConfiguration"]["rules"] if found is not None else []}


def _replication(client: Any) -> dict[str, Any]:
    return {"rules": client.describe_registry()["replicationConfiguration"].get("rules", [])}


_BACKFILLS: tuple[str, Callable[[Any], Any]] = (
    "ListReplicationBackfills",
    lambda client: _pages(client, "list_replication_backfills", "backfills"),
)

_PARTS: Mapping[Part, _Part] = {
    "accountSettings": _Part("GetAccountSetting", _account_settings),
    "registryPolicy": _Part("GetRegistryPolicy", _policy),
    "repositoryCreationTemplates": _Part(
        "DescribeRepositoryCreationTemplates", _templates, "CreateRepositoryCreationTemplate"
    ),
    "pullThroughCacheRules": _Part("DescribePullThroughCacheRules", _cache_rules, "CreatePullThroughCacheRule"),
    "scanningConfiguration": _Part("GetRegistryScanningConfiguration", _scanning, "PutRegistryScanningConfiguration"),
    "signingConfiguration": _Part(
        "GetSigningConfiguration", _signing, "PutSigningConfiguration", "signingConfiguration"
    ),
    "replicationConfiguration": _Part(
        "DescribeRegistry", _replication, "PutReplicationConfiguration", "replicationConfiguration"
    ),
    "pullTimeUpdateExclusions": _Part(
        "ListPullTimeUpdateExclusions",
        lambda client: _pages(client, "list_pull_time_update_exclusions", "pullTimeUpdateExclusions"),
        "RegisterPullTimeUpdateExclusion",
    ),
}


def _check_account_settings(value: Any, path: Path) -> None:
    if not isinstance(value, dict):
        raise file_error(path, "has in accountSettings what is not an object")
    for name, text in value.items():
        if name not in ACCOUNT_SETTINGS:
            similar = nearest(str(name), list(ACCOUNT_SETTINGS), 0.5) or ", ".join(ACCOUNT_SETTINGS)
            raise file_error(path, f"has the key {name!r} in accountSettings; did you mean {similar}?")
        if text not in ACCOUNT_SETTINGS[name]:
            values = " or ".join(ACCOUNT_SETTINGS[name])
            raise file_error(path, f"has {text!r} in accountSettings.{name}; ECR takes {values}")


def _set_account_settings(client: Any, now: Any, wanted: Any) -> None:
    for name, value in wanted.items():
        if now.get(name) != value:
            client.put_account_setting(name=name, value=value)


def _set_policy(client: Any, now: Any, wanted: Any) -> None:
    if wanted:
        client.put_registry_policy(policyText=json.dumps(wanted))
    else:
        result_or_none(client.delete_registry_policy, "RegistryPolicyNotFoundException")


def _set_template(client: Any, now: Any, wanted: Any) -> None:
    if wanted is None:
        result_or_none(
            lambda: client.delete_repository_creation_template(prefix=now["prefix"]), "TemplateNotFoundException"
        )
        return
    texts = {
        key: json.dumps(value) if key in POLICIES and value else value or ""
        for key, value in wanted.items()
        if key in POLICIES
    }
    method = client.create_repository_creation_template if now is None else client.update_repository_creation_template
    method(**{**wanted, **texts})


def _set_cache_rule(client: Any, now: Any, wanted: Any) -> None:
    name = KEYS["pullThroughCacheRules"]
    if now is not None and wanted is not None:
        changed = {key: value for key, value in wanted.items() if now.get(key) != value}
        if set(changed) <= set(_UPDATABLE):
            client.update_pull_through_cache_rule(**{name: now[name]}, **changed)
            return
    if now is not None:
        result_or_none(
            lambda: client.delete_pull_through_cache_rule(**{name: now[name]}),
            "PullThroughCacheRuleNotFoundException",
        )
    if wanted is None:
        return
    try:
        with translate_errors(f"create the pull-through cache rule {wanted[name]}"):
            client.create_pull_through_cache_rule(**wanted)
    except EcrTasksError as error:
        if now is None:
            raise
        _put_back(client, now, error)
        raise


def _put_back(client: Any, rule: Mapping[str, Any], error: EcrTasksError) -> None:
    """Create a cache rule again that was deleted for one that ECR refused; raise AwsError where it takes neither."""
    try:
        with translate_errors("create the pull-through cache rule again that was there"):
            client.create_pull_through_cache_rule(**rule)
    except EcrTasksError:
        cause = f"{error.cause.rstrip('.')}; the rule that was there had to be deleted first, and is gone."
        raise AwsError(cause, error.remedy) from error


def _set_signing(client: Any, now: Any, wanted: Any) -> None:
    if wanted["rules"]:
        client.put_signing_configuration(signingConfiguration=wanted)
    else:
        result_or_none(client.delete_signing_configuration, "SigningConfigurationNotFoundException")


def _set_exclusions(client: Any, now: Any, wanted: Any) -> None:
    for principal in sorted(set(now) - set(wanted)):
        result_or_none(
            lambda arn=principal: client.deregister_pull_time_update_exclusion(principalArn=arn),  # type: ignore[misc]
            "ExclusionNotFoundException",
        )
    for principal in sorted(set(wanted) - set(now)):
        result_or_none(
            lambda arn=principal: client.register_pull_time_update_exclusion(principalArn=arn),  # type: ignore[misc]
            "ExclusionAlreadyExistsException",
        )


_SETTERS: Mapping[Part, Callable[[Any, Any, Any], None]] = {
    "accountSettings": _set_account_settings,
    "registryPolicy": _set_policy,
    "repositoryCreationTemplates": _set_template,
    "pullThroughCacheRules": _set_cache_rule,
    "scanningConfiguration": lambda client, now, wanted: client.put_registry_scanning_configuration(**wanted),
    "signingConfiguration": _set_signing,
    "replicationConfiguration": lambda client, now, wanted: client.put_replication_configuration(
        replicationConfiguration=wanted
    ),
    "pullTimeUpdateExclusions": _set_exclusions,
}
