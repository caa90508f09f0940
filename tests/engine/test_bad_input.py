"""Tests of errors with a real engine: exit code, two sentences, and no temporary files."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecr_tasks.local_ecr import server
from ecr_tasks.local_ecr.distribution import routes
from ecr_tasks.local_ecr.http.messages import ClientGone, Request, Response
from ecr_tasks.local_ecr.registry import Registry
from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import CommandResult, Project, project

LAYER_OF_15_MB = "RUN dd if=/dev/urandom of=/big bs=1M count=15 2>/dev/null\n"


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, f"FROM {tiny_base}\nCOPY hello.txt /\n")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    app.environ["TMPDIR"] = str(temporary)
    return app


@pytest.fixture(autouse=True)
def _check_temporary_files(app: Project) -> Iterator[None]:
    yield
    assert temporary_files(app) == []


def check_error(result: CommandResult, code: int, *words: str) -> None:
    """Check an error: its exit code, cause and remedy on stderr, nothing on stdout, and no traceback."""
    assert result.code == code, result.stderr
    assert result.stdout == ""
    cause, remedy = result.stderr.strip().splitlines()[-2:]
    assert cause.startswith("ecr-tasks: ")
    assert remedy.endswith(".")
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in cause + remedy, result.stderr


def temporary_files(app: Project) -> list[str]:
    """Return the names in the folder for temporary files."""
    return [path.name for path in Path(app.environ["TMPDIR"]).iterdir()]


def create_repository(app: Project) -> None:
    app.ok("repo.ensure")


def test_a_missing_repository_is_named_before_the_build(app: Project) -> None:
    result = app.inv("build", "push")
    check_error(result, 5, "team/app", "repo.ensure", "ECR_CREATE_REPOSITORY")
    assert "building with" not in result.stderr


def test_repo_ensure_creates_it_and_can_be_repeated(app: Project) -> None:
    create_repository(app)
    create_repository(app)
    app.ok("build", "push")


def test_a_wrong_account_is_refused_before_the_build(app: Project) -> None:
    create_repository(app)
    result = app.inv("build", "push", AWS_ACCOUNT_ID="123456789012")
    check_error(result, 4, "123456789012", "000000000000")
    assert "building with" not in result.stderr


def test_missing_credentials_are_exit_code_4(app: Project) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del app.environ[name]
    check_error(app.inv("push", AWS_EC2_METADATA_DISABLED="true"), 4, "credentials")


def test_a_missing_dockerfile_is_exit_code_2(app: Project) -> None:
    (app.folder / "Dockerfile").unlink()
    check_error(app.inv("build"), 2, "Dockerfile")


def test_a_missing_docker_engine_is_exit_code_3(app: Project) -> None:
    check_error(app.inv("build", DOCKER_HOST="unix:///nowhere/docker.sock"), 3, "engine")


def test_a_docker_without_buildx_is_exit_code_3(app: Project, tmp_path: Path) -> None:
    check_error(app.inv("build", DOCKER_CONFIG=str(tmp_path / "bare")), 3, "buildx")


def test_a_failing_step_is_named_without_build_arguments(app: Project) -> None:
    app.write(
        "Dockerfile", (app.folder / "Dockerfile").read_text("utf-8") + "ARG TOKEN\nRUN echo nearly && exit 42\n"
    )
    app.commit()
    result = app.inv("build", ECR_BUILD_ARGS="TOKEN=hunter22-not-for-eyes")
    check_error(result, 3, "RUN echo nearly && exit 42", "exit code: 42")
    assert "hunter22" not in result.stderr


def test_a_locked_tag_is_an_error_before_the_build(app: Project, local_ecr: LocalEcr) -> None:
    create_repository(app)
    app.git("tag", "v1.0.0")
    app.ok("build", "push")
    app.git("tag", "--delete", "v1.0.0")
    app.write("hello.txt", "another image\n")
    app.commit("next")
    app.git("tag", "v1.0.0")
    result = app.inv("build", "push")
    check_error(result, 6, "1.0.0", "sha256:")
    assert "building with" not in result.stderr


def test_a_full_disk_of_the_local_ecr_is_exit_code_5(
    app: Project, tmp_path: Path, small_disk: Path, tiny_base: str
) -> None:
    app.write("Dockerfile", f"FROM {tiny_base}\n{LAYER_OF_15_MB}")
    app.commit()
    with LocalEcr(small_disk) as full_ecr:
        app.environ.update(full_ecr.environment())
        create_repository(app)
        check_error(app.inv("build", "push"), 5, "space")
        plan = json.loads(app.ok("plan", "--json").stdout)
        assert {tag["state"] for tag in plan["images"][0]["tags"]} == {"new"}


def test_a_registry_that_does_not_answer_is_exit_code_4(app: Project, local_ecr: LocalEcr) -> None:
    create_repository(app)
    local_ecr.stop()
    check_error(app.inv("push"), 4, local_ecr.endpoint)


class Upload:
    """The layers that docker sends to the local ECR, which holds them until they are released.

    The requests that it has held end without an answer, as those of a client that is gone.
    """

    def __init__(self) -> None:
        self.has_begun, self._released = threading.Event(), threading.Event()

    def hold(self, request: Request) -> None:
        """Hold a request if it sends a layer. Raises ClientGone once it is released."""
        if request.method in ("PATCH", "PUT") and "/blobs/uploads/" in request.path and not self._released.is_set():
            self.has_begun.set()
            self._released.wait()
            raise ClientGone

    def release(self) -> None:
        """Let go on what is held, and hold nothing any more."""
        self._released.set()


@pytest.fixture
def upload(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upload]:
    upload, handle = Upload(), routes._handle

    def held(registry: Registry, request: Request) -> Response:
        upload.hold(request)
        return handle(registry, request)

    monkeypatch.setattr(routes, "_handle", held)
    monkeypatch.setattr(server, "_STOP_SECONDS", 0.1)  # what is held doesn't end by itself
    yield upload
    upload.release()


def test_an_interrupted_push_sets_no_tag_and_a_second_run_finishes(app: Project, upload: Upload) -> None:
    """The run ends with exit code 130."""
    create_repository(app)
    app.ok("build")
    result = push_with_disturbance(app, lambda process: process.send_signal(signal.SIGINT), upload)
    check_error(result, 130, "Run it again")
    assert tags(app) == {"new"}
    app.ok("push")
    assert tags(app) == {"present"}


def test_a_push_that_gets_sigterm_sets_no_tag(app: Project, upload: Upload) -> None:
    create_repository(app)
    result = push_with_disturbance(app, lambda process: process.terminate(), upload)
    check_error(result, 130)
    assert tags(app) == {"new"}


def test_a_registry_that_stops_during_a_push_is_exit_code_5(
    app: Project, local_ecr: LocalEcr, upload: Upload
) -> None:
    create_repository(app)
    app.environ["AWS_MAX_ATTEMPTS"] = "3"  # of docker and of the API, each
    result = push_with_disturbance(app, lambda process: local_ecr.stop(), upload)
    check_error(result, 5, f"The registry {local_ecr.registry} can't be reached", "Run it again")
    assert "trying again" in result.stderr
    assert "ECR can't be reached any more" not in result.stderr  # docker has waited for the API, too


def test_a_registry_that_is_restarted_during_a_push_is_waited_for(
    app: Project, local_ecr: LocalEcr, upload: Upload
) -> None:
    create_repository(app)

    def restart(process: subprocess.Popen[str]) -> None:
        local_ecr.stop()
        time.sleep(2)
        upload.release()
        local_ecr.start()

    result = push_with_disturbance(app, restart, upload)
    assert result.code == 0, result.stderr
    assert "the registry can't be reached (connection refused); trying again" in result.stderr
    assert tags(app) == {"present"}


def test_two_runs_at_once_publish_one_image(app: Project) -> None:
    create_repository(app)
    app.write("Dockerfile", (app.folder / "Dockerfile").read_text("utf-8") + "RUN head -c 9 /dev/urandom > /random\n")
    app.commit()
    runs = [app.start("build", "push") for _ in range(2)]
    outputs = [process.communicate() for process in runs]
    assert [process.returncode for process in runs] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]


def test_files_of_a_killed_run_are_removed_by_the_next_run(app: Project, upload: Upload) -> None:
    create_repository(app)
    push_with_disturbance(app, lambda process: process.kill(), upload)
    assert list(Path(app.environ["TMPDIR"]).rglob("config.json"))
    app.ok("push")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 4 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def tags(app: Project) -> set[str]:
    """Return the states of the planned tags."""
    return {tag["state"] for tag in json.loads(app.ok("plan", "--json").stdout)["images"][0]["tags"]}


def push_with_disturbance(
    app: Project, disturb: Callable[[subprocess.Popen[str]], None], upload: Upload
) -> CommandResult:
    """Run `inv push`, and call ``disturb`` with its process as soon as it sends a layer."""
    process = app.start("push")
    while not upload.has_begun.wait(0.05):
        assert process.poll() is None, "the push ended before it could be disturbed"
    disturb(process)
    out, err = process.communicate(timeout=120)
    upload.release()
    return CommandResult(process.returncode, out, err)


def test_the_built_image_is_kept_after_a_failed_push(app: Project) -> None:
    """The push fails, as there is no repository, and the image stays in the local store."""
    app.ok("build")
    built = app.receipt["images"][0]["digest"]
    app.inv("push")
    assert docker(app.environ, "image", "inspect", built).returncode == 0


def test_an_api_version_that_no_engine_knows_is_named_once(app: Project) -> None:
    result = app.inv("build", DOCKER_API_VERSION="newest")
    check_error(result, 3, "no such API: page not found", "Unset DOCKER_API_VERSION")
    assert "older local names" not in result.stderr
