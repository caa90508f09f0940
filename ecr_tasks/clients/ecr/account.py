"""Implements the Account port: what AWS says of credentials, clock, region and the registry's settings."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.aws_config import ecr_regions
from ecr_tasks.clients.ecr.errors import broken_sessions, no_region, translate_errors
from ecr_tasks.clients.ecr.identity_session import IdentitySessions
from ecr_tasks.clients.ecr.known_errors import for_profile
from ecr_tasks.clients.ecr.permissions import permissions
from ecr_tasks.clients.ecr.scans import parse_scanning
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import AwsError, EcrTasksError, nearest
from ecr_tasks.model.account import (
    Caller,
    CreationTemplate,
    Credentials,
    Need,
    Permission,
    Region,
)
from ecr_tasks.model.destination import PUBLIC_REGION, Identity
from ecr_tasks.model.ecr_host import is_on_this_machine
from ecr_tasks.model.scan import Scanning

if TYPE_CHECKING:
    from ecr_tasks.settings.settings import Settings

READ_SECONDS = 8
"""How long an answer may take."""

_RENEWING = ("assume-role", "assume-role-with-web-identity", "container-role", "iam-role", "custom-process", "login")


class AwsAccount:
    """The account and registry of some settings, asked with a session of its own that retries nothing."""

    def __init__(self, settings: Settings, aws: AwsSession | None = None) -> None:
        self._settings = settings
        self._environ = settings.sdk_environ(os.environ)
        self._aws = aws or AwsSession(settings, Retrier(attempts=1), read_seconds=READ_SECONDS, asks=False)
        self._identities = IdentitySessions(self._aws)

    def of_identity(self, identity: Identity, region: str) -> AwsAccount:
        """Return the account and registry with the credentials of a destination's identity."""
        return AwsAccount(self._settings, self._identities.of(identity, region))

    def credentials(self) -> Credentials:
        """Return the credentials. Raises AwsError with the command that renews this profile's."""
        try:
            return self._credentials()
        except EcrTasksError as error:
            raise type(error)(error.cause, for_profile(error.remedy, self._profile)) from error

    def _credentials(self) -> Credentials:
        with translate_errors("reach AWS"), broken_sessions():
            found = self._aws.core.get_credentials()
            if found is None:
                from botocore.exceptions import NoCredentialsError

                raise NoCredentialsError
            frozen = found.get_frozen_credentials()
        method = str(found.method)
        ends = getattr(found, "_expiry_time", None) or _time(self._environ.get("AWS_CREDENTIAL_EXPIRATION"))
        keys_hide = method == "env" and self._environ.get("AWS_PROFILE")
        return Credentials(
            method=method,
            key_end=(frozen.access_key or "")[-4:],
            is_temporary=bool(frozen.token),
            renews_itself=method in _RENEWING,
            ends=ends if frozen.token else None,
            profile=None if method in ("env", "iam-role", "container-role") else self._profile,
            hidden_profile=self._environ.get("AWS_PROFILE") if keys_hide else None,
            role=self._settings.role_arn,
        )

    def caller(self) -> Caller:
        """Return whom STS takes us for."""
        return self._aws.caller()

    def clock_ahead(self) -> float:
        """Return by how many seconds this machine's clock is ahead of STS's, which tells its time without a key.

        Raises AwsError where nothing answers, or without the time.
        """
        from botocore import UNSIGNED
        from botocore.config import Config
        from botocore.exceptions import ClientError

        from ecr_tasks.clients.ecr.session import core_session

        with translate_errors("ask AWS for its time"):
            core = core_session(self._environ, asks=False)
            region = self._settings.region or core.get_config_variable("region")
        if not region:
            raise no_region()
        config = Config(
            signature_version=UNSIGNED,
            connect_timeout=5,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        with translate_errors("ask AWS for its time"):
            client: Any = core.create_client("sts", region_name=region, config=config)
            try:
                answer: Any = client.get_caller_identity()
            except ClientError as error:  # which an answer to a call without a signature is
                answer = error.response
        now = time.time()
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        try:
            return now - parsedate_to_datetime(headers["date"]).timestamp()
        except (KeyError, TypeError, ValueError) as error:
            raise AwsError("AWS's answer has no time in it.", "See whether a proxy answers in its place.") from error

    def region(self) -> Region:
        """Return the region and its endpoint. Raises SettingsError without one."""
        from ecr_tasks.clients.ecr.session import core_session

        if self._settings.public_alias is not None:
            set_endpoint = self._settings.aws_endpoint_url_ecr_public or self._settings.aws_endpoint_url
            endpoint = set_endpoint or f"https://api.ecr-public.{PUBLIC_REGION}.amazonaws.com"
            return Region(PUBLIC_REGION, endpoint, is_local=is_on_this_machine(endpoint))
        with translate_errors("find ECR's endpoint"):
            core = core_session(self._environ, asks=False)
            name = self._settings.region or core.get_config_variable("region")
            if not name:
                raise no_region()
            known = ecr_regions(core)
            set_endpoint = self._settings.aws_endpoint_url_ecr or self._settings.aws_endpoint_url
            endpoint = set_endpoint or f"https://api.ecr.{name}.amazonaws.com"
        return Region(name, endpoint, name in known, is_on_this_machine(endpoint), nearest(name, known, 0.6))

    def scanning(self) -> Scanning:
        """Return the registry's scanning, of which ECR Public has none."""
        if self._settings.public_alias is not None:
            return Scanning("")
        with translate_errors("read how images are scanned (ecr:GetRegistryScanningConfiguration)"):
            return parse_scanning(self._aws.ecr().get_registry_scanning_configuration())

    def templates(self) -> Sequence[CreationTemplate]:
        """Return the registry's creation templates, of which ECR Public has none."""
        if self._settings.public_alias is not None:
            return ()
        from ecr_tasks.clients.ecr.creation_templates import read_templates

        return read_templates(self._aws.ecr())

    def permissions(self, caller: Caller, wanted: Sequence[Need]) -> Sequence[Permission]:
        """Return whether the caller may do each of the actions that are wanted."""
        return permissions(self._aws, caller, wanted, asks_iam=not self.region().is_local or self._has_iam_endpoint())

    def close(self) -> None:
        """End what still hangs."""
        self._aws.close()
        self._identities.close()

    def _has_iam_endpoint(self) -> bool:
        return bool(self._environ.get("AWS_ENDPOINT_URL_IAM"))

    @property
    def _profile(self) -> str:
        return self._environ.get("AWS_PROFILE") or "default"


def _time(text: str | None) -> datetime | None:
    """Return a time as ISO 8601 writes it; None for another text."""
    try:
        moment = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
