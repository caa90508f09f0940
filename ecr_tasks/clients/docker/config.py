"""A private docker configuration for one run: the user's configuration with the tokens of our registries.

Concurrent runs must not share the file that `docker login` writes (login-action#173, amazon-ecr-login#77), and
a token must not outlive the run. So each run has its own folder with a config.json. The other entries of the folder
(cli-plugins, contexts, TLS files) are links to those of the user.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any

from ecr_tasks.clients.docker.own_folder import RunFolder
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import BuildError
from ecr_tasks.files import read_bytes, read_text
from ecr_tasks.model.registry import RegistryToken

CONFIG = "config.json"
AUTH_CONFIG = "DOCKER_AUTH_CONFIG"
SCOPED_LOGINS = "config"
"""The folder in buildx' own with logins for single repositories and actions."""

_OBJECTS: Mapping[str, type] = {"auths": dict, "credHelpers": str}
"""What docker expects in the entries of these objects (docker/cli, cli/config/configfile)."""

_FIELDS = {name.lower(): name for name in ("auths", "credHelpers", "credsStore", "cliPluginsExtraDirs")}

SYSTEM_PLUGINS = tuple(
    Path(prefix, folder, "docker/cli-plugins") for prefix in ("/usr/local", "/usr") for folder in ("lib", "libexec")
)
"""The system's folders for docker's plugins, in the order in which docker searches them (docker/cli,
manager_unix.go)."""


def with_tokens(config: Mapping[str, Any], tokens: Sequence[RegistryToken]) -> dict[str, Any]:
    """Return a docker configuration with the tokens added.

    docker looks up a host in ``credHelpers``, then in ``credsStore``, and in ``auths`` only when neither is set. When
    the helper's name for the host is empty, docker uses ``auths`` (docker/cli, cli/config/configfile).
    """
    hosts = {token.host for token in tokens}
    auths, helpers = (_without(hosts, config.get(key) or {}) for key in ("auths", "credHelpers"))
    # docker reads no login of a file in which it can't read one.
    auths = {name: entry for name, entry in auths.items() if _is_login(entry)}
    auths |= {token.host: {"auth": token.auth} for token in tokens}
    if config.get("credsStore") or len(helpers) < len(config.get("credHelpers") or {}):
        helpers |= dict.fromkeys(hosts, "")
    return {**config, "auths": auths, **({"credHelpers": helpers} if helpers else {})}


def without_tokens(auth_config: str, hosts: Collection[str]) -> str:
    """Return DOCKER_AUTH_CONFIG without its entries for hosts: docker 28.3 takes it before any configuration file.

    Nothing is left of a text that can't be read: docker uses none of it, or has another idea of it than we have.
    """
    document = _auth_config(auth_config)
    auths = _without(hosts, document["auths"]) if document else {}
    return json.dumps({**(document or {}), "auths": auths}) if auths else ""


def other_login_warning(auth_config: str, host: str) -> str | None:
    """Return a sentence where DOCKER_AUTH_CONFIG has a login for a host, or can't be read; else None."""
    if not auth_config:
        return None
    document = _auth_config(auth_config)
    if document is None:
        return f"{AUTH_CONFIG} can't be read, so docker gets none of its logins from this run."
    if host not in document["auths"]:
        return None
    return f"{AUTH_CONFIG} has a login for {host}, which docker prefers to any other; this run leaves it out."


def _auth_config(text: str) -> dict[str, Any] | None:
    """Return the document in DOCKER_AUTH_CONFIG with its ``auths``; None when it can't be read."""
    try:
        document = _with_field_names(parse_json(text))
        return {**document, "auths": dict(document.get("auths") or {})}
    except (ValueError, TypeError, AttributeError):
        return None


