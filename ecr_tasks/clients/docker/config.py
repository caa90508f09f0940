"""A private docker configuration for one run: the user's own one, with our registry's token beside it.

Concurrent runs must not share the file that `docker login` writes (login-action#173, amazon-ecr-login#77), and
a token must not outlive the run. So each run gets a folder of its own that holds a config.json; everything
else in it (cli-plugins, contexts, TLS files) is a link to the user's own, which keeps working.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ecr_tasks.clients.docker.file_lock import Held, hold
from ecr_tasks.errors import BuildError
from ecr_tasks.model.registry import RegistryToken

CONFIG = "config.json"
_PREFIX = "ecr-tasks-docker-"
_OWNER = ".owner"
SYSTEM_PLUGINS = tuple(
    Path(folder)
    for folder in (
        "/usr/local/lib/docker/cli-plugins",
        "/usr/local/libexec/docker/cli-plugins",
        "/usr/lib/docker/cli-plugins",
        "/usr/libexec/docker/cli-plugins",
    )
)
"""Where distributions put docker's plugins, in docker's own order (docker/cli, manager_unix.go)."""


def with_tokens(config: Mapping[str, Any], tokens: Sequence[RegistryToken]) -> dict[str, Any]:
    """A docker configuration that also knows the tokens.

    docker looks a host up in ``credHelpers``, then in ``credsStore``, and in ``auths`` only when neither has a
    word to say; an empty helper's name for the host sends it to ``auths`` (ecr.md, Tokens and hosts).
    """
    merged = dict(config)
    auths = dict(merged.get("auths") or {})
    helpers = dict(merged.get("credHelpers") or {})
    for token in tokens:
        secret = f"{token.username}:{token.password}".encode()
        # An entry under https:// may be stale, and docker would take it (docker-commons-plugin#60).
        auths.pop(f"https://{token.host}", None)
        auths[token.host] = {"auth": base64.b64encode(secret).decode()}
        if merged.get("credsStore") or token.host in helpers:
            helpers[token.host] = ""
    merged["auths"] = auths
    if helpers:
        merged["credHelpers"] = helpers
    return merged


class PrivateConfig:
    """The folder; made when first needed, removed by :meth:`close`."""

    def __init__(self, environ: Mapping[str, str], parent: Path | None = None) -> None:
        self._users = users_folder(environ)
        self._buildx = environ.get("BUILDX_CONFIG") or str(self._users / "buildx")
        self._parent = parent
        self._tokens: dict[str, RegistryToken] = {}
        self._owner: Held | None = None
        self.folder: Path | None = None

    def environment(self) -> dict[str, str]:
        """The variables that send docker and buildx here; buildx keeps its builders where they are."""
        return {"DOCKER_CONFIG": str(self._made()), "BUILDX_CONFIG": self._buildx}

    def buildx(self) -> str | None:
        """Where docker would find the buildx plugin; None where only docker can tell.

        In the user's own folder first, then in the system's (docker/cli, cli-plugins/manager); folders that the
        configuration adds come before both, and are left to docker.
        """
        if _read(self._users / CONFIG).get("cliPluginsExtraDirs"):
            return None
        for folder in (self._users / "cli-plugins", *SYSTEM_PLUGINS):
            plugin = folder / "docker-buildx"
            if plugin.is_file() and os.access(plugin, os.X_OK):
                return str(plugin)
        return None

    def authorize(self, token: RegistryToken) -> None:
        """Lets docker in at the token's host, for as long as this configuration lives."""
        self._tokens[token.host] = token
        self._write()

    def close(self) -> None:
        """Removes the folder and what it knows."""
        folder, self.folder = self.folder, None
        self._tokens.clear()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        if self._owner is not None:
            self._owner.release()

    def _made(self) -> Path:
        if self.folder is None:
            sweep(self._parent)
            self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._parent))
            self._owner = hold(self.folder / _OWNER)
            _link(self._users, self.folder)
            self._write()
        return self.folder

    def _write(self) -> None:
        """Writes the configuration, readable by its owner alone, in one step."""
        text = json.dumps(with_tokens(_read(self._users / CONFIG), list(self._tokens.values())), indent=1)
        folder = self._made()
        fresh = folder / f"{CONFIG}.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(folder / CONFIG)


def users_folder(environ: Mapping[str, str]) -> Path:
    """Where the user's own docker configuration lives."""
    return Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def sweep(parent: Path | None = None) -> None:
    """Removes what runs left behind that were killed (kill -9 leaves nobody to clean up).

    A living run holds a lock on its folder; unlike a process id, it says so across containers, too.
    """
    for folder in Path(parent or tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            dead = hold(folder / _OWNER, wait=False) if (folder / _OWNER).exists() else None
            if dead is not None:
                shutil.rmtree(folder, ignore_errors=True)
                dead.release()


def _link(users: Path, ours: Path) -> None:
    if not users.is_dir():
        return
    for entry in users.iterdir():
        if entry.name != CONFIG:
            (ours / entry.name).symlink_to(entry.resolve(), target_is_directory=entry.is_dir())


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BuildError(
            f"The docker configuration {path} can't be read: {error}.", "Mend or remove that file."
        ) from error
    return found if isinstance(found, dict) else {}
