"""What every test gets: no network and no Docker in unit tests, and nobody's own configuration in any.

The tests that need a network or an engine lie in ``tests/local_ecr`` and ``tests/engine``; only they may use them.
"""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

# What a developer's shell or a CI system sets and a test must not see.
PRIVATE_PREFIXES = (
    *("AWS_", "ECR_", "DOCKER_", "BUILDX_", "BUILDKIT_", "BAKE_", "GIT_", "INVOKE_", "COMPOSE_"),
    *("APPVEYOR", "BITBUCKET_", "BUILDKITE", "BUILD_", "CI_", "CIRCLE", "CODEBUILD_", "DRONE", "GITEA_", "GITHUB_"),
    *("GITLAB_", "JENKINS_", "SYSTEM_", "TEAMCITY_", "TRAVIS", "WOODPECKER"),
)
PRIVATE_NAMES = ("CI", "SOURCE_DATE_EPOCH", "TF_BUILD", "BRANCH_NAME", "CHANGE_ID", "TAG_NAME", "RUNNER_OS")
HOME_FOLDERS = {
    "HOME": ".",
    "XDG_CACHE_HOME": ".cache",
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
    "XDG_RUNTIME_DIR": ".run",
}
IN_CI = bool(os.environ.get("CI"))


def is_private(name: str) -> bool:
    """Whether an environment variable belongs to this machine's user or CI and not to a test."""
    return name.startswith(PRIVATE_PREFIXES) or name in PRIVATE_NAMES


def may_connect(path: Path) -> bool:
    """Whether a test file lies where sockets and engines are what is tested."""
    return not {"engine", "local_ecr"}.isdisjoint(path.relative_to(Path(__file__).parent).parts[:-1])


def pytest_configure() -> None:
    """Ends like Ctrl-C when a CI system stops us, so that fixtures clean up; and lets Ctrl-C through."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell that starts us in the background has us ignore it, and every child of ours as well.
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failure: there nothing may be missing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if IN_CI and reporter is not None and reporter.stats.get("skipped") and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line("\nIn CI no test may be skipped.", red=True)


@pytest.fixture(scope="session")
def no_docker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ``docker`` that says that a unit test must not start it."""
    folder = tmp_path_factory.mktemp("no-docker")
    program = folder / "docker"
    program.write_text("#!/bin/sh\necho 'A unit test must not start docker.' >&2\nexit 125\n", encoding="utf-8")
    program.chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def _nobody_elses_settings(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    no_docker: Path,
) -> None:
    for name in filter(is_private, list(os.environ)):
        monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    for name, folder in HOME_FOLDERS.items():
        monkeypatch.setenv(name, str(home / folder))
    if may_connect(request.path):
        return
    monkeypatch.setenv("PATH", f"{no_docker}{os.pathsep}{os.environ['PATH']}")
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: object) -> None:
        if self.family != socket.AF_UNIX:
            raise AssertionError(f"A unit test must not open a connection (to {address}).")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
