"""What docker, its files and the disk say of this machine, each within seconds.

docker is asked in the user's own configuration, without a copy of it: what is wrong with that, or with the folder for
temporary files, is not in the way of the other questions.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.docker import errors
from ecr_tasks.clients.docker.command_line import ask, ask_other_client
from ecr_tasks.clients.docker.login_facts import login_facts, remove_logins
from ecr_tasks.clients.docker.own_folder import left_folders, sweep
from ecr_tasks.clients.docker.parse import parse_builder, parse_engine
from ecr_tasks.clients.docker.temporary_names import names_in
from ecr_tasks.clients.docker.unreached_builder import trouble_of
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import BuildError, EcrTasksError
from ecr_tasks.model.machine import BuilderFacts, EngineFacts, Folder, LeftNames, LoginFacts
from ecr_tasks.model.receipt import FOLDER

if TYPE_CHECKING:
    from python_on_whales import SystemInfo

SECONDS = 10.0
"""How long docker may take for an answer."""

_START_SECONDS = 120.0
_UNREACHED = re.compile(
    r"connection refused|no route to host|network is unreachable|i/o timeout|no such host"
    r"|HTTP response to HTTPS client|deadline exceeded|Client\.Timeout|proxyconnect"
)
_VIRTUAL = re.compile(r"docker desktop|docker-desktop|colima|lima|rancher|orbstack|podman", re.IGNORECASE)


class LocalMachine:
    """This machine, with the docker of ``environ``; ``project`` is the folder that receipts are written into."""

    def __init__(self, environ: Mapping[str, str], project: Path) -> None:
        self._environ, self._project = environ, project
        self._info: SystemInfo | None = None

    def engine(self) -> EngineFacts:
        """Return the facts about docker's client and engine. Raises BuildError when there is none."""
        asked_at = datetime.now(timezone.utc)
        answer = ask("ask the engine what it is", "info", "--format", "{{json .}}", seconds=SECONDS)
        with errors.reading_answer("say what engine it uses"):
            document: dict[str, Any] = parse_json(answer)
            problems, version = document.get("ServerErrors") or (), document.get("ServerVersion")
            client = str((document.get("ClientInfo") or {}).get("Version", "of unknown version"))
        if not problems and "ClientInfo" not in document and "host" in document:
            raise errors.other_client()
        if problems or not version:
            text = "\n".join(map(str, problems)) or "Cannot connect to the Docker daemon."
            raise errors.command_failed("ask the engine what it is", f"{text}\n")
        with errors.reading_answer("say what engine it uses"):
            from python_on_whales import SystemInfo

            self._info = SystemInfo(**document)
            system = str(document.get("OperatingSystem", ""))
            names = f"{system} {document.get('Name', '')}"
            return EngineFacts(
                client=client,
                server=str(version),
                system=system,
                root=str(document.get("DockerRootDir") or ""),
                is_here=self._is_here(names),
                clock=_time(document.get("SystemTime")),
                asked_at=asked_at,
            )

    def other_client(self, name: str) -> str:
        """Return the version of a client in docker's place, whose engine answers. Raises BuildError."""
        ask_other_client(name, "info", seconds=SECONDS)
        return ask_other_client(name, "--version", seconds=SECONDS)

    def buildx_version(self) -> str:
        """Return buildx's version. Raises BuildError when there is no buildx."""
        answer = ask("ask buildx for its version", "buildx", "version", seconds=SECONDS)
        match = re.search(r"\bv?(\d+\.\d+\.\d+\S*)", answer)
        return match[1] if match else (answer.split() or ["of unknown version"])[0]

    def builder(self, name: str | None) -> BuilderFacts:
        """Return the facts about a builder, after :meth:`engine`. Raises BuildError for a missing one."""
        output = ask("ask buildx for its builder", "buildx", "inspect", *([name] if name else []), seconds=SECONDS)
        info = self._info
        if info is None:
            raise BuildError("There is no engine to ask for the builder.", "Mend the engine first.")
        engine = parse_engine(info, output)
        if engine.driver in ("docker", "") and (name or self._environ.get("BUILDX_BUILDER")):
            current = ask("name its context", "context", "show", seconds=SECONDS)
            if engine.builder not in (current, "default" if self._environ.get("DOCKER_HOST") else current):
                raise errors.other_context(engine.builder)
        statuses = re.findall(r"^Status:\s*(\S.*)$", output, re.MULTILINE)
        problems = re.findall(r"^Error:\s*(\S.*)$", output, re.MULTILINE)
        worst = next((status for status in statuses if status != "running"), "running" if statuses else "")
        return BuilderFacts(
            engine=engine,
            status=worst or ("running" if engine.driver == "docker" else "inactive"),
            error=problems[0] if problems else trouble_of(parse_builder(output)),
            shares_network=engine.driver != "docker-container" or bool(re.search(r'network="?host', output)),
        )

    def folders(self, engine: EngineFacts | None) -> Sequence[Folder]:
        """Return the folders that a push writes into: the engine's if it is here, temporary files', the project's."""
        found = [_temporary_folder(self._environ), _receipts_folder(self._project)]
        if engine and engine.is_here and engine.root and Path(engine.root).is_dir():
            found.insert(0, _folder(Path(engine.root), "docker's disk", writes=False))
        return found

    def left_names(self) -> LeftNames:
        """Return what killed runs have left."""
        folders = left_folders()
        return LeftNames(len(folders), tuple(name for folder in folders for name in names_in(folder)))

    def logins(self) -> LoginFacts:
        """Return docker's logins for ECR hosts. Raises BuildError for a configuration that can't be read."""
        return login_facts(self._environ)

    def reaches(self, registry: str) -> str:
        """Return why the engine does not reach a registry: it is asked to pull an image that nobody has."""
        try:
            ask("look for an image", "pull", "--quiet", f"{registry}/ecr-tasks/doctor:none", seconds=SECONDS)
        except EcrTasksError as error:
            return error.cause if _UNREACHED.search(error.cause) or "no answer" in error.cause else ""
        return ""

    def remove_left_names(self) -> Sequence[str]:
        """Remove what killed runs have left, and return the image names that were removed."""
        names: list[str] = []
        sweep(before=lambda folder: names.extend(names_in(folder)))
        if names:
            with suppress(EcrTasksError):  # those of an image that is gone
                ask("remove names", "image", "rm", *dict.fromkeys(names), seconds=_START_SECONDS)
        return names

    def remove_logins(self, file: Path, names: Sequence[str]) -> Path | None:
        """Remove entries of ``auths`` from a docker configuration; return the copy of the file as it was before."""
        return remove_logins(file, names)

    def start_builder(self, name: str) -> None:
        """Start a builder that exists. Raises BuildError."""
        ask(f"start the builder {name}", "buildx", "inspect", "--bootstrap", name, seconds=_START_SECONDS)

    def _is_here(self, names: str) -> bool:
        """Return whether the engine runs on this machine itself, not in a virtual or another one."""
        host = self._environ.get("DOCKER_HOST", "")
        if not host:
            with suppress(EcrTasksError):
                form = "{{.Endpoints.docker.Host}}"
                host = ask("name its engine", "context", "inspect", "--format", form, seconds=SECONDS)
        is_socket = not host or host.startswith("unix:")
        return is_socket and sys.platform not in ("darwin", "win32") and not _VIRTUAL.search(names)


