"""Isolates every test from the user's configuration, and unit tests from the network and from Docker.

Only the tests in ``tests/local_ecr`` and ``tests/engine`` may open connections and use an engine.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import hypothesis
import pytest

from ecr_tasks import redaction
from ecr_tasks.model import denial

# A busy machine makes an example slow, not wrong.
hypothesis.settings.register_profile("ecr-tasks", deadline=None)
hypothesis.settings.load_profile("ecr-tasks")

# Variables of a developer's shell or a CI system, which a test must not see.
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
LONGEST = (
    *("engine/test_builders", "engine/test_copy_faults", "engine/test_documentation", "engine/test_several_bakes"),
    *("engine/test_faults", "engine/test_logins", "engine/test_skip_content", "engine/test_definitions"),
    *("engine/test_attestations", "engine/test_main_job", "engine/test_destinations", "engine/test_doctor"),
    *("engine/test_pipelines", "engine/test_local_tasks", "engine/test_iam_actions", "engine/test_other_machines"),
    *("engine/test_definition_commands", "engine/test_demo", "engine/test_children"),
    *("local_ecr/test_data_folder", "local_ecr/test_page_in_browser", "test_linear_patterns"),
    *("local_ecr/test_sign_tasks", "local_ecr/test_signatures", "local_ecr/test_scan_task"),
    *("local_ecr/test_background", "local_ecr/test_sign_destinations", "local_ecr/test_hostile_clients"),
    *("local_ecr/test_clients", "local_ecr/test_prune_tasks", "local_ecr/test_signature_formats"),
    *("local_ecr/test_promote_gates", "local_ecr/test_plugin", "local_ecr/test_prune_running"),
)
"""The files that take longest, the longest first; most of them have few tests."""
IN_CI = bool(os.environ.get("CI"))


def is_private(name: str) -> bool:
    """Tell whether an environment variable belongs to the user or CI system of this machine."""
    return name.startswith(PRIVATE_PREFIXES) or name in PRIVATE_NAMES


def may_connect(path: Path) -> bool:
    """Tell whether the tests of a file may open connections and use an engine."""
    return not {"engine", "local_ecr"}.isdisjoint(path.relative_to(Path(__file__).parent).parts[:-1])


def pytest_configure(config: pytest.Config) -> None:
    """Make SIGTERM end the run like Ctrl-C, so that fixtures clean up, and make sure that Ctrl-C is not ignored.

    Raises UsageError for a folder or file that isn't there: with several processes, pytest-xdist says no more than
    "no tests ran", after it has started all of them.
    """
    missing = [name for name in (argument.partition("::")[0] for argument in config.args) if not Path(name).exists()]
    if missing and not config.option.pyargs:
        raise pytest.UsageError(f"file or directory not found: {', '.join(missing)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell that starts us in the background makes us and our children ignore it.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first: one that begins last is waited for alone, with the other processes at rest."""
    place = {Path(__file__).parent / f"{name}.py": number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_collection_finish() -> None:
    """Take what was collected out of the garbage collector's sight: it stays, and each look at it takes time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if a test was skipped in CI."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if IN_CI and reporter is not None and reporter.stats.get("skipped") and not session.exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line("\nIn CI no test may be skipped.", red=True)


@pytest.fixture(scope="session")
def no_docker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a ``docker`` program that fails, because a unit test must not start docker."""
    folder = tmp_path_factory.mktemp("no-docker")
    program = folder / "docker"
    program.write_text("#!/bin/sh\necho 'A unit test must not start docker.' >&2\nexit 125\n", encoding="utf-8")
    program.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the paths of new home folders, without mktemp's look at all that it has made before."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def _isolated(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    homes: Iterator[Path],
    no_docker: Path,
) -> None:
    redaction.forget_all()
    monkeypatch.setattr(denial, "_registries", set())
    for name in filter(is_private, list(os.environ)):
        monkeypatch.delenv(name)
    home = next(homes)
    home.mkdir()
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


@pytest.fixture(autouse=True)
def no_lead(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no run wait before it looks whether it is its turn, except in tests with an engine."""
    if not may_connect(request.path):
        monkeypatch.setattr("ecr_tasks.execute.turns.LEAD_SECONDS", 0)
