"""Read docker's logins for ECR hosts, their end, and the helpers that its configuration names; remove logins."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from typing import Any

from ecr_tasks.clients.docker.config import read_user_config, user_folder
from ecr_tasks.clients.docker.logins import AUTH_CONFIG, SCOPED_LOGINS, auth_config_hosts
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import BuildError
from ecr_tasks.files import read_bytes, resolved
from ecr_tasks.model.ecr_host import parse_ecr_host
from ecr_tasks.model.machine import Login, LoginFacts

_LOCAL = re.compile(r"(?:127\.0\.0\.1|localhost):\d+")


def login_facts(environ: Mapping[str, str]) -> LoginFacts:
    """Return the facts about the logins in docker's configuration and in the places that docker reads before it.

    Raises BuildError for a configuration that can't be read.
    """
    folder = user_folder(environ)
    file = folder / "config.json"
    config = read_user_config(file)
    helpers = {host: name for host, name in (config.get("credHelpers") or {}).items() if name}
    store = config.get("credsStore") or None
    names = dict.fromkeys((*helpers.values(), *([store] if store else [])))
    buildx = Path(environ.get("BUILDX_CONFIG") or folder / "buildx")
    places = {
        AUTH_CONFIG: [host for host in auth_config_hosts(environ.get(AUTH_CONFIG, "")) if _is_ecr(host)],
        str(buildx / SCOPED_LOGINS): sorted(_scoped(buildx / SCOPED_LOGINS)),
    }
    return LoginFacts(
        file,
        tuple(_logins(config.get("auths") or {})),
        helpers,
        store,
        tuple(name for name in names if not shutil.which(f"docker-credential-{name}", path=environ.get("PATH"))),
        {place: tuple(hosts) for place, hosts in places.items() if hosts},
    )


def _logins(auths: Mapping[str, Any]) -> Iterator[Login]:
    """Yield the logins for ECR hosts; an entry without a password only marks one that a helper has."""
    for key, entry in auths.items():
        host = re.sub(r"^https?://", "", key).partition("/")[0]
        if _is_ecr(host) and (entry.get("auth") or entry.get("password")):
            yield Login(key, host, _end(entry))


def _is_ecr(host: str) -> bool:
    return parse_ecr_host(host) is not None or bool(_LOCAL.fullmatch(host))


def _end(entry: Mapping[str, Any]) -> datetime | None:
    """Return when a login's password ends: ECR's is a JSON document in base64 that says so; None for another one."""
    try:
        login = base64.b64decode(str(entry.get("auth") or "")).decode()
        password = login.partition(":")[2] or str(entry.get("password") or "")
        document = parse_json(base64.b64decode(password).decode())
        return datetime.fromtimestamp(float(document["expiration"]), timezone.utc)
    except (ValueError, TypeError, KeyError, LookupError, OverflowError, OSError):
        return None


def _scoped(folder: Path) -> Iterator[str]:
    """Yield the ECR hosts that buildx' own logins are for (a file ``HOST[@ACTIONS]``, or a folder for some)."""
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return
    yield from {host for name in names if parse_ecr_host(host := name.partition("@")[0])}


def remove_logins(file: Path, names: Sequence[str]) -> Path | None:
    """Remove entries of ``auths`` from a docker configuration; return the copy of the file as it was before.

    None when none of them is there. The copy has the old logins in it, so only its owner can read it. Raises
    BuildError when a file can't be read or written.
    """
    file = resolved(file)  # a link, as those who keep such files in git have it, stays one
    config = dict(read_user_config(file))
    auths = {name: entry for name, entry in (config.get("auths") or {}).items() if name not in names}
    if auths == (config.get("auths") or {}):
        return None
    stem = f"{file.name}.{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}"
    names_of_copies = (file.with_name(f"{stem}-{number}" if number else stem) for number in count())
    copy = next(path for path in names_of_copies if not os.path.lexists(path))
    try:
        _write(copy, read_bytes(file))
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        _write(temporary, json.dumps({**config, "auths": auths}, indent="\t").encode() + b"\n")
        temporary.chmod(file.stat().st_mode & 0o777)
        temporary.replace(file)
    except OSError as error:
        cause = f"The login can't be removed from {file}: {error.strerror}."
        raise BuildError(cause, "Give this user write access there, or run `docker logout`.") from error
    return copy


def _write(path: Path, content: bytes) -> None:
    """Write a new file that only its owner can read. Raises OSError."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
