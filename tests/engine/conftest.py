"""Real engines, base images and registry clients, brought by the scripts in ``script/``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.conftest import HOME_FOLDERS, IN_CI, is_private

CHECKOUT = Path(__file__).parents[2]
# As it is before any test changes it: what the scripts bring stays in the user's cache folder.
USERS = dict(os.environ)
SCANNER = "docker/buildkit-syft-scanner:stable-1"
# BuildKit's scanner protocol: a scanner finds the root file system in BUILDKIT_SCAN_SOURCE and leaves in-toto
# statements in BUILDKIT_SCAN_DESTINATION. See docs/attestations/sbom-protocol.md in moby/buildkit.
SCAN = """#!/bin/sh
set -eu
name=$(basename "$BUILDKIT_SCAN_SOURCE")
cat >"$BUILDKIT_SCAN_DESTINATION/$name.spdx.json" <<JSON
{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document", "predicate": {
  "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "$name", "dataLicense": "CC0-1.0",
  "documentNamespace": "https://example.invalid/$name", "packages": [],
  "creationInfo": {"created": "2024-01-01T00:00:00Z", "creators": ["Tool: the tests' own"]}}}
JSON
"""


def script(name: str, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
    """Runs one of ``script/``; gives its stdout."""
    done = subprocess.run(
        [CHECKOUT / "script" / name, *arguments],
        env=environ or USERS,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 3 and not IN_CI:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return done.stdout


def evaluated(exports: str) -> dict[str, str]:
    """The user's environment after a shell has evaluated these lines."""
    dump = subprocess.run(
        ["sh", "-c", 'eval "$1"; env -0', "sh", exports], env=USERS, capture_output=True, text=True, check=True
    ).stdout
    return dict(entry.split("=", 1) for entry in dump.split("\0") if entry)


def engine_environment(home: Path, *options: str) -> dict[str, str]:
    """An environment in which ``docker`` reaches an engine, and that holds nothing else of this machine's user."""
    environ = evaluated(script("engine", "start", *options))
    kept = {name for name in environ if name.startswith("DOCKER_")}
    environ = {name: value for name, value in environ.items() if name in kept or not is_private(name)}
    # The user's docker knows its engine by its own configuration, which lies in the home folder that we leave.
    environ.setdefault("DOCKER_CONFIG", str(Path(USERS.get("HOME", "/")) / ".docker"))
    return environ | {name: str(home / folder) for name, folder in HOME_FOLDERS.items()}


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment for programs that use the engine: the user's own, or the private one."""
    return engine_environment(tmp_path_factory.mktemp("engine-home"))


@pytest.fixture(scope="session")
def classic_engine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment for programs that use a second engine, with the classic image store."""
    return engine_environment(tmp_path_factory.mktemp("classic-home"), "--classic")


@pytest.fixture(scope="session")
def clients_path(engine: dict[str, str]) -> str:
    """A PATH with crane, skopeo, oras, cosign and docker-registry."""
    return script("clients").strip() + os.pathsep + engine["PATH"]


def base_image(name: str, environ: Mapping[str, str]) -> str:
    """Brings ``local/<name>:1`` into an engine."""
    engines = {name: value for name, value in environ.items() if name.startswith("DOCKER_") or name == "PATH"}
    return script("base-image", name, environ=USERS | engines).strip()


@pytest.fixture(scope="session")
def tiny_base(engine: dict[str, str]) -> str:
    """A base image with a shell and the usual small commands (busybox)."""
    return base_image("busybox", engine)


@pytest.fixture(scope="session")
def classic_tiny_base(classic_engine: dict[str, str]) -> str:
    """The same in the engine with the classic image store."""
    return base_image("busybox", classic_engine)


@pytest.fixture(scope="session")
def debian_base(engine: dict[str, str]) -> str:
    """A base image of over 100 MB: a Debian system with Python, made of Debian packages."""
    return base_image("python", engine)


@pytest.fixture(scope="session")
def sbom_scanner(engine: dict[str, str], tiny_base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image that BuildKit asks for an SBOM: it is there, or a small one of ours takes its place for the tests."""
    if docker(engine, "image", "inspect", SCANNER, check=False).returncode == 0:
        yield SCANNER
        return
    context = tmp_path_factory.mktemp("scanner")
    (context / "scan").write_text(SCAN, encoding="utf-8")
    (context / "scan").chmod(0o755)
    (context / "Dockerfile").write_text(
        f'FROM {tiny_base}\nCOPY scan /scan\nENTRYPOINT ["/scan"]\n', encoding="utf-8"
    )
    docker(engine, "build", "--quiet", "--provenance=false", "--tag", SCANNER, str(context))
    yield SCANNER
    docker(engine, "image", "rm", SCANNER)


def docker(
    environ: Mapping[str, str], *arguments: str, check: bool = True, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs docker against one of the engines."""
    done = subprocess.run(["docker", *arguments], env=environ, cwd=cwd, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done


@pytest.fixture(scope="session")
def aws_path() -> str:
    """The folder of the aws CLI, which the tests' own environment brings."""
    return str(Path(sys.executable).parent)