def _temporary_folder(environ: Mapping[str, str]) -> Folder:
    """Return the folder for temporary files: TMPDIR's, also where Python would take another one. docker doesn't."""
    wanted = next((environ[name] for name in ("TMPDIR", "TEMP", "TMP") if environ.get(name)), "")
    usable = None
    with suppress(OSError):  # no folder at all
        usable = Path(tempfile.gettempdir())
    found = _folder(Path(wanted) if wanted else usable or Path("/tmp"), "temporary files", writes=True)  # noqa: S108
    return replace(found, instead=usable) if found.trouble and usable != found.path else found


def _receipts_folder(project: Path) -> Folder:
    """Return the folder of the receipts; the project's where there is none. One of root's stops others' runs."""
    own = project / FOLDER
    places = [own, *sorted(path for path in own.rglob("*") if path.is_dir())] if own.exists() else [project]
    found = [_folder(place, "the project's folder", writes=True) for place in places]
    return next((folder for folder in found if folder.trouble), found[0])


def _folder(path: Path, purpose: str, *, writes: bool) -> Folder:
    """Return a folder's room and, if ``writes``, what is in the way of a file in it."""
    trouble = ""
    try:
        if writes:
            with tempfile.TemporaryFile(dir=path) as file:
                file.write(b"x")  # a full disk still takes a file with nothing in it
                file.flush()
        usage = shutil.disk_usage(path)
        files = os.statvfs(path).f_favail if hasattr(os, "statvfs") and os.statvfs(path).f_files else None
    except OSError as error:
        trouble = error.strerror or str(error)
        return Folder(path, purpose, trouble=trouble)
    return Folder(path, purpose, usage.free, files)


def _time(text: object) -> datetime | None:
    """Return the time that docker writes with nanoseconds; None for another text."""
    match = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)$", str(text))
    return datetime.fromisoformat(match[1] + match[2].replace("Z", "+00:00")) if match else None
