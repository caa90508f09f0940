"""The boto3 session and its clients: the SDK's own credential chain, plus dotenv's AWS names and a role."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ecr_tasks.clients.ecr.errors import no_region, translated
from ecr_tasks.clients.ecr.rate_limit import Budgets
from ecr_tasks.clients.ecr.reject_truncated import insist
from ecr_tasks.clients.ecr.retry import persist, quick
from ecr_tasks.clients.retry import Patience
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

    What they have to wait for, they wait for with ``patience``; every registry's PutImage with its own budget.
    """

    def __init__(self, settings: Settings, patience: Patience | None = None) -> None:
        self.patience = patience or Patience()
        self.budgets = Budgets(self.patience.tell, self.patience.pause)
        self._settings = settings
        self._session: Session | None = None
        self._clients: dict[tuple[str, str | None], Any] = {}

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
        if (service, region) not in self._clients:
            with translated("reach AWS"), exported({**self._settings.sdk_environment, **self._no_proxy()}):
                session = self._signed_in()
                chosen = region or session.region_name
                if not chosen:
                    raise no_region()
                if (service, chosen) not in self._clients:  # the settings' own region may be asked for by name too
                    self._clients[service, chosen] = self._made(session, service, chosen)
            self._clients[service, region] = self._clients[service, chosen]
        return self._clients[service, region]

    def _made(self, session: Session, service: str, region: str) -> Any:
        make: Any = session.client  # its overloads want a literal service name
        client = make(service, region_name=region, config=_config(quick(self.patience)))
        insist(client)
        persist(client, self.patience)
        if service == "ecr":
            self.budgets.hold(client)
        return client

    def _no_proxy(self) -> dict[str, str]:
        """No proxy between us and a local ECR: no proxy could reach our 127.0.0.1."""
        endpoint = self._settings.values.get("AWS_ENDPOINT_URL_ECR")
        host = urlsplit(endpoint.text or "").hostname if endpoint else None
        if host not in ("127.0.0.1", "localhost"):
            return {}
        return {name: ",".join(filter(None, (os.environ.get(name), host))) for name in ("NO_PROXY", "no_proxy")}

    def _signed_in(self) -> Session:
        if self._session is None:
            import boto3.session

            _keep_quiet()
            session = boto3.session.Session(botocore_session=_core(), region_name=self._settings.region)
            if self._settings.role_arn:
                session = _assume(session, self._settings.role_arn, self._settings.sdk_environment)
            # Fetched now, while what the dotenv files say is exported: a role's are asked for with a client of
            # their own, whose endpoint and CA bundle may stand there.
            credentials = session.get_credentials()
            if credentials is not None:
                credentials.get_frozen_credentials()
            self._session = session
        return self._session


@contextmanager
def exported(variables: Mapping[str, str]) -> Iterator[None]:
    """Lets the SDK see variables as if they were exported, and nobody else: they are gone afterwards.

    botocore reads os.environ in a dozen places (credentials, profile, endpoints, CA bundle), all while a
    session and its clients are made; children that are started later do not inherit what stood there then.
    """
    before = {name: os.environ.get(name, "") for name in variables}
    _set(variables)
    try:
        yield
    finally:
        _set(before)


def _keep_quiet() -> None:
    """Keeps the SDK's debugging out of `inv --debug`: it logs session tokens and the registry's password."""
    for name in ("boto3", "botocore", "urllib3"):
        logging.getLogger(name).setLevel(logging.INFO)


def _set(variables: Mapping[str, str]) -> None:
    """Exports variables; an empty text unsets one, since the SDK would look for a profile of no name."""
    for name, value in variables.items():
        if value:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)


def _assume(session: Session, role_arn: str, variables: Mapping[str, str]) -> Session:
    """A session of the role, whose credentials renew themselves: by the CI's token, else by the given session's.

    ``variables`` are exported whenever a renewal makes its client.
    """
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    from ecr_tasks.clients.ecr import web_identity

    environ = dict(os.environ)
    by_token = web_identity.credentials(role_arn, session._session, environ)
    if by_token is not None:
        return _session_of(by_token, session.region_name)
    base = session.get_credentials()
    if base is None:
        from botocore.exceptions import NoCredentialsError

        raise web_identity.missing(environ) or NoCredentialsError

    def create_client(*arguments: Any, **options: Any) -> Any:
        with exported(variables):
            return session._session.create_client(*arguments, **options)

    fetcher = AssumeRoleCredentialFetcher(
        client_creator=create_client,
        source_credentials=base,
        role_arn=role_arn,
        extra_args={"RoleSessionName": ROLE_SESSION_NAME},
    )
    credentials = DeferredRefreshableCredentials(refresh_using=fetcher.fetch_credentials, method="assume-role")
    return _session_of(credentials, session.region_name)


def _session_of(credentials: Credentials, region: str | None) -> Session:
    """A session with the given credentials."""
    import boto3.session

    core = _core()
    # botocore has no public way to hand a session credentials that renew themselves (boto/boto3#443).
    setattr(core, "_credentials", credentials)  # noqa: B010 - a private name, which the types leave out
    return boto3.session.Session(botocore_session=core, region_name=region)


def _core() -> CoreSession:
    """A botocore session that does not look into all four hundred services' folders to find one.

    botocore checks a service's name against a listing of every model and version, twice a client: a third of the
    time that a client takes to make. The folders' names do as well; the loader is a component of the session.
    """
    from botocore.loaders import Loader
    from botocore.session import get_session

    class FolderLoader(Loader):
        def list_available_services(self, type_name: str) -> list[str]:
            folders = (Path(path) for path in self.search_paths)
            return sorted({entry.name for folder in folders if folder.is_dir() for entry in folder.iterdir()})

    core = get_session()
    extra = core.get_config_variable("data_path") or ""
    paths = [str(Path(os.path.expandvars(path)).expanduser()) for path in extra.split(os.pathsep) if path]
    core.register_component("data_loader", FolderLoader(paths))
    return core


def _config(attempts: int) -> Any:
    from botocore.config import Config

    return Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": attempts},
        user_agent_extra="ecr-tasks",
    )
