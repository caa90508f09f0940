"""The boto3 session and its clients: the SDK's own credential chain, plus dotenv's AWS names and a role."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from threading import RLock
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import no_region, translated
from ecr_tasks.clients.ecr.rate_limit import Budgets
from ecr_tasks.clients.ecr.retry import botocore_attempts, reject_truncated, retry_transient
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.model.destination import PUBLIC_REGION
from ecr_tasks.settings.settings import Settings

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.credentials import Credentials
    from botocore.session import Session as CoreSession
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr_public.client import ECRPublicClient
    from mypy_boto3_sts.client import STSClient

ROLE_SESSION_NAME = "ecr-tasks"


class AwsSession:
    """Clients for one set of settings, made when first asked for.

    What they have to wait for, they wait for with ``retrier``; every registry's PutImage with its own budget.
    """

    def __init__(self, settings: Settings, retrier: Retrier | None = None) -> None:
        self.retrier = retrier or Retrier()
        self.budgets = Budgets(self.retrier.report, self.retrier.pause)
        self._settings = settings
        self._session: Session | None = None
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._lock = RLock()

    def ecr(self, region: str | None = None) -> ECRClient:
        """The ECR client, of another region if asked; SettingsError without a region."""
        client: ECRClient = self._client("ecr", region)
        return client

    def ecr_public(self) -> ECRPublicClient:
        """The client of ECR Public, whose API and tokens are in one region (ecr.md, Tokens and hosts)."""
        client: ECRPublicClient = self._client("ecr-public", PUBLIC_REGION)
        return client

    def sts(self) -> STSClient:
        """The STS client, for who we are."""
        client: STSClient = self._client("sts")
        return client

    def _client(self, service: str, region: str | None = None) -> Any:
        with self._lock:  # tasks that run side by side ask for the same client
            if (service, region) not in self._clients:
                with translated("reach AWS"):
                    session = self._signed_in()
                    chosen = region or session.region_name
                    if not chosen:
                        raise no_region()
                    if (service, chosen) not in self._clients:  # the settings' own region may be asked for by name
                        self._clients[service, chosen] = self._made(session, service, chosen)
                self._clients[service, region] = self._clients[service, chosen]
            return self._clients[service, region]

    def _made(self, session: Session, service: str, region: str) -> Any:
        make: Any = session.client  # its overloads want a literal service name
        client = make(service, region_name=region, config=_config(botocore_attempts(self.retrier)))
        reject_truncated(client)
        retry_transient(client, self.retrier)
        if service == "ecr":
            self.budgets.hold(client)
        return client

    def _signed_in(self) -> Session:
        if self._session is None:
            import boto3.session

            _keep_quiet()
            environ = self._settings.sdk_environ(os.environ)
            core = _core(environ)
            session = boto3.session.Session(botocore_session=core, region_name=self._settings.region)
            if self._settings.role_arn:
                session = _assume(session, core, self._settings.role_arn, environ)
            # Fetched now, so that a refusal is told before any work is done.
            credentials = session.get_credentials()
            if credentials is not None:
                credentials.get_frozen_credentials()
            self._session = session
        return self._session


def _keep_quiet() -> None:
    """Keeps the SDK's debugging out of `inv --debug`: it logs session tokens and the registry's password."""
    for name in ("boto3", "botocore", "urllib3"):
        logging.getLogger(name).setLevel(logging.INFO)


def _assume(session: Session, core: CoreSession, role_arn: str, environ: Mapping[str, str]) -> Session:
    """A session of the role, whose credentials renew themselves: by the CI's token, else by the given session's.

    ``core`` is the given session's own, which a renewal makes its client with.
    """
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    from ecr_tasks.ci.token_source import missing_token
    from ecr_tasks.clients.ecr import web_identity

    by_token = web_identity.credentials(role_arn, core, environ)
    if by_token is not None:
        return _session_of(by_token, session.region_name, environ)
    base = session.get_credentials()
    if base is None:
        from botocore.exceptions import NoCredentialsError

        raise missing_token(environ) or NoCredentialsError
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=core.create_client,
        source_credentials=base,
        role_arn=role_arn,
        extra_args={"RoleSessionName": ROLE_SESSION_NAME},
    )
    credentials = DeferredRefreshableCredentials(refresh_using=fetcher.fetch_credentials, method="assume-role")
    return _session_of(credentials, session.region_name, environ)


def _session_of(credentials: Credentials, region: str | None, environ: Mapping[str, str]) -> Session:
    """A session with the given credentials."""
    import boto3.session

    core = _core(environ)
    # botocore has no public way to hand a session credentials that renew themselves (boto/boto3#443).
    setattr(core, "_credentials", credentials)  # noqa: B010 - a private name, which the types leave out
    return boto3.session.Session(botocore_session=core, region_name=region)


def _core(environ: Mapping[str, str]) -> CoreSession:
    """A botocore session whose variables are those of ``environ``."""
    from ecr_tasks.clients.ecr.environment import EnvironmentSession

    return EnvironmentSession(environ)


def _config(attempts: int) -> Any:
    from botocore.config import Config

    return Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": attempts},
        user_agent_extra="ecr-tasks",
    )
