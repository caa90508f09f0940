"""Facts about this machine that decide whether a push would work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.ports import Engine


@dataclass(frozen=True)
class Package:
    """An installed package; ``version`` is None for a missing one, ``wanted`` is what ``wanted_by`` asks for."""

    name: str
    version: str | None
    wanted: str = ""
    wanted_by: str = ""


@dataclass(frozen=True)
class PythonFacts:
    """The Python that this runs in.

    ``installs`` are the folders of its path with an ecr-tasks. ``other_programs`` are programs of ours and Invoke's
    that a shell would start from another environment, by name.
    """

    version: str
    executable: str
    packages: tuple[Package, ...] = ()
    installs: tuple[Path, ...] = ()
    other_programs: Mapping[str, Path] = field(default_factory=dict)
    install_command: str = ""
    """The command that brings the packages up to date."""


@dataclass(frozen=True)
class EngineFacts:
    """What `docker info` says. ``clock`` is the engine's time, ``asked_at`` ours; ``is_here`` tells whether its files
    and its 127.0.0.1 are this machine's.
    """

    client: str
    server: str
    system: str = ""
    root: str = ""
    is_here: bool = True
    clock: datetime | None = None
    asked_at: datetime | None = None


@dataclass(frozen=True)
class BuilderFacts:
    """What `buildx inspect` says of a builder. ``engine`` has what plans need of it.

    ``status`` is the worst of its nodes' (running, stopped, inactive …). ``shares_network`` is False for a builder in
    a container of its own, which does not reach this machine's 127.0.0.1.
    """

    engine: Engine
    status: str = "running"
    error: str = ""
    shares_network: bool = True


@dataclass(frozen=True)
class Folder:
    """A folder that a push writes into, and the room in it.

    ``trouble`` says why it can't be written to, and ``instead`` is the folder that is taken then, if there is one.
    """

    path: Path
    purpose: str
    free_bytes: int = 0
    free_files: int | None = None
    trouble: str = ""
    instead: Path | None = None


@dataclass(frozen=True)
class LeftNames:
    """What killed runs have left: how many folders, and the local image names in them."""

    folders: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Login:
    """A login for an ECR host in ``auths``: its key there, its host, and when its password ends, if that is known."""

    key: str
    host: str
    ends: datetime | None = None


@dataclass(frozen=True)
class LoginFacts:
    """The logins that docker's own commands would use, and the helpers that its configuration names.

    ``helpers`` are by host, ``store`` is for all others. ``missing`` are helpers without a program. ``preferred`` are
    the ECR hosts by a place that docker reads before its configuration (DOCKER_AUTH_CONFIG, buildx' own logins).
    """

    file: Path
    logins: tuple[Login, ...] = ()
    helpers: Mapping[str, str] = field(default_factory=dict)
    store: str | None = None
    missing: tuple[str, ...] = ()
    preferred: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
