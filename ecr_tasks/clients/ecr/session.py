"""The SDK's session and its clients: they use the SDK's credential chain, the dotenv files' variables and a role.

The clients are botocore's, which boto3 hands out unchanged: to import boto3's own layer for S3's transfers and for
resources takes longer than a request.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import broken_sessions, no_region, translate_errors
from ecr_tasks.clients.ecr.rate_limit import RateLimits
from ecr_tasks.clients.ecr.retry import botocore_attempts, reject_truncated, retry_transient
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.clients.threads import awaiting_answer
from ecr_tasks.errors import AwsError
from ecr_tasks.files import unreadable_reason
from ecr_tasks.model.destination import PUBLIC_REGION
from ecr_tasks.redaction import keep_secret
from ecr_tasks.settings.settings import Settings

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr_public.client import ECRPublicClient
    from mypy_boto3_sts.client import STSClient

    from ecr_tasks.clients.ecr.botocore_session import EnvironmentSession
    from ecr_tasks.model.account import Caller

CONNECTIONS = 64
"""How many connections to one service are kept for the next calls; botocore keeps ten, and makes the others anew."""


class AwsSession:
    """The AWS clients of one set of settings, each created at its first use.

    ``retrier`` decides when a call is repeated. PutImage calls keep to each registry's rate limit. An answer may take
    ``read_seconds``. Without ``asks``, a role's MFA code is not asked for.
    """

    def __init__(
        self,
        settings: Settings,
        retrier: Retrier | None = None,
        *,
        read_seconds: float = 60,
        asks: bool = True,
    ) -> None:
        self.retrier = retrier or Retrier()
        self.read_seconds, self.asks = read_seconds, asks
        self.rate_limits = RateLimits(self.retrier.report, self.retrier.pause, quota=settings.puts_per_second)
        self.settings = settings
        self._session: EnvironmentSession | None = None
        self._cores: list[EnvironmentSession] = []
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = RLock()
        self._caller: Caller | None = None
        self._caller_lock = RLock()
        self._reported: set[str] = set()

    def report_once(self, line: str) -> None:
        """Report a line, unless it was reported before."""
        with self._lock:
            is_new = line not in self._reported
            self._reported.add(line)
        if is_new:
            self.retrier.report(line)

    def ecr(self, region: str | None = None) -> ECRClient:
        """Return the ECR client of a region, by default the settings' region. Raises SettingsError without one."""
        client: ECRClient = self._client("ecr", region)
        return client

    def ecr_public(self) -> ECRPublicClient:
        """Return the client of ECR Public, whose API is in one region (AWS General Reference, its endpoints)."""
        client: ECRPublicClient = self._client("ecr-public", PUBLIC_REGION)
        return client

    def sts(self) -> STSClient:
        """Return the STS client."""
        client: STSClient = self._client("sts")
        return client

    def caller(self) -> Caller:
        """Return whom STS takes us for (GetCallerIdentity, which needs no right). It is asked once."""
        with awaiting_answer(), self._caller_lock:
            if self._caller is None:
                from ecr_tasks.model.account import Caller

                with translate_errors("ask who we are (sts:GetCallerIdentity)"):
                    identity = self.sts().get_caller_identity()
                self._caller = Caller(identity["Account"], identity.get("Arn", ""))
            return self._caller

    def service(self, name: str, region: str) -> Any:
        """Return the client of a service that may run images: ``ecs``, ``lambda`` or ``eks``."""
        return self._client(name, region)

    def iam(self) -> Any:
        """Return the IAM client."""
        return self._client("iam")

    def secrets(self, region: str | None = None) -> Any:
        """Return the client of Secrets Manager in a region, by default the settings' region."""
        return self._client("secretsmanager", region)

    def close(self) -> None:
        """End a ``credential_process`` that hangs."""
        for core in self._cores:
            core.end_processes()

    @property
    def core(self) -> EnvironmentSession:
        """The session that the settings' clients come from."""
        return self._get_session()

    def credentials(self) -> Credentials | None:
        """Return the credentials, which are renewed where they can be; None without."""
        with self._lock, translate_errors("reach AWS"), broken_sessions():
            credentials: Credentials | None = self._get_session().get_credentials()
        return credentials

    def access_key(self) -> str | None:
        """Return the id of the access key, a role's after a renewal if one is due; None without credentials."""
        with self._lock, translate_errors("reach AWS"), broken_sessions():
            credentials = self._get_session().get_credentials()
            return credentials.get_frozen_credentials().access_key if credentials else None

    def environment(self) -> dict[str, str]:
        """Return the variables with which another program acts as these credentials do, and as nobody else.

        They are a role's after a renewal if one is due. Raises AwsError without credentials.
        """
        from botocore.exceptions import NoCredentialsError

        with self._lock, translate_errors("reach AWS"), broken_sessions():
            session = self._get_session()
            credentials = session.get_credentials()
            if credentials is None:
                raise NoCredentialsError
            frozen = credentials.get_frozen_credentials()
        key, secret, token = frozen.access_key or "", frozen.secret_key or "", frozen.token or ""
        keep_secret(secret, token)
        others = dict.fromkeys(("AWS_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"), "")
        region = region_of(session) or ""
        return {
            **others,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": token,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
        }

    def _client(self, service: str, region: str | None = None) -> Any:
        with self._lock, translate_errors("reach AWS"):  # several threads may need the same client
            session = self._get_session()
            region = region or region_of(session)
            if not region:
                raise no_region()
            if (service, region) not in self._clients:
                self._clients[service, region] = self._create_client(session, service, region)
            return self._clients[service, region]

    def _create_client(self, session: EnvironmentSession, service: str, region: str) -> Any:
        from botocore.config import Config

        config = Config(
            connect_timeout=5,
            read_timeout=self.read_seconds,
            max_pool_connections=CONNECTIONS,
            parameter_validation=False,  # mypy does it, by the stubs: 15 ms of 200 calls
            retries={"mode": "standard", "total_max_attempts": botocore_attempts(self.retrier)},
            user_agent_extra="ecr-tasks",
        )
        client = session.create_client(service, region_name=region, config=config)
        reject_truncated(client)
        retry_transient(client, self.retrier)
        if service == "ecr":
            self.rate_limits.limit(client)
        return client

    def _get_session(self) -> EnvironmentSession:
        """Return the session, created at its first use. Raises the credential provider's errors."""
        if self._session is None:
            # The SDK's debug lines show session tokens and the registry's password: keep them out of `inv --debug`.
            for name in ("boto3", "botocore", "urllib3"):
                logging.getLogger(name).setLevel(logging.INFO)
            environ = self.settings.sdk_environ(os.environ)
            self._session = self._create_session(environ)
        return self._session

    def _create_session(self, environ: Mapping[str, str]) -> EnvironmentSession:
        core = session = in_region(checked_session(environ, asks=self.asks), self.settings.region)
        self._cores.append(core)
        if self.settings.role_arn:
            session = _assume_role(core, self.settings.role_arn, environ)
        fetch_credentials(session, core)
        return session