def _with_field_names(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document whose fields have docker's spelling: it takes ``Auths`` for ``auths`` (Go, encoding/json)."""
    fields: dict[str, Any] = {}
    for key, value in document.items():
        name = _FIELDS.get(key.lower(), key)
        both = isinstance(value, dict) and isinstance(fields.get(name), dict)
        fields[name] = {**fields[name], **value} if both else value
    return fields


def _without(hosts: Collection[str], entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that are not for hosts, in whatever way a host is written.

    An older entry may be outdated (docker-commons-plugin#60). docker cuts the scheme and the path off it
    (docker/cli, cli/config/credentials, ConvertToHostname).
    """
    return {
        name: entry
        for name, entry in entries.items()
        if re.sub(r"^https?://", "", name).partition("/")[0] not in hosts
    }


def _is_login(entry: Mapping[str, Any]) -> bool:
    """Return whether docker can read an entry of ``auths``: it has no ``auth``, or USER:PASSWORD in base64."""
    auth = re.sub(r"[\r\n]", "", str(entry.get("auth") or ""))
    try:
        user, colon, _ = base64.b64decode(auth, validate=True).partition(b":")
    except ValueError:
        return False
    return not auth or bool(user and colon)


class PrivateConfig:
    """The folder of a run's configuration. It is created at its first use and removed by :meth:`close`.

    Several threads may use it: destinations are tagged in parallel, and a command renews the tokens that it needs.
    """

    def __init__(self, environ: Mapping[str, str], parent: Path | None = None) -> None:
        self._user_folder = Path(environ.get("DOCKER_CONFIG") or _home() / ".docker")
        self._buildx = environ.get("BUILDX_CONFIG") or str(self._user_folder / "buildx")
        self._auth_config = environ.get(AUTH_CONFIG, "")
        self._docker_host = environ.get("DOCKER_HOST", "")
        self._tokens: dict[str, RegistryToken] = {}
        self._lock = RLock()
        self._run_folder = RunFolder(parent)
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
        config = with_tokens(_read(self._user_folder / CONFIG), self.tokens)
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

    def buildx_plugin(self) -> str | None:
        """Return the path of the buildx plugin that docker would start; None where it is not known.

        docker searches the user's folder first, then the system's folders (docker/cli, cli-plugins/manager). The path
        is not known when the configuration adds folders, because docker searches those before.
        """
        if _read(self._user_folder / CONFIG).get("cliPluginsExtraDirs"):
            return None
        plugins = (folder / "docker-buildx" for folder in (self._user_folder / "cli-plugins", *SYSTEM_PLUGINS))
        return next((str(plugin) for plugin in plugins if plugin.is_file() and os.access(plugin, os.X_OK)), None)

    @property
    def tokens(self) -> tuple[RegistryToken, ...]:
        """The tokens that docker finds in the folder."""
        return tuple(self._tokens.values())

    def authorize(self, token: RegistryToken) -> None:
        """Add the token of a host, or replace it. Raises BuildError when the user's configuration can't be read."""
        with self._lock:
            self._tokens[token.host] = token
            self._write()

    def close(self) -> None:
        """Remove the folder and forget the tokens."""
        self.folder = None
        self._tokens.clear()
        self._run_folder.close()

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
        return self.folder

    def _buildx_folder(self) -> str:
        """Return buildx' folder: the user's, or one without its logins for hosts that have a token of ours.

        buildx 0.31 takes the logins in ``config/HOST[/REPOSITORY][@ACTIONS]`` before docker's
        (https://docs.docker.com/build/building/registry-auth/).
        """
        logins = Path(self._buildx, SCOPED_LOGINS)
        own = _scoped_logins(logins, self._tokens)
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
        text = json.dumps(with_tokens(_read(self._user_folder / CONFIG), list(self._tokens.values())), indent=1)
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
                (folder / entry.name).symlink_to(entry.resolve(), target_is_directory=entry.is_dir())


def _scoped_logins(folder: Path, hosts: Collection[str]) -> set[str]:
    """Return the names of a folder's entries that are logins for hosts, for the whole host or some actions."""
    with suppress(OSError):
        return {entry.name for entry in folder.iterdir() if entry.name.partition("@")[0] in hosts}
    return set()


def _home() -> Path:
    """Return the home folder; for a user without one, as in a container, the root folder, which docker uses too."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return _checked(parse_json(read_text(path)))
    except FileNotFoundError:
        return {}
    except OSError as error:
        cause = f"The docker configuration {path} can't be read: {error.strerror}."
        raise BuildError(cause, "Let this user read it, or name another folder in DOCKER_CONFIG.") from error
    except ValueError as error:
        cause = f"The docker configuration {path} can't be read: {error}."
        raise BuildError(cause, "Mend or remove that file.") from error


def _checked(document: Any) -> Mapping[str, Any]:
    """Return a docker configuration whose logins and plugins have docker's types. Raises ValueError."""
    if not isinstance(document, dict):
        raise ValueError("it is no JSON object")
    config = _with_field_names(document)
    for key, kind in _OBJECTS.items():
        entries = config.get(key) or {}
        if not isinstance(entries, dict) or not all(isinstance(entry, kind) for entry in entries.values()):
            raise ValueError(f"its {key} is not an object of {'objects' if kind is dict else 'strings'}")
    if not isinstance(config.get("credsStore") or "", str):
        raise ValueError("its credsStore is not a string")
    return config
