"""The tasks as users start them, in processes of their own: root names, a namespace, the console script."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"boto3", "botocore", "python_on_whales", "pydantic", "dotenv"}
ROOT = "from ecr_tasks import ns\n"
NAMESPACED = """
import ecr_tasks
from invoke.collection import Collection
from invoke.tasks import task

@task
def chore(c):
    print("done")

ns = Collection(chore, Collection.from_module(ecr_tasks, config={"ecr": {"repository": "team/configured"}}))
"""
TASKS = {"build", "push", "plan", "commands", "pull", "login", "logout", "settings", "init", "env", "repo.ensure"}
INVOKE = (sys.executable, "-m", "invoke")


@pytest.fixture
def folder(tmp_path: Path, clean_environment: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the tasks.py that the README shows."""
    (tmp_path / "tasks.py").write_text(ROOT, encoding="utf-8")
    (tmp_path / ".env").write_text("AWS_REGION=eu-central-1\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return tmp_path


def run(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command in the project's folder."""
    return subprocess.run(
        words, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, check=False, timeout=60
    )


def imported(stderr: str) -> set[str]:
    """The top-level modules that `-X importtime` names."""
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in stderr.splitlines() if "|" in line}


def test_the_tasks_are_listed_with_a_line_of_help_each(folder: Path) -> None:
    found = json.loads(run(folder, *INVOKE, "--list", "--list-format=json").stdout)
    tasks = {task["name"]: task["help"] for task in found["tasks"]}
    for collection in found["collections"]:
        tasks.update({f"{collection['name']}.{task['name']}": task["help"] for task in collection["tasks"]})
    assert set(tasks) >= TASKS
    assert all(tasks.values())
    assert "build" in run(folder, *INVOKE, "--list").stdout.split()


@pytest.mark.parametrize(
    "words",
    [("--list",), ("--complete", "--", "inv bu"), ("--help", "build"), ("--list", "--list-format=json")],
)
def test_listing_and_completion_import_neither_sdk(folder: Path, words: tuple[str, ...]) -> None:
    done = run(folder, sys.executable, "-X", "importtime", "-m", "invoke", *words)
    assert done.returncode == 0
    found = imported(done.stderr)
    assert "ecr_tasks" in found
    assert found & HEAVY == set()


def test_completion_offers_the_tasks(folder: Path) -> None:
    offered = set(run(folder, *INVOKE, "--complete", "--", "inv ").stdout.split())
    assert offered >= TASKS


def test_no_task_takes_a_short_flag_from_invoke(folder: Path) -> None:
    """`-e` is --echo, `-d` is --debug: a task's own short flags would shadow them."""
    for name in ("pull", "plan", "settings", "env"):
        text = run(folder, *INVOKE, "--help", name).stdout
        assert not re.search(r"^\s+-[a-z]\b", text.partition("Options:")[2], re.MULTILINE)


def test_in_a_namespace_the_tasks_are_configured_by_the_collection(folder: Path) -> None:
    (folder / "tasks.py").write_text(NAMESPACED, encoding="utf-8")
    done = run(folder, *INVOKE, "ecr.settings", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["settings"]["ECR_REPOSITORY"]
    assert found["value"] == "team/configured"
    assert "ecr.repository" in found["origin"]
    assert run(folder, *INVOKE, "chore").stdout == "done\n"


def test_a_dotenv_file_and_the_environment_beat_the_collections_configuration(folder: Path) -> None:
    (folder / "tasks.py").write_text(NAMESPACED, encoding="utf-8")
    (folder / ".env").write_text("ECR_REPOSITORY=team/file\n", encoding="utf-8")
    found = json.loads(run(folder, *INVOKE, "ecr.settings", "--json").stdout)["settings"]["ECR_REPOSITORY"]
    assert found["value"] == "team/file"
    done = run(folder, *INVOKE, "ecr.settings", "--json", ECR_REPOSITORY="team/environment")
    assert json.loads(done.stdout)["settings"]["ECR_REPOSITORY"]["value"] == "team/environment"


def test_invokes_own_configuration_file_reaches_the_settings(folder: Path) -> None:
    text = "ecr:\n  repository: team/yaml\n  platforms: [linux/amd64, linux/arm64]\n  build_args: {A: 1}\n"
    (folder / "invoke.yaml").write_text(text, encoding="utf-8")
    done = run(folder, *INVOKE, "settings", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["settings"]
    assert found["ECR_REPOSITORY"]["value"] == "team/yaml"
    assert re.split(r"[,\s]+", found["ECR_PLATFORMS"]["value"].strip()) == ["linux/amd64", "linux/arm64"]


def test_files_are_looked_for_beside_tasks_py_from_anywhere_below(folder: Path) -> None:
    (folder / ".env").write_text("ECR_REPOSITORY=team/app\n", encoding="utf-8")
    (folder / "deep" / "down").mkdir(parents=True)
    done = run(folder / "deep" / "down", *INVOKE, "settings", "--json")
    assert json.loads(done.stdout)["settings"]["ECR_REPOSITORY"]["value"] == "team/app"


def test_the_console_script_offers_the_same_tasks_without_a_tasks_py(folder: Path) -> None:
    (folder / "tasks.py").unlink()
    script = (sys.executable, "-m", "ecr_tasks")
    done = run(folder, *script, "--list")
    assert done.returncode == 0
    assert "build" in done.stdout.split()
    found = json.loads(run(folder, *script, "settings", "--json").stdout)
    assert found["project"] == str(folder)
    assert re.search(r"\d+\.\d+", run(folder, *script, "--version").stdout)


def test_an_error_is_two_sentences_on_stderr(folder: Path) -> None:
    done = run(folder, *INVOKE, "build", "push", AWS_ACCOUNT_ID="12")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 2
    assert "AWS_ACCOUNT_ID" in done.stderr


def test_debug_output_of_invoke_holds_no_secret(folder: Path) -> None:
    (folder / ".env").write_text(
        "ECR_REPOSITORY=team/app\nAWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\nAWS_SECRET_ACCESS_KEY=hush-hush\n"
        "ECR_BUILD_ARGS=TOKEN=hush-hush\n",
        encoding="utf-8",
    )
    done = run(folder, *INVOKE, "-d", "settings")
    assert done.returncode == 0
    assert "ecr_tasks" in done.stderr
    assert "hush-hush" not in done.stdout + done.stderr


SLOW = """
import time, weakref
from ecr_tasks.model.registry import RegistryToken
from ecr_tasks.runner.decorator import task

def sleep_on(*_):
    print("begun", flush=True)
    for _ in range(3000):  # Python takes a signal that arrives just before a sleep only after it
        time.sleep(0.01)

class Referent:
    pass

@task()
def slow(run, callback=False):
    run.docker.authorize(RegistryToken("host", "AWS", "token"))
    if callback:
        referent = Referent()
        reference = weakref.ref(referent, sleep_on)
        del referent
    sleep_on()
    print("slept on", flush=True)
"""


SIGNALS = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_run_in_order_and_leaves_no_token_behind(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, number: signal.Signals
) -> None:
    stderr = end_by_signal(folder, tmp_path_factory.mktemp("temporary"), number, "slow")
    assert stderr.startswith("ecr-tasks: Interrupted.")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_arrives_where_python_drops_exceptions_ends_a_run_as_well(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, number: signal.Signals
) -> None:
    """In a callback of a weak reference, as every import runs one."""
    stderr = end_by_signal(folder, tmp_path_factory.mktemp("temporary"), number, "slow", "--callback")
    assert stderr.startswith("ecr-tasks: Interrupted.")


def end_by_signal(folder: Path, temporary: Path, number: signal.Signals, *arguments: str) -> str:
    """Send a signal to a task that sleeps, check that it ends at once and leaves nothing, and return its stderr."""
    (folder / "tasks.py").write_text(SLOW, encoding="utf-8")

    def listen() -> None:  # a shell or a test run may have children ignore them
        for each in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    with subprocess.Popen(
        [*INVOKE, *arguments],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        assert len(list(temporary.iterdir())) == 1
        process.send_signal(number)
        stdout, stderr = process.communicate()
    assert process.returncode == 130, stderr
    assert "slept on" not in stdout
    assert list(temporary.iterdir()) == []
    return stderr


def test_a_reader_that_has_seen_enough_is_no_error(folder: Path) -> None:
    """As `inv settings --json | head -n 1` is."""
    line = f"{sys.executable} -m invoke settings --json | true; echo ${{PIPESTATUS[0]}}"
    done = run(folder, "bash", "-c", line)
    assert done.stdout == "0\n"
    assert "Traceback" not in done.stderr