def region_of(session: EnvironmentSession) -> str | None:
    """Return the region of a session's clients, if it has one."""
    region: str | None = session.get_config_variable("region")
    return region


def in_region(session: EnvironmentSession, region: str | None) -> EnvironmentSession:
    """Return the session, with a region in place of its own if one is given."""
    if region:
        session.set_config_variable("region", region)
    return session


def fetch_credentials(session: EnvironmentSession, core: EnvironmentSession) -> Credentials | None:
    """Fetch a session's credentials now, so that a refusal is raised before any work is done, and return them."""
    with broken_sessions():
        for profile in core.full_config.get("profiles", {}).values():
            _check_files(profile, _PROFILE_FILES)
        credentials: Credentials | None = session.get_credentials()
        if credentials:
            credentials.get_frozen_credentials()
    return credentials


_FILES = {
    "AWS_CONFIG_FILE": "~/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "",
    "AWS_CA_BUNDLE": "",
}
"""The variables that name files which the SDK reads, with their defaults (AWS SDKs and Tools Reference Guide)."""

_PROFILE_FILES = {"web_identity_token_file": "", "ca_bundle": ""}
"""The same in a profile; one profile may lead to another (source_profile)."""


def _check_files(environ: Mapping[str, Any], files: Mapping[str, str]) -> None:
    """Raise AwsError for a file that is none: the SDK would wait for a pipe, and passes over some of the others."""
    for variable, default in files.items():
        name = environ.get(variable) or default
        try:
            file = Path(name).expanduser()
            reason = unreadable_reason(file) if name and file.exists() and not file.is_file() else None
        except (OSError, RuntimeError, ValueError):  # no home, no access, a NUL: the SDK says what is wrong with it
            continue
        if reason:
            raise AwsError(f"The AWS SDK can't read {file}: {reason}.", f"Correct {variable}, or put the file there.")


def _assume_role(core: EnvironmentSession, role_arn: str, environ: Mapping[str, str]) -> EnvironmentSession:
    """Return a session with a role's credentials, which renew themselves.

    They come from the CI's token, else from the credentials of ``core``, which creates the STS client.
    """
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    from ecr_tasks.ci.token_source import missing_token
    from ecr_tasks.clients.ecr import web_identity

    if token_credentials := web_identity.credentials(role_arn, core, environ):
        return session_with(token_credentials, region_of(core), environ)
    source = core.get_credentials()
    if source is None:
        from botocore.exceptions import NoCredentialsError

        raise missing_token(environ) or NoCredentialsError
    fetcher = AssumeRoleCredentialFetcher(
        core.create_client, source, role_arn, extra_args={"RoleSessionName": "ecr-tasks"}
    )
    credentials = DeferredRefreshableCredentials(refresh_using=fetcher.fetch_credentials, method="assume-role")
    return session_with(credentials, region_of(core), environ)


def session_with(credentials: Credentials, region: str | None, environ: Mapping[str, str]) -> EnvironmentSession:
    """Return a session with these credentials."""
    core = core_session(environ)
    # botocore has no public way to give a session renewable credentials (boto/boto3#443).
    setattr(core, "_credentials", credentials)  # noqa: B010 - the type stubs lack this private name
    return in_region(core, region)


def checked_session(
    environ: Mapping[str, str], *, asks: bool = True, profile: str | None = None
) -> EnvironmentSession:
    """Return a botocore session like :func:`core_session`. Raises AwsError for a file that the SDK would wait for."""
    _check_files(environ, _FILES)
    return core_session(environ, asks=asks, profile=profile)


def core_session(environ: Mapping[str, str], *, asks: bool = True, profile: str | None = None) -> EnvironmentSession:
    """Return a botocore session that reads its variables from ``environ``; a ``profile`` goes before those."""
    from ecr_tasks.clients.ecr.botocore_session import EnvironmentSession

    return EnvironmentSession(environ, asks=asks, profile=profile)
