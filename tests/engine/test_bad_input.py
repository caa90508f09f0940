"""What goes wrong for real: each ends with its exit code and two sentences, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import Done, Project, project

BIG = "RUN dd if=/dev/urandom of=/big bs=1M count=150 2>/dev/null\n"


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    made = project(tmp_path / "app", {**engine, **local_ecr.environment()}, f"FROM {tiny_base}\nCOPY hello.txt /\n")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    made.environ["TMPDIR"] = str(temporary)
    return made


@pytest.fixture(autouse=True)
def _nothing_left_behind(app: Project) -> Iterator[None]:
    yield
    assert left(app) == []


def refused(done: Done, code: int, *words: str) -> None:
    """Holds a failure to the contract: its code, cause and remedy on stderr, nothing on stdout, no traceback."""
    assert done.code == code, done.err
    assert done.out == ""
    cause, remedy = done.err.strip().splitlines()[-2:]
    assert cause.startswith("ecr-tasks: ")
    assert remedy.endswith(".")
    assert "Traceback" not in done.err
    for word in words:
        assert word in cause + remedy, done.err


def left(app: Project) -> list[str]:
    """What lies in the folder for temporary files."""
    return [path.name for path in Path(app.environ["TMPDIR"]).iterdir()]


def create(app: Project) -> None:
    app.ok("repo.ensure")


def test_a_missing_repository_is_named_before_the_build(app: Project) -> None:
    done = app.inv("build", "push")
    refused(done, 5, "team/app", "repo.ensure", "ECR_CREATE_REPOSITORY")
    assert "building with" not in done.err


def test_repo_ensure_creates_it_and_can_be_repeated(app: Project) -> None:
    create(app)
    create(app)
    app.ok("build", "push")


def test_a_wrong_account_is_refused_before_the_build(app: Project) -> None:
    create(app)
    done = app.inv("build", "push", AWS_ACCOUNT_ID="123456789012")
    refused(done, 4, "123456789012", "000000000000")
    assert "building with" not in done.err


def test_absent_credentials(app: Project) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del app.environ[name]
    refused(app.inv("push", AWS_EC2_METADATA_DISABLED="true"), 4, "credentials")


def test_a_missing_dockerfile(app: Project) -> None:
    (app.folder / "Dockerfile").unlink()
    refused(app.inv("build"), 2, "Dockerfile")


def test_no_docker_engine(app: Project) -> None:
    refused(app.inv("build", DOCKER_HOST="unix:///nowhere/docker.sock"), 3, "engine")


def test_an_engine_without_buildx(app: Project, tmp_path: Path) -> None:
    refused(app.inv("build", DOCKER_CONFIG=str(tmp_path / "bare")), 3, "buildx")


def test_a_failing_step_is_named_and_no_argument_told(app: Project) -> None:
    app.write(
        "Dockerfile", (app.folder / "Dockerfile").read_text("utf-8") + "ARG TOKEN\nRUN echo nearly && exit 42\n"
    )
    app.commit()
    done = app.inv("build", ECR_BUILD_ARGS="TOKEN=hunter22-not-for-eyes")
    refused(done, 3, "RUN echo nearly && exit 42", "exit code: 42")
    assert "hunter22" not in done.err


def test_a_locked_tag_ends_before_the_build(app: Project, local_ecr: LocalEcr) -> None:
    create(app)
    app.git("tag", "v1.0.0")
    app.ok("build", "push")
    app.git("tag", "--delete", "v1.0.0")
    app.commit("next")
    app.git("tag", "v1.0.0")
    done = app.inv("build", "push")
    refused(done, 6, "1.0.0", "sha256:")
    assert "building with" not in done.err


def test_the_local_ecrs_disk_is_full(app: Project, tmp_path: Path, small_disk: Path, tiny_base: str) -> None:
    app.write("Dockerfile", f"FROM {tiny_base}\n{BIG}")
    app.commit()
    with LocalEcr(small_disk) as full:
        app.environ.update(full.environment())
        create(app)
        refused(app.inv("build", "push"), 5, "space")
        plan = json.loads(app.ok("plan", "--json").out)
        assert {tag["state"] for tag in plan["images"][0]["tags"]} == {"new"}


def test_a_registry_that_does_not_answer(app: Project, local_ecr: LocalEcr) -> None:
    create(app)
    local_ecr.stop()
    refused(app.inv("push"), 4, local_ecr.endpoint)


def test_interrupted_in_the_middle_of_a_push(app: Project, local_ecr: LocalEcr, tiny_base: str) -> None:
    """The run ends with 130, no tag is there, and a second run finishes the job."""
    create(app)
    app.write("Dockerfile", f"FROM {tiny_base}\n{BIG}")
    app.commit()
    app.ok("build")
    done = disturbed(app, lambda child: child.send_signal(signal.SIGINT), uploading(local_ecr))
    refused(done, 130, "Run it again")
    assert tags(app) == {"new"}
    app.ok("push")
    assert tags(app) == {"present"}


def test_ended_by_the_ci(app: Project, local_ecr: LocalEcr, tiny_base: str) -> None:
    create(app)
    app.write("Dockerfile", f"FROM {tiny_base}\n{BIG}")
    app.commit()
    done = disturbed(app, lambda child: child.terminate(), uploading(local_ecr))
    refused(done, 130)
    assert tags(app) == {"new"}


def test_the_registry_dies_in_the_middle_of_a_push(app: Project, local_ecr: LocalEcr, tiny_base: str) -> None:
    create(app)
    app.write("Dockerfile", f"FROM {tiny_base}\n{BIG}")
    app.commit()
    app.ok("build")
    refused(disturbed(app, lambda child: local_ecr.stop(), uploading(local_ecr)), 5)


def test_two_runs_at_once_publish_one_image(app: Project) -> None:
    create(app)
    app.write("Dockerfile", (app.folder / "Dockerfile").read_text("utf-8") + "RUN head -c 9 /dev/urandom > /random\n")
    app.commit()
    runs = [app.start("build", "push") for _ in range(2)]
    outputs = [child.communicate() for child in runs]
    assert [child.returncode for child in runs] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]


def test_what_a_killed_run_left_is_removed_by_the_next(app: Project, local_ecr: LocalEcr, tiny_base: str) -> None:
    create(app)
    app.write("Dockerfile", f"FROM {tiny_base}\n{BIG}")
    app.commit()
    app.ok("build")
    disturbed(app, lambda child: child.kill(), uploading(local_ecr))
    assert any(name.startswith("ecr-tasks-docker-") for name in left(app))
    app.ok("push")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def tags(app: Project) -> set[str]:
    """The states of the planned tags in the registry."""
    return {tag["state"] for tag in json.loads(app.ok("plan", "--json").out)["images"][0]["tags"]}


def uploading(local_ecr: LocalEcr) -> Callable[[], bool]:
    """Whether a client has begun to send layers."""
    return lambda: any(name.startswith("POST") for name in local_ecr.requests())


def disturbed(app: Project, disturb: Callable[[subprocess.Popen[str]], None], when: Callable[[], bool]) -> Done:
    """Runs `inv push` and disturbs it as soon as ``when`` says so."""
    child = app.start("push")
    end = time.monotonic() + 60
    while not when() and child.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    assert child.poll() is None, "it ended before it could be disturbed"
    disturb(child)
    watchdog = threading.Timer(60, child.kill)
    watchdog.start()
    out, err = child.communicate()
    watchdog.cancel()
    return Done(child.returncode, out, err)


def test_the_image_is_still_there_after_all_this(app: Project) -> None:
    """A failed push costs no build: what was built stays in the local store."""
    app.ok("build")
    built = app.receipt["images"][0]["digest"]
    app.inv("push")
    assert docker(app.environ, "image", "inspect", built).returncode == 0
