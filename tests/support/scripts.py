"""Runs the scripts of ``script/`` that bring engines, base images and programs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
USER_ENVIRONMENT = dict(os.environ)
"""The environment before any test changes it, because the scripts install into the user's cache folder."""


def script(name: str, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
    """Run a script of ``script/`` and return its stdout; skip the test if it can't run on this machine."""
    result = subprocess.run(
        [CHECKOUT / "script" / name, *arguments],
        env=environ or USER_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode == 3 and not USER_ENVIRONMENT.get("CI"):
        pytest.skip(result.stderr.strip())
    assert result.returncode == 0, result.stderr
    return result.stdout


def path_with_clients(path: str) -> str:
    """Return a PATH with crane, skopeo, oras, cosign, notation and docker-registry first; they are brought once."""
    return script("clients").strip() + os.pathsep + path
