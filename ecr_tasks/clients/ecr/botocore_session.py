"""A botocore session that reads its variables from a mapping, so that `os.environ` stays unchanged.

botocore takes variables from ``os.environ`` in a dozen places. What the dotenv files set for the SDK must reach all
of them, and nothing else of this process: other threads create clients at the same time, and child processes inherit
``os.environ``. This module gives the mapping to every part of botocore that accepts one. Only functions import it,
because it imports botocore.
"""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any

from botocore.config import Config
from botocore.configprovider import ConfigChainFactory, ConfiguredEndpointProvider
from botocore.credentials import (
    AssumeRoleProvider,
    AssumeRoleWithWebIdentityProvider,
    CanonicalNameCredentialSourcer,
    ContainerProvider,
    CredentialProvider,
    CredentialResolver,
    EnvProvider,
    InstanceMetadataProvider,
    OriginalEC2Provider,
    ProcessProvider,
    ProfileProviderBuilder,
)
from botocore.exceptions import BotoCoreError, CredentialRetrievalError
from botocore.loaders import Loader
from botocore.session import Session
from botocore.utils import InstanceMetadataFetcher, JSONFileCache, resolve_imds_endpoint_mode

from ecr_tasks.ci.detect import in_ci
from ecr_tasks.clients.ecr.answers import check_answers
from ecr_tasks.model.ecr_host import is_on_this_machine
from ecr_tasks.redaction import redact_words
from ecr_tasks.terminal.spinner import paused

_WEB_IDENTITY = {
    "web_identity_token_file": "AWS_WEB_IDENTITY_TOKEN_FILE",
    "role_session_name": "AWS_ROLE_SESSION_NAME",
    "role_arn": "AWS_ROLE_ARN",
}
"""Keys of a profile that variables may give as well (AWS SDKs and Tools, "Assume role credential provider")."""


PROCESS_SECONDS = 60.0
"""How long a ``credential_process`` may take that nobody can answer, as with AWS's SDK for Go (processcreds)."""


