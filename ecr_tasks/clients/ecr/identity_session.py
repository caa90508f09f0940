"""The session of a destination's own identity: a profile's credentials, a role's that is assumed, or both."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import DENIED_CODES, error_code, error_message, translate_errors
from ecr_tasks.clients.ecr.known_errors import for_profile
from ecr_tasks.clients.ecr.partition import partition_of
from ecr_tasks.clients.ecr.retry import botocore_attempts, retry_transient
from ecr_tasks.clients.ecr.session import AwsSession, checked_session, fetch_credentials, in_region, session_with
from ecr_tasks.clients.ecr.web_identity import session_name
from ecr_tasks.errors import AwsError
from ecr_tasks.model.destination import Identity
from ecr_tasks.redaction import keep_secret

if TYPE_CHECKING:
    from botocore.credentials import Credentials

    from ecr_tasks.clients.ecr.botocore_session import EnvironmentSession

_WHERE = "ECR_DESTINATIONS (or --to)"


class IdentitySessions:
    """The AWS clients of identities, each created once; ``base`` are those of the settings' own.

    Two roles that are assumed with one profile share that profile's session, and all regions of a partition share
    one: the profile may ask for an MFA code, which is good for one call (RFC 6238, section 5.2).
    """

    def __init__(self, base: AwsSession) -> None:
        self._base = base
        self._sessions: dict[tuple[Identity, str], IdentitySession] = {}

    def of(self, identity: Identity, region: str) -> AwsSession:
        """Return the clients of an identity for a destination in a region."""
        if identity.is_own:
            return self._base
        key = (identity, partition_of(region))
        if key not in self._sessions:
            source = self.of(Identity(profile=identity.profile), region) if identity.role_arn else self._base
            self._sessions[key] = IdentitySession(self._base, source, identity, region)
        return self._sessions[key]

    def close(self) -> None:
        """End what hangs in one of them."""
        for session in self._sessions.values():
            session.close()


class IdentitySession(AwsSession):
    """The AWS clients of an identity, which keep to the same rate limits: those are a registry's, whoever calls.

    A profile's credentials are its own alone: variables with keys and the machine's role are never used in their
    place. A role is assumed with the credentials of ``source``: the profile's session, or else ``base``, which is
    ECR_ROLE_ARN's where that is set. Both renew themselves, each with the renewed ones of the other. STS is asked in
    the region of ``base``, or in the destination's ``region`` where that is in another partition.
    """

    def __init__(self, base: AwsSession, source: AwsSession, identity: Identity, region: str) -> None:
        super().__init__(base.settings, base.retrier, read_seconds=base.read_seconds, asks=base.asks)
        self.rate_limits = base.rate_limits
        self._source, self._identity, self._destination_region = source, identity, region

    def _create_session(self, environ: Mapping[str, str]) -> EnvironmentSession:
        from botocore.exceptions import NoCredentialsError, ProfileNotFound

        profile, role_arn = self._identity.profile, self._identity.role_arn
        if role_arn and role_arn.split(":")[1] != (partition := partition_of(self._destination_region)):
            raise AwsError(
                f"The role {role_arn} can't be used in {self._destination_region}, whose partition is {partition}.",
                f"Name a role of that partition in {_WHERE}, and a profile= of it that may assume the role.",
            )
        try:
            core = checked_session(environ, asks=self.asks, profile=profile)
            region = self._region(core)
            in_region(core, region)
        except ProfileNotFound:
            if profile is None:
                raise
            raise AwsError(
                f"There is no AWS profile {profile}.",
                f"Correct profile= in {_WHERE}, or run `aws configure --profile {quote(profile)}`.",
            ) from None
        self._cores.append(core)
        if role_arn is None and profile is not None:
            self._fetch_profile(profile, core)
            return core
        source = self._source.credentials()
        if source is None or role_arn is None:
            raise NoCredentialsError
        session = session_with(self._assumed(role_arn, source, core, region, environ), region, environ)
        fetch_credentials(session, core)
        return session

    def _fetch_profile(self, profile: str, core: EnvironmentSession) -> None:
        """Fetch a profile's credentials. Raises AwsError, whose remedy names the profile."""
        try:
            with translate_errors(f"use the profile {profile}"):
                found = fetch_credentials(core, core)
        except AwsError as error:
            raise AwsError(error.cause, for_profile(error.remedy, profile)) from error
        if found is None:
            raise AwsError(
                f"The AWS profile {profile} has no credentials.",
                f"Add them to it (`aws configure --profile {quote(profile)}`), or correct profile= in {_WHERE}.",
            )

    def _region(self, core: EnvironmentSession) -> str:
        """Return the region whose STS is asked."""
        own = self.settings.region or core.get_config_variable("region")
        same = own and partition_of(own) == partition_of(self._destination_region)
        return str(own) if same else self._destination_region

    def _assumed(
        self,
        role_arn: str,
        source: Credentials,
        core: EnvironmentSession,
        region: str,
        environ: Mapping[str, str],
    ) -> Credentials:
        """Return the credentials of a role, which renew themselves. Their errors are ours."""
        from botocore.config import Config
        from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
        from botocore.exceptions import ClientError

        # botocore logs a failed renewal with a traceback and raises it as well.
        logging.getLogger("botocore.credentials").setLevel(logging.CRITICAL)
        core.set_config_variable("sts_regional_endpoints", "regional")  # whose sessions opt-in regions take
        config = Config(
            connect_timeout=5,
            read_timeout=self.read_seconds,
            retries={"mode": "standard", "total_max_attempts": botocore_attempts(self.retrier)},
            user_agent_extra="ecr-tasks",
        )

        def create_client(service: str, **keys: Any) -> Any:
            client = core.create_client(service, region_name=region, config=config, **keys)
            retry_transient(client, self.retrier)
            return client

        external_id = self._identity.external_id
        fetcher = AssumeRoleCredentialFetcher(
            create_client,
            source,
            role_arn,
            extra_args={
                "RoleSessionName": session_name(environ),
                **({"ExternalId": external_id} if external_id else {}),
            },
        )

        def fetch() -> dict[str, Any]:
            source.get_frozen_credentials()  # renewed here, so that what is raised below is of this role
            with translate_errors(f"assume the role {role_arn}"):
                try:
                    keys: dict[str, Any] = fetcher.fetch_credentials()
                except ClientError as error:
                    if error_code(error) in DENIED_CODES:
                        raise self._refusal(role_arn, error) from None
                    raise
            keep_secret(keys["secret_key"], keys["token"])
            return keys

        credentials: Credentials = DeferredRefreshableCredentials(refresh_using=fetch, method="assume-role")
        return credentials

    def _refusal(self, role_arn: str, error: Exception) -> AwsError:
        asks = "with this external id" if self._identity.external_id else "with an external-id= if it asks for one"
        by = f" by the profile {self._identity.profile}" if self._identity.profile else ""
        return AwsError(
            f"The role {role_arn} may not be assumed{by}: {error_message(error) or error_code(error)}.",
            f"Allow the caller sts:AssumeRole on it, let the role's trust policy name the caller, {asks}, or correct "
            f"the role in {_WHERE}.",
        )
