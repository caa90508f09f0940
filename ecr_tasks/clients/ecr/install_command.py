"""The command that adds a package to the Python environment that this process runs in."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit


def install_command(
    package: str, *, upgrades: bool = False, prefix: str = sys.prefix, python: str = sys.executable
) -> str:
    """Return the shell command that adds a package to an environment, by the tool that made it: pipx, uv or venv.

    With ``upgrades``, it brings one up to date that is there. ``prefix`` is the environment's folder and ``python``
    its interpreter.
    """
    folder, word = Path(prefix), shlex.quote(package)
    parents = [parent.name for parent in folder.parents]
    if parents[:2] == ["venvs", "pipx"]:
        return f"pipx upgrade {folder.name}" if upgrades else f"pipx inject {folder.name} {word}"
    if parents[:2] == ["tools", "uv"]:
        tool = install_source() if folder.name == "ecr-tasks" else folder.name
        return f"uv tool upgrade {folder.name}" if upgrades else f"uv tool install {tool} --with {word}"
    if "archive-v0" in parents or "environments-v2" in parents:  # the folders of uv's cache that uvx runs from
        return f"uvx --from {install_source()} {'--refresh' if upgrades else f'--with {word}'} ecr-tasks"
    option = "--upgrade " if upgrades else ""
    if any((parent / "uv.lock").exists() for parent in folder.parents[:1]):
        return f"uv add {option}{word}"
    if (configuration := folder / "pyvenv.cfg").exists() and "\nuv = " in configuration.read_text(encoding="utf-8"):
        return f"uv pip install --python {shlex.quote(python)} {option}{word}"
    if any((parent / "poetry.lock").exists() for parent in folder.parents[:1]):
        return f"poetry {'update' if upgrades else 'add'} {word}"
    pip = "-m pip" if importlib.util.find_spec("pip") else "-m ensurepip && " + shlex.quote(python) + " -m pip"
    return f"{shlex.quote(python)} {pip} install {option}{word}"


def install_source() -> str:
    """Return where this package was installed from, for a shell: a path, an address or its name (PEP 610)."""
    from importlib import metadata

    try:
        record = json.loads(metadata.distribution("ecr-tasks").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        record = {}
    address = str(record.get("url", "ecr-tasks"))
    parts = urlsplit(address)
    if parts.scheme == "file":
        return shlex.quote(unquote(parts.path))
    if "@" in parts.netloc:  # it may hold a token
        return "ecr-tasks"
    return shlex.quote(f"git+{address}" if "vcs_info" in record else address)
