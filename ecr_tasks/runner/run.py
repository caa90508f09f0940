"""One run of the command line: what its tasks share, made when first needed and cleaned up at the end."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_tasks.console import say, warn
from ecr_tasks.errors import RegistryError

if TYPE_CHECKING:
    from ecr_tasks.clients.docker.client import WhalesDocker
    from ecr_tasks.clients.docker.config import PrivateConfig
    from ecr_tasks.clients.docker.push_lock import PushLocks
    from ecr_tasks.clients.ecr.public import PublicRegistry
    from ecr_tasks.clients.ecr.registry import EcrRegistry
    from ecr_tasks.clients.retry import Retrier
    from ecr_tasks.model.destination import Destination
    from ecr_tasks.model.registry import RegistryToken
    from ecr_tasks.plan.plan import Plan
    from ecr_tasks.runner.receipt import Entry
    from ecr_tasks.settings.settings import Settings
    from ecr_tasks.source.state import SourceState


class Run:
    """Settings, source, clients and results of one command line.

    Invoke copies configuration values at each merge; this one stays itself. Its repr, which `inv -d` logs,
    tells nothing.
    """

    def __init__(self, project: Path, config: Mapping[str, object], *, dry: bool = False) -> None:
        self.project = project
        self.dry = dry
        self.registry_away = False
        """Whether there is no registry to ask: a dry run starts no local ECR."""
        self.entries: dict[str, Entry] = {}
        self._push_locks: PushLocks | None = None
        self._config = config
        self._env_name: str | None = None
        self._overrides: dict[str, str] = {}
        self._private: PrivateConfig | None = None
        self._settings: Settings | None = None
        self._source: SourceState | None = None
        self._docker: WhalesDocker | None = None
        self._registry: EcrRegistry | None = None
        self._targets: dict[Destination, EcrRegistry | PublicRegistry] = {}
        self._retrier: Retrier | None = None
        self.plan: Plan | None = None

    def __copy__(self) -> Run:
        return self

    def __deepcopy__(self, memo: object) -> Run:
        return self

    def __repr__(self) -> str:
        return f"<ecr-tasks run in {self.project}>"

    def choose_env(self, name: str) -> None:
        """Reads ``.env.NAME`` from here on."""
        self._env_name = name
        self._forget()

    def override(self, values: Mapping[str, str]) -> None:
        """Lets a selector task's values beat everything from here on; an empty text unsets a name."""
        self._overrides.update(values)
        self._forget()

    @property
    def settings(self) -> Settings:
        """The settings; SettingsProblems when something is wrong with them."""
        if self._settings is None:
            from ecr_tasks.settings.load import load

            self._settings = load(
                self.project,
                env_name=self._env_name,
                environ=os.environ,
                config=self._config,
                overrides=self._overrides,
            )
            for text in self._settings.warnings:
                warn(text)
        return self._settings

    @property
    def source(self) -> SourceState:
        """What git knows."""
        if self._source is None:
            from ecr_tasks.source.read import read

            self._source = read(self.project, environ=os.environ)
        return self._source

    @property
    def in_ci(self) -> bool:
        """Whether this is a CI that we know, or another that says it is one: files of ours serve that as well."""
        return self.source.ci is not None or os.environ.get("CI", "").lower() not in ("", "false", "0")

    @property
    def docker(self) -> WhalesDocker:
        """Docker, in this run's private configuration."""
        if self._docker is None:
            from ecr_tasks.clients.docker.client import WhalesDocker

            variables = self.settings.child_environment
            self._docker = WhalesDocker(self._configuration(), self.project, variables, self._mask, self.retrier)
        return self._docker

    @property
    def registry(self) -> EcrRegistry:
        """The settings' registry. RegistryError in a dry run on a local ECR that doesn't run."""
        if self.registry_away:
            # Without the local ECR's settings the user's own account would be asked.
            raise RegistryError(
                "There is no registry to ask: the local ECR does not run, and a dry run does not start it.",
                "Start it with `inv local.up`.",
            )
        if self._registry is None:
            from ecr_tasks.clients.ecr.registry import EcrRegistry
            from ecr_tasks.clients.ecr.session import AwsSession

            self._registry = EcrRegistry(self.settings, AwsSession(self.settings, self.retrier))
        return self._registry

    def target(self, destination: Destination) -> EcrRegistry | PublicRegistry:
        """The registry of a destination, with the same credentials; its clients are made."""
        if destination not in self._targets:
            made: EcrRegistry | PublicRegistry
            if destination.alias is not None:
                made = self.registry.public(destination.alias, lambda reference: self.docker.manifest(reference))
            else:
                made = self.registry.in_region(destination.account, destination.region)
            made.connect()
            self._targets[destination] = made
        return self._targets[destination]

    @property
    def retrier(self) -> Retrier:
        """How everything in this run waits and tries again. Raises SettingsError for a wrong AWS_MAX_ATTEMPTS."""
        if self._retrier is None:
            from ecr_tasks.clients.retry import Retrier, max_attempts

            self._retrier = Retrier(say, max_attempts(self.settings.sdk_environ(os.environ)))
        return self._retrier

    def let_in(self, hosts: Mapping[str, str | None]) -> None:
        """Lets docker in at hosts of ECR's, each with a token of its region (None: the settings' own)."""
        for host, region in hosts.items():
            self.docker.authorize(replace(self.registry.token(region), host=host))

    @property
    def push_locks(self) -> PushLocks:
        """The locks on tags that this run has."""
        if self._push_locks is None:
            from ecr_tasks.clients.docker.push_lock import PushLocks

            self._push_locks = PushLocks()
        return self._push_locks

    def entry(self, name: str) -> Entry:
        """What this run knows of one image."""
        from ecr_tasks.runner.receipt import Entry

        return self.entries.setdefault(name, Entry())

    def close(self) -> None:
        """Removes the private docker configuration and the token in it, and releases this run's locks."""
        if self._push_locks is not None:
            self._push_locks.release_all()
        if self._private is not None:
            self._private.close()

    def _mask(self, token: RegistryToken) -> None:
        """Has the CI keep a registry's password out of its log."""
        if self.in_ci:
            from ecr_tasks.ci.outputs.write import mask
            from ecr_tasks.ci.systems import outputs_adapter
            from ecr_tasks.model.registry import registry_secrets

            mask(outputs_adapter(self.source.ci), self.project, *registry_secrets(token))

    def _configuration(self) -> PrivateConfig:
        if self._private is None:
            from ecr_tasks.clients.docker.config import PrivateConfig

            self._private = PrivateConfig(os.environ)
        return self._private

    def _forget(self) -> None:
        """Other settings, other everything."""
        self._settings = self._source = self._docker = self._registry = self._retrier = self.plan = None
        self.entries.clear()
        self._targets.clear()
