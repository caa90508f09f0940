"""A private docker configuration for one run: the user's configuration with the tokens of our registries.

Concurrent runs must not share the file that `docker login` writes (login-action#173, amazon-ecr-login#77), and
a token must not outlive the run. So each run has its own folder with a config.json. The other entries of the folder
(cli-plugins, contexts, TLS files) are links to those of the user.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any

from ecr_tasks.clients.docker.logins import (
    AUTH_CONFIG,
    SCOPED_LOGINS,
    checked,
    has_login,
    is_readable,
    scoped_logins,
    with_tokens,
    without_tokens,
)
from ecr_tasks.clients.docker.own_folder import RunFolder
from ecr_tasks.clients.docker.temporary_names import NAMES, TemporaryNames
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import BuildError
from ecr_tasks.files import read_bytes, read_text, resolved
from ecr_tasks.model.registry import RegistryToken

CONFIG = "config.json"
SYSTEM_PLUGINS = tuple(
    Path(prefix, folder, "docker/cli-plugins") for prefix in ("/usr/local", "/usr") for folder in ("lib", "libexec")
)
"""The system's folders for docker's plugins, in the order in which docker searches them (docker/cli,
manager_unix.go)."""


class PrivateConfig:
    """The folder of a run's configuration. It is created at its first use and removed by :meth:`close`.

    ``warn`` is told of the user's logins that docker would prefer to a token. Several threads may use it: images are
    pushed in parallel, and a command renews the tokens that it needs.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        parent: Path | None = None,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._warn = warn
        self._user_folder = user_folder(environ)
        self._buildx = environ.get("BUILDX_CONFIG") or str(self._user_folder / "buildx")
        self._auth_config = environ.get(AUTH_CONFIG, "")
        self._buildx_builder = environ.get("BUILDX_BUILDER", "")
        self._docker_host = environ.get("DOCKER_HOST", "")
        self._docker_context = environ.get("DOCKER_CONTEXT", "")
        self._tokens: dict[str, RegistryToken] = {}
        self._lock = RLock()
        self._run_folder = RunFolder(parent)
        self.names = TemporaryNames(self._run_folder)
        self.folder: Path | None = None

    def environment(self) -> dict[str, str]:
        """Return the variables that make docker and buildx use this folder; buildx keeps the user's builders."""
        with self._lock:
            auth_config = {AUTH_CONFIG: without_tokens(self._auth_config, self._tokens)} if self._auth_config else {}
            return {"DOCKER_CONFIG": str(self._create()), "BUILDX_CONFIG": self._buildx_folder(), **auth_config}

    def starts_programs(self) -> bool:
        """Return whether docker may start programs of the user: credential helpers, ssh, those of a Kubernetes login.

        Contexts may lead to an engine by ssh, and a helper is not called for a host with a token of ours.
        """
        config = with_tokens(read_user_config(self._user_folder / CONFIG), self.tokens)
        if config.get("credsStore") or any((config.get("credHelpers") or {}).values()):
            return True
        if self._docker_host.startswith("ssh:"):
            return True
        try:
            if any((self._user_folder / "contexts" / "meta").glob("*")):
                return True
            builders = [read_bytes(path) for path in Path(self._buildx, "instances").glob("*") if path.is_file()]
        except OSError:
            return True
        return any(b"ssh://" in builder or b'"kubernetes"' in builder for builder in builders)

    def builds_elsewhere(self, builder: str | None) -> bool:
        """Return whether a builder, buildx's current one without a name, has no machine here: pods, or addresses.

        buildx's own files tell it, so nobody is asked (buildx, store/store.go).
        """
        with suppress(OSError, ValueError, TypeError, AttributeError, KeyError):
            name = builder or self._buildx_builder or parse_json(read_text(Path(self._buildx, "current")))["Name"]
            document = parse_json(read_text(Path(self._buildx, "instances", name))) if name else {}
            endpoints = [str(node["Endpoint"]) for node in document["Nodes"]]
            if document["Driver"] in ("kubernetes", "remote"):
                return True
            return bool(endpoints) and all(endpoint.startswith(("tcp://", "ssh://")) for endpoint in endpoints)
        return False

    def engine_socket(self) -> str | None:
        """Return the path of the socket on this machine where docker finds its engine; None where that is elsewhere.

        The first of DOCKER_HOST, DOCKER_CONTEXT and the current context counts (docker/cli, cli/command/cli.go).
        """
        host = self._docker_host
        with suppress(OSError, ValueError, TypeError, KeyError, BuildError):
            context = self._docker_context or read_user_config(self._user_folder / CONFIG).get("currentContext")
            if not host and context in (None, "", "default"):
                host = "unix:///var/run/docker.sock"
            elif not host:
                name = hashlib.sha256(str(context).encode()).hexdigest()
                meta = read_text(self._user_folder / "contexts" / "meta" / name / "meta.json")
                host = str(parse_json(meta)["Endpoints"]["docker"]["Host"])
        return host.removeprefix("unix://") or None if host.startswith("unix://") else None

    def buildx_plugin(self) -> str | None:
        """Return the path of the buildx plugin that docker would start; None where it is not known.

        docker searches the user's folder first, then the system's folders (docker/cli, cli-plugins/manager). The path
        is not known when the configuration adds folders, because docker searches those before.
        """
        if read_user_config(self._user_folder / CONFIG).get("cliPluginsExtraDirs"):
            return None
        plugins = (folder / "docker-buildx" for folder in (self._user_folder / "cli-plugins", *SYSTEM_PLUGINS))
        return next((str(plugin) for plugin in plugins if plugin.is_file() and os.access(plugin, os.X_OK)), None)

    @property
    def tokens(self) -> tuple[RegistryToken, ...]:
        """The tokens that docker finds in the folder."""
        with self._lock:
            return tuple(self._tokens.values())

    def authorize(self, token: RegistryToken) -> None:
        """Add the token of a host, or replace it. Raises BuildError when the user's configuration can't be read."""
        with self._lock:
            known = self._tokens.get(token.host)
            if known is not None and known.auth == token.auth:  # as of each of many images
                self._tokens[token.host] = token
                return
            self._tokens[token.host] = token
            self._write()
            preferred = [AUTH_CONFIG] if has_login(self._auth_config, token.host) else []
            logins = Path(self._buildx, SCOPED_LOGINS)
            for place in (*preferred, *(logins / name for name in sorted(scoped_logins(logins, [token.host])))):
                self._warn(f"{place} has a login for {token.host} that docker would prefer; this run leaves it out.")

    def close(self) -> None:
        """Remove the folder and forget the tokens."""
        self.folder = None
        self._tokens.clear()
        self._run_folder.close(leave_file=NAMES if self.names else "")

    def add_names(self, *references: str) -> None:
        """Record local image names that end with the run. Raises BuildError when that can't be written."""
        with self._errors():
            self.names.add(*references)

    @contextmanager
    def scratch_folder(self) -> Iterator[Path]:
        """Make a private folder for the time of the context, which is also gone after the end of the run.

        Raises BuildError when it can't be made.
        """
        with self._errors():
            folder = Path(tempfile.mkdtemp(dir=self._run_folder.create()))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _create(self) -> Path:
        if self.folder is None:
            with self._errors():
                folder = self._run_folder.create() / "docker"
                _link_entries(self._user_folder, folder, without={CONFIG})
                self.folder = folder
                self._write()
            if not is_readable(self._auth_config):
                self._warn(f"{AUTH_CONFIG} can't be read, so docker gets none of its logins from this run.")
        return self.folder

    def _buildx_folder(self) -> str:
        """Return buildx' folder: the user's, or one without its logins for hosts that have a token of ours.

        buildx 0.31 takes the logins in ``config/HOST[/REPOSITORY][@ACTIONS]`` before docker's
        (https://docs.docker.com/build/building/registry-auth/).
        """
        logins = Path(self._buildx, SCOPED_LOGINS)
        own = scoped_logins(logins, self._tokens)
        if not own:
            return self._buildx
        with self._errors():
            folder = self._run_folder.create() / "buildx"
            _link_entries(Path(self._buildx), folder, without={SCOPED_LOGINS})
            _link_entries(logins, folder / SCOPED_LOGINS, without=own)
            for name in own:  # of hosts that had no token before
                (folder / SCOPED_LOGINS / name).unlink(missing_ok=True)
        return str(folder)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BuildError(
                f"docker's configuration can't be copied for this run: {error}.",
                "Give this user a folder for temporary files with room in it (TMPDIR), and let it read docker's "
                "configuration (DOCKER_CONFIG).",
            ) from error

    def _write(self) -> None:
        """Replace the configuration file atomically; only its owner can read it."""
        text = json.dumps(
            with_tokens(read_user_config(self._user_folder / CONFIG), list(self._tokens.values())), indent=1
        )
        folder = self._create()
        temporary_file = folder / f"{CONFIG}.new"
        with self._errors():
            with os.fdopen(
                os.open(temporary_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
            ) as file:
                file.write(text)
            temporary_file.replace(folder / CONFIG)


def _link_entries(source: Path, folder: Path, without: Collection[str]) -> None:
    """Create a folder, if it is missing, with links to another folder's entries. Raises OSError."""
    folder.mkdir(0o700, exist_ok=True)
    for entry in source.iterdir() if source.is_dir() else ():
        if entry.name not in without:
            with suppress(FileExistsError):
                (folder / entry.name).symlink_to(resolved(entry), target_is_directory=entry.is_dir())


def _home() -> Path:
    """Return the home folder; for a user without one, as in a container, the root folder, which docker uses too."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")


def user_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the user's docker configuration."""
    return Path(environ.get("DOCKER_CONFIG") or _home() / ".docker")


def read_user_config(path: Path) -> Mapping[str, Any]:
    """Return a docker configuration; empty without the file. Raises BuildError when it can't be read."""
    try:
        return checked(parse_json(read_text(path)))
    except FileNotFoundError:
        return {}
    except OSError as error:
        cause = f"The docker configuration {path} can't be read: {error.strerror}."
        raise BuildError(cause, "Let this user read it, or name another folder in DOCKER_CONFIG.") from error
    except ValueError as error:
        cause = f"The docker configuration {path} can't be read: {error}."
        raise BuildError(cause, "Mend or remove that file.") from error
