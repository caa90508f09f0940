"""One run of the command line: its settings, its source and its clients, each created at its first use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ecr_tasks.console import say, warn
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.redaction import keep_public

if TYPE_CHECKING:
    from ecr_tasks.clients.docker.client import WhalesDocker
    from ecr_tasks.clients.docker.config import PrivateConfig
    from ecr_tasks.clients.docker.machine import LocalMachine
    from ecr_tasks.clients.docker.push_lock import PushLocks
    from ecr_tasks.clients.ecr.account import AwsAccount
    from ecr_tasks.clients.ecr.ecr_public import PublicRegistry
    from ecr_tasks.clients.ecr.public_main import MainPublicRegistry
    from ecr_tasks.clients.ecr.registry import EcrRegistry
    from ecr_tasks.clients.retry import Retrier
    from ecr_tasks.clients.signing.programs import SigningPrograms
    from ecr_tasks.model.destination import Destination
    from ecr_tasks.model.ports import Engine, Target
    from ecr_tasks.model.public_limits import Limit
    from ecr_tasks.model.registry import RegistryToken, Repository
    from ecr_tasks.runner.earlier_outputs import EarlierOutputs
    from ecr_tasks.runner.registry_logins import RegistryLogins
    from ecr_tasks.settings.invoke_files import InvokeFile
    from ecr_tasks.settings.settings import Settings
    from ecr_tasks.source.git.history import Relation
    from ecr_tasks.source.source_state import SourceState


class Run:
    """The settings, the source and the clients of one command line.

    Invoke copies configuration values at each merge; a copy of a Run is the same object. `inv -d` logs its repr,
    which contains no setting.
    """

    def __init__(
        self,
        project: Path,
        config: Mapping[str, object],
        *,
        dry: bool = False,
        config_paths: Sequence[Path] = (),
    ) -> None:
        self.project = project
        self.dry = dry
        self._config = config
        self._environ = _setting_variables()
        self._config_paths = config_paths
        self._env_name: str | None = None
        self._env_file: dict[str, str] = {}
        self._overrides: dict[str, str] = {}
        self._private: PrivateConfig | None = None
        self._locks: PushLocks | None = None
        self._settings: Settings | None = None
        self._source: SourceState | None = None
        self._docker: WhalesDocker | None = None
        self._private_registry: EcrRegistry | None = None
        self._public_registry: MainPublicRegistry | None = None
        self._without_registry = False
        self._warned: set[str] = set()
        self._report: tuple[Settings, Callable[[], None]] | None = None
        self._targets: dict[Destination, EcrRegistry | PublicRegistry] = {}
        self._retrier: Retrier | None = None
        self._logins: RegistryLogins | None = None
        self._signatures: dict[Target, SigningPrograms] = {}
        self._earlier_outputs: EarlierOutputs | None = None
        self._engine: Engine | EcrTasksError | None = None
        self._seconds: float | None = None
        self._in_ci: bool | None = None
        self._before_end: list[Callable[[], None]] = []
        self.relations: dict[tuple[str, str], Relation] = {}

    def __copy__(self) -> Run:
        return self

    def __deepcopy__(self, memo: object) -> Run:
        return self

    def __repr__(self) -> str:
        return f"<ecr-tasks run in {self.project}>"

    def configure(self, config: Mapping[str, object]) -> None:
        """Use these values of Invoke's configuration from now on, and the environment as it is.

        A task of the user's own may have changed either since the settings were read.
        """
        environ = _setting_variables()
        self._in_ci = None
        if (config, environ) != (self._config, self._environ):
            self._config, self._environ = config, environ
            self._forget()

    def choose_env(self, name: str) -> None:
        """Use the settings of ``.env.NAME`` from now on."""
        self._env_name = name
        self._forget()

    def use_env_file(self, path: str) -> None:
        """Read this dotenv file in place of the project's from now on."""
        from ecr_tasks.settings.env_files import SETTING

        self._env_file = {SETTING: path}
        self._forget()

    @property
    def named_env_file(self) -> str:
        """The dotenv file that the environment or Invoke's configuration names in place of ``.env``; may be empty."""
        from ecr_tasks.settings.env_files import named_file

        return named_file({**os.environ, **self._env_file}, self._config)

    @property
    def selection(self) -> str:
        """The tasks of this command line that chose its settings, as they are typed: ``env prod local``."""
        return " ".join(
            [*([f"env {self._env_name}"] if self._env_name else []), *(["local"] if self._overrides else [])]
        )

    def override(self, values: Mapping[str, str]) -> None:
        """Override settings with these values from now on; an empty text unsets a name."""
        self._overrides.update(values)
        self._forget()

    def use_no_registry(self) -> None:
        """Use no registry from now on: a dry run of `local` starts no local ECR and must not use the user's."""
        self._without_registry = True
        self._private_registry = self._public_registry = None

    def ask_briefly(self, seconds: float) -> None:
        """Ask docker and AWS once and for some seconds at most from now on, for a task that may get no answer."""
        self._seconds = seconds
        self._forget()

    def use_engine(self, engine: Engine | EcrTasksError) -> None:
        """Take these facts about the engine, or the error, from now on instead of asking it."""
        self._engine = engine

    def forget(self) -> None:
        """Read settings, source and registries anew from now on."""
        self._engine = None
        self._forget()

    @property
    def settings(self) -> Settings:
        """The settings. Raises SettingsProblems for invalid ones."""
        if self._settings is None:
            from ecr_tasks.settings.load import load

            self._settings = load(
                self.project,
                env_name=self._env_name,
                environ={**os.environ, **self._env_file},
                config=self._config,
                overrides=self._overrides,
                invoke_files=_invoke_files(self._config_paths),
            )
            for text in self._settings.warnings:
                self._warn_once(text)  # `local` and `env` make the settings be loaded once more
        return self._settings

    def uses(self, settings: Settings | None) -> bool:
        """Return whether these are the run's settings, without reading any."""
        return settings is not None and self._settings is settings

    @property
    def source(self) -> SourceState:
        """The state of the source, from git, the CI's variables and ECR_PULL_REQUEST."""
        if self._source is None:
            from ecr_tasks.source.read import read

            self._source = read(self.project, environ=os.environ, settings=self.settings)
            keep_public(*filter(None, (self._source.revision, self._source.branch, self._source.tag)))
        return self._source

    @property
    def in_ci(self) -> bool:
        """Whether this runs in a known CI system, or in another that sets CI and can use the output files."""
        if self._in_ci is None:  # each of many images asks
            from ecr_tasks.ci.detect import in_ci

            self._in_ci = in_ci(os.environ)
        return self._in_ci

    @property
    def docker(self) -> WhalesDocker:
        """The docker client, with this run's private configuration."""
        if self._docker is None:
            from ecr_tasks.clients.docker.client import WhalesDocker
            from ecr_tasks.clients.docker.config import PrivateConfig

            self._private = self._private or PrivateConfig(os.environ, warn=self._warn_once)
            variables = self.settings.missing_variables(os.environ)
            # A CI may give its jobs a terminal, and still keep their output as a log.
            live = not self.in_ci and os.environ.get("TERM") != "dumb"
            self._docker = WhalesDocker(
                self._private,
                self.project,
                variables,
                self._before_login,
                self.retrier,
                live,
                self._seconds,
                self.settings.client,
            )
        return self._docker

    @property
    def registry(self) -> EcrRegistry | MainPublicRegistry:
        """The settings' registry."""
        alias = self.settings.public_alias
        if alias is None or self._without_registry:
            return self.private_registry
        if self._public_registry is None:
            self._public_registry = self.private_registry.main_public(alias)
        return self._public_registry

    def private(self, limit: Limit) -> EcrRegistry:
        """Return the settings' registry for what only a private one can do.

        Raises Refused where it is one of ECR Public; ``limit`` says what is asked for.
        """
        from ecr_tasks.model.public_limits import not_in_public

        if self.settings.public_alias is not None:
            raise not_in_public(limit)
        return self.private_registry

    @property
    def private_registry(self) -> EcrRegistry:
        """The private registry of the settings, or of their credentials beside a public one."""
        if self._private_registry is None and self._without_registry:
            from ecr_tasks.clients.absent_registry import AbsentRegistry

            self._private_registry = cast("EcrRegistry", AbsentRegistry())
        if self._private_registry is None:
            from ecr_tasks.clients.ecr.registry import EcrRegistry
            from ecr_tasks.clients.ecr.session import AwsSession

            self._private_registry = EcrRegistry(
                self.settings, AwsSession(self.settings, self.retrier, asks=self._seconds is None)
            )
        return self._private_registry

    @property
    def machine(self) -> LocalMachine:
        """What this machine says of itself, for a person who looks for what is wrong."""
        from ecr_tasks.clients.docker.machine import LocalMachine

        return LocalMachine(os.environ, self.project)

    @property
    def account(self) -> AwsAccount:
        """What AWS says of the settings' credentials and registry, for a person who looks for what is wrong."""
        from ecr_tasks.clients.ecr.account import AwsAccount

        return AwsAccount(self.settings)

    @property
    def retrier(self) -> Retrier:
        """The retrier of all clients in this run. Raises SettingsError for a wrong AWS_MAX_ATTEMPTS."""
        if self._retrier is None:
            from ecr_tasks.clients.retry import Retrier, max_attempts

            attempts = max_attempts(self.settings.sdk_environ(os.environ))
            self._retrier = Retrier(say, 1 if self._seconds else attempts)
        return self._retrier

    @property
    def logins(self) -> RegistryLogins:
        """The logins of docker to the registries that builds read from."""
        if self._logins is None:
            from ecr_tasks.runner.registry_logins import RegistryLogins

            self._logins = RegistryLogins(
                self.settings, self.private_registry, self.docker, lambda: self.registry.token()
            )
        return self._logins

    @property
    def signatures(self) -> SigningPrograms:
        """The programs that sign and verify in the settings' registry, with this run's private configuration."""
        return self.signatures_at(self.registry)

    def signatures_at(self, registry: Target) -> SigningPrograms:
        """Return the programs that sign and verify in a registry, with its login; keys in KMS are the settings'."""
        from ecr_tasks.clients.docker.config import PrivateConfig
        from ecr_tasks.clients.signing.programs import SigningPrograms

        private = self._private = self._private or PrivateConfig(os.environ, warn=self._warn_once)

        def log_in(repository: Repository) -> None:
            token = replace(registry.token(), host=repository.host)
            self._before_login(token)
            private.authorize(token)

        if registry not in self._signatures:
            programs = SigningPrograms(private, self.project, log_in, lambda: self.registry.environment())
            self._signatures[registry] = programs
        return self._signatures[registry]

    @property
    def earlier_outputs(self) -> EarlierOutputs:
        """What earlier runs left for later CI steps."""
        if self._earlier_outputs is None:
            from ecr_tasks.runner.earlier_outputs import EarlierOutputs

            self._earlier_outputs = EarlierOutputs(self.project)
        return self._earlier_outputs

    @property
    def locks(self) -> PushLocks:
        """The push locks that this run holds."""
        if self._locks is None:
            from ecr_tasks.clients.docker.push_lock import PushLocks

            self._locks = PushLocks()
        return self._locks

    def release_locks(self, names: Iterable[str] | None = None) -> None:
        """Release these push locks, by default all, as far as this run holds any."""
        if self._locks is not None and names is None:
            self._locks.release_all()
        elif self._locks is not None:
            for name in names or ():
                self._locks.release(name)

    @contextmanager
    def locks_until_error(self) -> Iterator[None]:
        """Release all push locks at an error in the block."""
        try:
            yield
        except BaseException:
            self.release_locks()
            raise

    def target(self, destination: Destination) -> EcrRegistry | PublicRegistry:
        """Return a connected client of a destination's registry, with its identity or the same credentials.

        Raises the errors of its credentials. A role that is assumed with the settings' own is assumed at the first
        call, several at a time: only a profile may ask for something, which threads must not do.
        """
        if destination not in self._targets:
            registry: EcrRegistry | PublicRegistry
            identity = destination.identity
            if destination.alias is not None:
                registry = self.private_registry.public(destination.alias, identity)
            else:
                registry = self.private_registry.in_region(destination.account, destination.region, identity)
            if identity.is_own or identity.profile:
                registry.connect()
            self._targets[destination] = registry
        return self._targets[destination]

    def engine(self) -> Engine:
        """Return the facts about the engine and the settings' builder. Raises BuildError without an engine."""
        if isinstance(self._engine, EcrTasksError):
            raise self._engine
        if self._engine is not None:
            return self._engine
        return self.docker.engine(self.settings.builder)

    def builds_elsewhere(self) -> bool:
        """Return whether the builder's machines are others than the engine's, if there is an engine at all."""
        return self.docker.builds_elsewhere(self.settings.builder)

    def before_end(self, call: Callable[[], None]) -> None:
        """Call this before the clients are closed, when the run ends or gets other settings."""
        self._before_end.append(call)

    def report_at_end(self, report: Callable[[], None]) -> None:
        """Pass a report to the CI when the run ends, in place of the one before it that has the same settings."""
        if self._report is not None and not self.uses(self._report[0]):
            self.report()
        self._report = (self.settings, report)

    def report(self) -> None:
        """Pass the report that waits for the end to the CI now, if there is one."""
        waiting, self._report = self._report, None
        if waiting is not None:
            waiting[1]()

    def close(self) -> None:
        """Report to the CI, release the locks, and remove temporary names and docker's configuration with tokens."""
        self.report()
        self.release_locks()
        self._forget()
        if self._private is not None:
            self._private.close()
            self._private = None

    def _before_login(self, token: RegistryToken) -> None:
        """Make the CI mask a registry's password in its log."""
        if self.in_ci:
            from ecr_tasks.ci.outputs.mask import mask
            from ecr_tasks.ci.systems import outputs_adapter

            mask(outputs_adapter(self.source.ci), self.project, token.password, token.auth)

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            warn(text)

    def _forget(self) -> None:
        """Drop everything that was created from the previous settings."""
        while self._before_end:
            self._before_end.pop()()
        if self._docker is not None:
            self._docker.close()
        self._settings = self._source = self._docker = self._retrier = None
        self._private_registry = self._public_registry = None
        self._logins = None
        self._targets.clear()
        self._signatures.clear()


def _setting_variables() -> dict[str, str]:
    """Return the variables of the environment that settings are read from."""
    return {name: value for name, value in os.environ.items() if name.startswith(("ECR_", "AWS_"))}


def _invoke_files(paths: Sequence[Path]) -> list[InvokeFile]:
    """Read the files that Invoke has read, of which most projects have none."""
    if not paths:
        return []
    from ecr_tasks.settings import invoke_files

    return [invoke_files.read(path) for path in paths]