class EnvironmentSession(Session):
    """A botocore session whose variables are those of ``environ``; ``os.environ`` is not changed.

    Several threads can create clients at the same time. Without ``asks``, a role's MFA code is not asked for. With a
    ``profile``, variables give no credentials, as with ``--profile`` of the AWS CLI.
    """

    def __init__(self, environ: Mapping[str, str], *, asks: bool = True, profile: str | None = None) -> None:
        self.environ, self._asks = environ, asks
        self._processes: list[subprocess.Popen[bytes]] = []
        self._create_lock = RLock()
        super().__init__(profile=profile)
        chains, store = ConfigChainFactory(self, environ), self.get_component("config_store")
        for name, (key, variable, default, convert) in self.SESSION_VARIABLES.items():
            store.set_config_provider(name, chains.create_config_chain(name, variable, key, default, convert))
        self.register_component("data_loader", _FolderLoader(_paths(self.get_config_variable("data_path"))))
        self.lazy_register_component("credential_provider", self._credential_chain)

    def start_process(self, command: list[str], *, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
        """Start a profile's ``credential_process`` with the session's variables."""
        limit = None if _can_ask(self.environ, asks=self._asks) else PROCESS_SECONDS
        process = _CredentialProcess(command, limit, stdout=stdout, stderr=stderr, env=dict(self.environ))
        self._processes.append(process)
        return process

    def end_processes(self) -> None:
        """Kill the processes that were started and have not ended."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()

    def create_client(self, service_name: Any, *arguments: Any, **options: Any) -> Any:
        """Create a client for the endpoint that ``environ`` or the profile names.

        A local endpoint is used without a proxy, which could not reach our 127.0.0.1.
        """
        with self._create_lock:
            options["endpoint_url"] = options.get("endpoint_url") or self._endpoint(service_name)
            # botocore would look for an endpoint in os.environ where this one is None.
            overrides: dict[str, Any] = {"ignore_configured_endpoint_urls": True}
            if is_on_this_machine(options["endpoint_url"] or ""):
                overrides["proxies"] = {}
            options["config"] = (options.get("config") or Config()).merge(Config(**overrides))
            client = super().create_client(service_name, *arguments, **options)
            check_answers(client)
            return client

    def _endpoint(self, service: str) -> str | None:
        if self.get_config_variable("ignore_configured_endpoint_urls"):
            return None
        configured = ConfiguredEndpointProvider(self.full_config, self.get_scoped_config(), service, self.environ)
        endpoint: str | None = configured.provide()
        return endpoint

    def _credential_chain(self) -> CredentialResolver:
        """Return botocore's own chain, in its order (``botocore.credentials.create_credential_resolver``)."""
        profile = self.get_config_variable("profile") or "default"
        cache: dict[str, Any] = {}
        profiles = _Profiles(self, cache)
        env, container = EnvProvider(self.environ), ContainerProvider(self.environ)
        instance = InstanceMetadataProvider(self._instance_metadata())
        assume_role = AssumeRoleProvider(
            load_config=lambda: self.full_config,
            client_creator=self.create_client,
            cache=cache,
            profile_name=profile,
            prompter=partial(_ask_for_code, self.environ, asks=self._asks),
            credential_sourcer=CanonicalNameCredentialSourcer([env, container, instance]),
            profile_provider_builder=profiles,
        )
        if self.instance_variables().get("profile"):
            # The SDK would go on to the machine's own role where the profile has no credentials.
            return CredentialResolver([assume_role, *profiles.providers(profile, disable_env_vars=True)])
        legacy = OriginalEC2Provider(self.environ)
        return CredentialResolver([env, assume_role, *profiles.providers(profile), legacy, container, instance])

    def _instance_metadata(self) -> InstanceMetadataFetcher:
        names = ("ec2_metadata_service_endpoint", "ec2_metadata_v1_disabled")
        return InstanceMetadataFetcher(
            timeout=self.get_config_variable("metadata_service_timeout"),
            num_attempts=self.get_config_variable("metadata_service_num_attempts"),
            env=self.environ,
            user_agent=self.user_agent(),
            config={
                **{name: self.get_config_variable(name) for name in names},
                "ec2_metadata_service_endpoint_mode": resolve_imds_endpoint_mode(self),
                "ec2_credential_refresh_window": 15 * 60,
            },
        )


class _Profiles(ProfileProviderBuilder):
    """botocore's providers for profiles; the two that read variables read them from the session's mapping."""

    def __init__(self, session: EnvironmentSession, cache: dict[str, Any]) -> None:
        super().__init__(session, cache=cache)
        self._core, self._role_cache = session, cache
        if folder := session.environ.get("AWS_LOGIN_CACHE_DIRECTORY"):
            self._login_token_cache = JSONFileCache(_paths(folder)[0])

    def providers(self, profile_name: str, disable_env_vars: bool = False) -> list[CredentialProvider]:
        session = self._core
        replacements = {
            ProcessProvider: _ProcessProvider(profile_name, lambda: session.full_config, popen=session.start_process),
            AssumeRoleWithWebIdentityProvider: AssumeRoleWithWebIdentityProvider(
                lambda: session.full_config if disable_env_vars else _with_web_identity(session, profile_name),
                session.create_client,
                profile_name,
                cache=self._role_cache,
                disable_env_vars=True,
            ),
        }
        providers = super().providers(profile_name, disable_env_vars)
        return [replacements.get(type(provider), provider) for provider in providers]


class _CredentialProcess(subprocess.Popen[bytes]):
    """A profile's ``credential_process``, which may take ``limit`` seconds and whose errors show no secret."""

    def __init__(self, command: list[str], limit: float | None, **options: Any) -> None:
        self._limit = limit
        super().__init__(command, **options)

    def communicate(self, *arguments: Any, **options: Any) -> tuple[bytes, bytes]:
        """Return what the process printed. Raises CredentialRetrievalError when it takes too long."""
        try:
            stdout, stderr = super().communicate(*arguments, **{"timeout": self._limit, **options})
        except subprocess.TimeoutExpired as error:
            self.kill()
            reason = f"it took longer than {error.timeout:.0f} seconds, and nobody can answer it here"
            raise CredentialRetrievalError(provider=ProcessProvider.METHOD, error_msg=reason) from None
        return stdout, redact_words((stderr or b"").decode("utf-8", "replace")).encode()


class _ProcessProvider(ProcessProvider):
    """botocore's provider for ``credential_process``; each way in which the process fails has the same exception."""

    def load(self) -> Any:
        try:
            with paused():  # the process may ask for something on the terminal
                return super().load()
        except OSError as error:
            raise self._failed(f"{error.filename} can't be started ({error.strerror})") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise self._failed(f"it printed no credentials ({error})") from error

    def _failed(self, reason: str) -> CredentialRetrievalError:
        return CredentialRetrievalError(provider=self.METHOD, error_msg=reason)


class MFACodeNeeded(BotoCoreError):
    """A role needs an MFA code, and there is nobody to ask for it."""

    fmt = "An MFA code is needed."


def _can_ask(environ: Mapping[str, str], *, asks: bool) -> bool:
    """Return whether somebody may be asked: on a terminal, and not in a CI."""
    return bool(asks and sys.stdin and sys.stdin.isatty() and not in_ci(environ))


def _ask_for_code(environ: Mapping[str, str], prompt: str, *, asks: bool = True) -> str:
    """Ask for an MFA code on the terminal. Raises MFACodeNeeded in a CI, and where there is no terminal."""
    if not _can_ask(environ, asks=asks):
        raise MFACodeNeeded
    try:
        with paused():
            return getpass.getpass(prompt)
    except EOFError:
        raise MFACodeNeeded from None


def _with_web_identity(session: EnvironmentSession, profile: str) -> dict[str, Any]:
    """Return the configuration files' content with the environment's token file and role in a profile."""
    config = session.full_config
    profiles = config.get("profiles", {})
    variables = {key: session.environ[name] for key, name in _WEB_IDENTITY.items() if name in session.environ}
    return {**config, "profiles": {**profiles, profile: {**profiles.get(profile, {}), **variables}}}


class _FolderLoader(Loader):
    """A loader that lists services by their folders' names, without looking into all four hundred folders.

    botocore checks a service's name against a listing of every model and version, twice for each client, which is a
    third of the time to create one.
    """

    def list_available_services(self, type_name: str) -> list[str]:
        folders = (Path(path) for path in self.search_paths)
        return sorted({entry.name for folder in folders if folder.is_dir() for entry in folder.iterdir()})


def _paths(variable: str | None) -> list[str]:
    return [str(Path(os.path.expandvars(path)).expanduser()) for path in (variable or "").split(os.pathsep) if path]
