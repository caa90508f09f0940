"""The command that adds a package to the Python environment that this process runs in."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from pathlib import Path


def install_command(package: str, *, prefix: str = sys.prefix, python: str = sys.executable) -> str:
    """Return the shell command that adds a package to an environment, by the tool that made it: pipx, uv or venv.

    ``prefix`` is the environment's folder and ``python`` its interpreter.
    """
    folder, word = Path(prefix), shlex.quote(package)
    parents = [parent.name for parent in folder.parents]
    if parents[:2] == ["venvs", "pipx"]:
        return f"pipx inject {folder.name} {word}"
    if parents[:2] == ["tools", "uv"]:
        return f"uv tool install {folder.name} --with {word}"
    if "archive-v0" in parents or "environments-v2" in parents:  # the folders of uv's cache that uvx runs from
        return f"uvx --with {word} ecr-tasks"
    if any((parent / "uv.lock").exists() for parent in folder.parents[:1]):
        return f"uv add {word}"
    if (configuration := folder / "pyvenv.cfg").exists() and "\nuv = " in configuration.read_text(encoding="utf-8"):
        return f"uv pip install --python {shlex.quote(python)} {word}"
    if any((parent / "poetry.lock").exists() for parent in folder.parents[:1]):
        return f"poetry add {word}"
    pip = "-m pip" if importlib.util.find_spec("pip") else "-m ensurepip && " + shlex.quote(python) + " -m pip"
    return f"{shlex.quote(python)} {pip} install {word}"
