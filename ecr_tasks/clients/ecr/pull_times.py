"""The principals whose pulls ECR does not record in the caller's registry (pull-time update exclusions)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import result_or_none, translate_errors
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.errors import AwsError, EcrTasksError, SettingsError
from ecr_tasks.model.ecr_host import is_on_this_machine
from ecr_tasks.settings.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

SETTING = "ECR_PULL_TIME_EXCLUSIONS"

_MOST = 100
"""How many principals a registry excludes at most (API model, PullTimeUpdateExclusionList)."""

_SESSION = re.compile(r"arn:(?P<partition>[a-z-]+):sts::(?P<account>[0-9]{12}):assumed-role/(?P<name>[^/]+)/.*")
_PRINCIPAL = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:(?:role|user)/.+")


class PullTimeExclusions:
    """The exclusions that the settings want, compared with those of the registry; others are left alone."""

    def __init__(self, settings: Settings, aws: AwsSession) -> None:
        self._settings, self._aws = settings, aws

    def missing(self) -> tuple[str, ...]:
        """Return the ARNs of the wanted principals that are not excluded yet.

        Raises SettingsError for a caller whose ARN can't be known, for another account's registry, and for more
        principals than it has room for.
        """
        caller, account = self._aws.caller(), self._settings.account_id
        if account not in (None, caller.account):
            raise SettingsError(
                f"{SETTING} is for the registry of {account}, and these credentials are {caller.account}'s: ECR "
                "lets a registry's own account alone exclude principals.",
                "Run it with credentials of that account, or unset it here.",
            )
        wanted = [
            self._principal(caller.arn) if name == "caller" else name for name in self._settings.pull_time_exclusions
        ]
        with translate_errors("list the pull-time exclusions (ecr:ListPullTimeUpdateExclusions)"):
            client, excluded, following = self._client(), set[str](), dict[str, Any]()
            while True:
                page = client.list_pull_time_update_exclusions(**following)
                excluded.update(page.get("pullTimeUpdateExclusions", []))
                if not page.get("nextToken"):
                    break
                following = {"nextToken": page["nextToken"]}
        missing = tuple(arn for arn in dict.fromkeys(wanted) if arn not in excluded)
        if missing and len(excluded) + len(missing) > _MOST:
            raise SettingsError(
                f"{SETTING} has {len(missing)} more principals than the {len(excluded)} that the registry excludes "
                f"already, and ECR takes {_MOST} in all.",
                "Name fewer, or remove some with `aws ecr deregister-pull-time-update-exclusion`.",
            )
        return missing

    def add(self, principal: str) -> None:
        """Exclude a principal; one that another run has excluded meanwhile is no error."""
        action = f"exclude {principal} from pull times (ecr:RegisterPullTimeUpdateExclusion)"
        with translate_errors(action):
            result_or_none(
                lambda: self._client().register_pull_time_update_exclusion(principalArn=principal),
                "ExclusionAlreadyExistsException",
            )

    def _principal(self, arn: str) -> str:
        """Return the ARN that IAM knows a caller by; that of a session lacks the path of its role."""
        if _PRINCIPAL.fullmatch(arn):
            return arn
        session = _SESSION.fullmatch(arn)
        if session is None:
            raise SettingsError(
                f"{SETTING}=caller: the credentials are {arn}, which is neither a role nor a user.",
                f"Write the ARN of the role or user that looks: {SETTING}=arn:aws:iam::ACCOUNT:role/NAME",
            )
        name, role = session["name"], self._settings.role_arn or ""
        if role.rpartition("/")[2] == name:
            return role
        if is_on_this_machine(self._client().meta.endpoint_url):  # a local ECR, which has no IAM
            return f"arn:{session['partition']}:iam::{session['account']}:role/{name}"
        try:
            with translate_errors(f"look at the role {name} (iam:GetRole)"):
                return str(self._aws.iam().get_role(RoleName=name)["Role"]["Arn"])
        except EcrTasksError as error:
            raise SettingsError(
                f"{SETTING}=caller: STS doesn't tell the path of the role {name}, and IAM can't be asked: "
                f"{error.cause}",
                f"Write the role's ARN, with its path: {SETTING}=arn:{session['partition']}:iam::{session['account']}"
                f":role/PATH/{name} (`aws iam get-role --role-name {name}` shows it).",
            ) from error

    def _client(self) -> ECRClient:
        client = self._aws.ecr()
        if not hasattr(client, "register_pull_time_update_exclusion"):
            raise AwsError("This boto3 is too old for pull-time exclusions.", "Update boto3.")
        return client
