"""Fixtures of real engines, base images and registry clients, which the scripts in ``script/`` install."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.conftest import HOME_FOLDERS, is_private
from tests.support.api_models import read_once
from tests.support.scripts import USER_ENVIRONMENT, path_with_clients, script

read_once()

SCANNER = "docker/buildkit-syft-scanner:stable-1"
SCANNER_LABEL = "ecr-tasks-test"
# BuildKit's scanner protocol: a scanner finds the root file system in BUILDKIT_SCAN_SOURCE and leaves in-toto
# statements in BUILDKIT_SCAN_DESTINATION. See docs/attestations/sbom-protocol.md in moby/buildkit.
SCANNER_SCRIPT = """#!/bin/sh
set -eu
name=$(basename "$BUILDKIT_SCAN_SOURCE")
cat >"$BUILDKIT_SCAN_DESTINATION/$name.spdx.json" <<JSON
{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document", "predicate": {
  "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "$name", "dataLicense": "CC0-1.0",
  "documentNamespace": "https://example.invalid/$name", "packages": [],
  "creationInfo": {"created": "2024-01-01T00:00:00Z", "creators": ["Tool: the tests' own"]}}}
JSON
"""


def environment_after(exports: str) -> dict[str, str]:
    """Return the user's environment after a shell has run these export lines."""
    output = subprocess.run(
        ["sh", "-c", 'eval "$1"; env -0', "sh", exports],
        env=USER_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return dict(entry.split("=", 1) for entry in output.split("\0") if entry)


def engine_environment(home: Path, *options: str) -> dict[str, str]:
    """Return an environment in which ``docker`` reaches an engine, without other variables of the user."""
    environ = environment_after(script("engine", "start", *options))
    docker_names = {name for name in environ if name.startswith("DOCKER_")}
    environ = {name: value for name, value in environ.items() if name in docker_names or not is_private(name)}
    # The user's docker finds its engine by its configuration, which is in the home folder that we replace.
    environ.setdefault("DOCKER_CONFIG", str(Path(USER_ENVIRONMENT.get("HOME", "/")) / ".docker"))
    environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environ["PATH"]])  # before any other `inv`
    # Each docker and each buildx would collect its garbage several times while it starts.
    return environ | {name: str(home / folder) for name, folder in HOME_FOLDERS.items()} | {"GOGC": "400"}


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment for programs that use the engine: the user's engine or a private one."""
    return engine_environment(tmp_path_factory.mktemp("engine-home"))


@pytest.fixture(scope="session")
def classic_engine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment for programs that use a second engine, with the classic image store."""
    return engine_environment(tmp_path_factory.mktemp("classic-home"), "--classic")


@pytest.fixture(scope="session")
def tls_engine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment for programs that use another engine, which is reached by TCP with TLS."""
    return engine_environment(tmp_path_factory.mktemp("tls-home"), "--tls")


@pytest.fixture(scope="session")
def clients_path(engine: dict[str, str]) -> str:
    """Return a PATH with crane, skopeo, oras, cosign and docker-registry."""
    return path_with_clients(engine["PATH"])


def base_image(name: str, environ: Mapping[str, str]) -> str:
    """Load ``local/<name>:1`` into an engine and return its name."""
    engines = {name: value for name, value in environ.items() if name.startswith("DOCKER_") or name == "PATH"}
    return script("base-image", name, environ=USER_ENVIRONMENT | engines).strip()


@pytest.fixture(scope="session")
def tiny_base(engine: dict[str, str]) -> str:
    """Return a base image with a shell and small commands (busybox)."""
    return base_image("busybox", engine)


@pytest.fixture(scope="session")
def classic_tiny_base(classic_engine: dict[str, str]) -> str:
    """Return the same base image in the engine with the classic image store."""
    return base_image("busybox", classic_engine)


@pytest.fixture(scope="session")
def debian_base(engine: dict[str, str]) -> str:
    """Return a base image of over 100 MB: a Debian system with Python, made of Debian packages."""
    return base_image("python", engine)


@pytest.fixture(scope="session")
def sbom_scanner(engine: dict[str, str], tiny_base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the image that BuildKit runs for an SBOM; build a small one if the engine doesn't have it."""
    # Several processes run tests at once; the last one that uses the small scanner removes it.
    users = Path(tempfile.gettempdir()) / f"ecr-tasks-test-scanner-{os.getuid()}"
    with users.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if docker(engine, "image", "inspect", SCANNER, check=False).returncode:
            context = tmp_path_factory.mktemp("scanner")
            (context / "scan").write_text(SCANNER_SCRIPT, encoding="utf-8")
            (context / "scan").chmod(0o755)
            (context / "Dockerfile").write_text(
                f'FROM {tiny_base}\nLABEL {SCANNER_LABEL}=yes\nCOPY scan /scan\nENTRYPOINT ["/scan"]\n',
                encoding="utf-8",
            )
            docker(engine, "build", "--quiet", "--provenance=false", "--tag", SCANNER, str(context))
        yield SCANNER
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ours = docker(engine, "image", "ls", "--quiet", "--filter", f"label={SCANNER_LABEL}", SCANNER).stdout
            if ours:
                docker(engine, "image", "rm", SCANNER)


def docker(
    environ: Mapping[str, str], *arguments: str, check: bool = True, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run docker with one of the engines, check its exit code, and return the result."""
    result = subprocess.run(["docker", *arguments], env=environ, cwd=cwd, capture_output=True, text=True, check=False)
    assert not check or result.returncode == 0, f"docker {' '.join(arguments)}: {result.stderr}"
    return result


def forget_step(environ: Mapping[str, str], step: str) -> None:
    """Remove the result of one step, ``[2/2] COPY …``, from the engine's cache; other tests' builds use the rest."""
    forgotten = docker(environ, "buildx", "prune", "--all", "--force", "--filter", f'description="{step}"').stdout
    assert len(forgotten.splitlines()) > 2, f"the cache has no {step}: {forgotten}"


@pytest.fixture(scope="session")
def aws_path() -> str:
    """Return the folder of the aws CLI, which is in the virtual environment of the tests."""
    return str(Path(sys.executable).parent)
