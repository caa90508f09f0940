"""Tests of the tasks in processes of their own: with `inv`, in a namespace, and with the console script."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.inv import INVOKE, run_inv

SLOW_LIBRARIES = {"boto3", "botocore", "python_on_whales", "pydantic", "dotenv"}
TASKS_PY = "from ecr_tasks import ns\n"
IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
TASKS_PY_WITH_NAMESPACE = """
import ecr_tasks
from invoke.collection import Collection
from invoke.tasks import task

@task
def chore(c):
    print("done")

ns = Collection(chore, Collection.from_module(ecr_tasks, config={"ecr": {"repository": "team/configured"}}))
"""
TASKS = {"build", "push", "plan", "commands", "pull", "login", "logout", "settings", "init", "env", "repo.ensure"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a project with the tasks.py of the README."""
    (tmp_path / "tasks.py").write_text(TASKS_PY, encoding="utf-8")
    (tmp_path / ".env").write_text("AWS_REGION=eu-central-1\n", encoding="utf-8")
    return tmp_path


def run(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder of the project."""
    if words[:3] == INVOKE:
        return run_inv(words[3:], folder, {**os.environ, **environ})
    return subprocess.run(
        words, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, check=False, timeout=60
    )


def imported(stderr: str) -> set[str]:
    """Return the top-level modules that `-X importtime` prints."""
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in stderr.splitlines() if "|" in line}


def test_the_tasks_are_listed_with_a_line_of_help_each(folder: Path) -> None:
    listing = json.loads(run(folder, *INVOKE, "--list", "--list-format=json").stdout)
    tasks = {task["name"]: task["help"] for task in listing["tasks"]}
    for collection in listing["collections"]:
        tasks.update({f"{collection['name']}.{task['name']}": task["help"] for task in collection["tasks"]})
    assert set(tasks) >= TASKS
    assert all(tasks.values())
    assert "build" in run(folder, *INVOKE, "--list").stdout.split()


@pytest.mark.parametrize(
    "words",
    [("--list",), ("--complete", "--", "inv bu"), ("--help", "build"), ("--list", "--list-format=json")],
)
def test_listing_and_completion_import_no_slow_library(folder: Path, words: tuple[str, ...]) -> None:
    result = run(folder, sys.executable, "-X", "importtime", "-m", "invoke", *words)
    assert result.returncode == 0
    modules = imported(result.stderr)
    assert "ecr_tasks" in modules
    assert modules & SLOW_LIBRARIES == set()


def test_completion_lists_the_tasks(folder: Path) -> None:
    completions = set(run(folder, *INVOKE, "--complete", "--", "inv ").stdout.split())
    assert completions >= TASKS


def test_no_task_has_a_short_flag(folder: Path) -> None:
    """`-e` is --echo, `-d` is --debug: a task's own short flags would shadow them."""
    for name in ("pull", "plan", "settings", "env"):
        _, found, options = run(folder, *INVOKE, "--help", name).stdout.partition("Options:")
        assert found
        assert not re.search(r"^\s+-[a-z]\b", options, re.MULTILINE)


@pytest.mark.parametrize(
    "line", ["settings -- --json", "build push -- --image a", "build -- push", "local settings -- settings -T"]
)
def test_what_stands_after_two_dashes_is_refused(folder: Path, line: str) -> None:
    result = run(folder, *INVOKE, *line.split())
    rest = line.partition(" -- ")[2]
    assert (result.returncode, result.stdout) == (2, "")
    assert f"ecr-tasks: No task here takes what stands after --: {rest}.\n" in result.stderr


def test_a_task_of_the_users_own_may_take_what_stands_after_two_dashes(folder: Path) -> None:
    (folder / "tasks.py").write_text(TASKS_PY_WITH_NAMESPACE, encoding="utf-8")
    result = run(folder, *INVOKE, "ecr.settings", "chore", "--", "push", "--image", "a")
    assert (result.returncode, result.stdout.endswith("done\n")) == (0, True)


def test_in_a_namespace_the_tasks_are_configured_by_the_collection(folder: Path) -> None:
    (folder / "tasks.py").write_text(TASKS_PY_WITH_NAMESPACE, encoding="utf-8")
    result = run(folder, *INVOKE, "ecr.settings", "--json")
    assert result.returncode == 0, result.stderr
    setting = json.loads(result.stdout)["settings"]["ECR_REPOSITORY"]
    assert setting["value"] == "team/configured"
    assert "ecr.repository" in setting["origin"]
    assert run(folder, *INVOKE, "chore").stdout == "done\n"


def test_a_dotenv_file_and_the_environment_override_the_collections_configuration(folder: Path) -> None:
    (folder / "tasks.py").write_text(TASKS_PY_WITH_NAMESPACE, encoding="utf-8")
    (folder / ".env").write_text("ECR_REPOSITORY=team/file\n", encoding="utf-8")
    setting = json.loads(run(folder, *INVOKE, "ecr.settings", "--json").stdout)["settings"]["ECR_REPOSITORY"]
    assert setting["value"] == "team/file"
    result = run(folder, *INVOKE, "ecr.settings", "--json", ECR_REPOSITORY="team/environment")
    assert json.loads(result.stdout)["settings"]["ECR_REPOSITORY"]["value"] == "team/environment"


def test_invokes_own_configuration_file_reaches_the_settings(folder: Path) -> None:
    text = "ecr:\n  repository: team/yaml\n  platforms: [linux/amd64, linux/arm64]\n  build_args: {A: 1}\n"
    (folder / "invoke.yaml").write_text(text, encoding="utf-8")
    result = run(folder, *INVOKE, "settings", "--json")
    assert result.returncode == 0, result.stderr
    settings = json.loads(result.stdout)["settings"]
    assert settings["ECR_REPOSITORY"]["value"] == "team/yaml"
    assert re.split(r"[,\s]+", settings["ECR_PLATFORMS"]["value"].strip()) == ["linux/amd64", "linux/arm64"]


def test_settings_files_are_found_beside_tasks_py_from_any_folder_below(folder: Path) -> None:
    (folder / ".env").write_text("ECR_REPOSITORY=team/app\n", encoding="utf-8")
    (folder / "deep" / "down").mkdir(parents=True)
    result = run(folder / "deep" / "down", *INVOKE, "settings", "--json")
    assert json.loads(result.stdout)["settings"]["ECR_REPOSITORY"]["value"] == "team/app"


def test_the_console_script_has_the_same_tasks_without_a_tasks_py(folder: Path) -> None:
    (folder / "tasks.py").unlink()
    script = (sys.executable, "-m", "ecr_tasks")
    result = run(folder, *script, "--list")
    assert result.returncode == 0
    assert "build" in result.stdout.split()
    document = json.loads(run(folder, *script, "settings", "--json").stdout)
    assert document["project"] == str(folder)
    assert re.search(r"\d+\.\d+", run(folder, *script, "--version").stdout)


def test_an_error_is_two_sentences_on_stderr(folder: Path) -> None:
    result = run(folder, *INVOKE, "build", "push", AWS_ACCOUNT_ID="12")
    assert (result.returncode, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 2
    assert "AWS_ACCOUNT_ID" in result.stderr


def test_debug_output_of_invoke_holds_no_secret(folder: Path) -> None:
    (folder / ".env").write_text(
        "ECR_REPOSITORY=team/app\nAWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\nAWS_SECRET_ACCESS_KEY=hush-hush\n"
        "ECR_BUILD_ARGS=TOKEN=hush-hush\n",
        encoding="utf-8",
    )
    result = run(folder, *INVOKE, "-d", "settings")
    assert result.returncode == 0
    assert "ecr_tasks" in result.stderr
    assert "hush-hush" not in result.stdout + result.stderr


TASKS_PY_WITH_SLOW_TASK = """
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
def test_a_signal_ends_a_run_and_removes_the_token(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, number: signal.Signals
) -> None:
    stderr = end_by_signal(folder, tmp_path_factory.mktemp("temporary"), number, "slow")
    assert stderr.startswith("ecr-tasks: Interrupted.")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_during_a_weak_reference_callback_ends_a_run(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, number: signal.Signals
) -> None:
    """Python ignores exceptions there, and every import runs such a callback."""
    stderr = end_by_signal(folder, tmp_path_factory.mktemp("temporary"), number, "slow", "--callback")
    assert stderr.startswith("ecr-tasks: Interrupted.")


TASKS_PY_SLOW_BETWEEN_TASKS = """
import time
from invoke.tasks import Call
from ecr_tasks.model.registry import RegistryToken
from ecr_tasks.runner.decorator import task

def sleep_on(*_, **__):
    print("begun", flush=True)
    for _ in range(3000):
        time.sleep(0.01)

@task()
def slow(run):
    run.docker.authorize(RegistryToken("host", "AWS", "token"))
    Call.make_context = sleep_on

@task()
def following(run):
    raise AssertionError
"""

TASKS_PY_WITH_A_FAILING_PROGRAM = TASKS_PY_WITH_SLOW_TASK.replace(
    "    sleep_on()\n",
    """
    from ecr_tasks.errors import BuildError
    try:
        sleep_on()
    except KeyboardInterrupt:
        raise BuildError("A program was interrupted.", "It has got the same Ctrl-C.")
""",
)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_between_two_tasks_is_an_interruption_too(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, number: signal.Signals
) -> None:
    """Invoke's own code ends with exit code 1 there, without a word."""
    temporary = tmp_path_factory.mktemp("temporary")
    stderr = end_by_signal(folder, temporary, number, "slow", "following", tasks=TASKS_PY_SLOW_BETWEEN_TASKS)
    assert stderr.startswith("ecr-tasks: Interrupted.")


def test_an_error_after_an_interruption_is_the_interruption(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Ctrl-C reaches docker as well, which then fails."""
    temporary = tmp_path_factory.mktemp("temporary")
    stderr = end_by_signal(folder, temporary, signal.SIGINT, "slow", tasks=TASKS_PY_WITH_A_FAILING_PROGRAM)
    assert stderr.startswith("ecr-tasks: Interrupted.")


def end_by_signal(
    folder: Path,
    temporary: Path,
    number: signal.Signals,
    *arguments: str,
    tasks: str = TASKS_PY_WITH_SLOW_TASK,
) -> str:
    """Send a signal to a task that sleeps, check that it ends at once and leaves nothing, and return its stderr."""
    (folder / "tasks.py").write_text(tasks, encoding="utf-8")

    def reset_signal_handlers() -> None:  # a shell or a test run may have children ignore them
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
        preexec_fn=reset_signal_handlers,
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


def test_a_signal_ends_a_run_that_waits_for_answers(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The registry takes the questions and says nothing; the SDK would wait for a minute, and then ask again."""
    temporary = tmp_path_factory.mktemp("temporary")
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY tasks.py /\n", encoding="utf-8")
    for words in (["init", "-q"], ["add", "-A"], [*IDENTITY, "commit", "-qm", "First"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        environ = {
            **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "AKIAIOSFODNN7EXAMPLE"),
            "AWS_ENDPOINT_URL_ECR": f"http://127.0.0.1:{server.getsockname()[1]}",
            "AWS_ACCOUNT_ID": "123456789012",
            "ECR_REPOSITORY": "team/app",
            "TMPDIR": str(temporary),
        }
        with (
            subprocess.Popen(
                [*INVOKE, "plan"],
                cwd=folder,
                env={**os.environ, **environ},
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            ) as process,
            server.accept()[0] as first,
            server.accept()[0] as second,
        ):
            assert first.recv(1)
            assert second.recv(1)
            process.send_signal(signal.SIGINT)
            try:
                _, stderr = process.communicate(timeout=50)
            finally:
                process.kill()
    assert process.returncode == 130
    assert "ecr-tasks: Interrupted." in stderr
    assert list(temporary.iterdir()) == []


def test_a_closed_stdout_is_no_error(folder: Path) -> None:
    """`inv settings --json | head -n 1` closes it early."""
    line = f"{sys.executable} -m invoke settings --json | true; echo ${{PIPESTATUS[0]}}"
    result = run(folder, "bash", "-c", line)
    assert result.stdout == "0\n"
    assert "Traceback" not in result.stderr


def in_shell(folder: Path, line: str) -> tuple[int, str]:
    """Run a shell line with `$INV` and return the exit code that it prints last and what it printed before."""
    script = f"INV='{sys.executable} -m invoke'; {line}"
    out = run(folder, "bash", "-c", script)
    return int(out.stdout.split()[-1]), out.stdout + out.stderr


@pytest.mark.parametrize("task", ["settings --json", "tags --json"])
def test_data_that_finds_no_room_on_stdout_is_an_error(folder: Path, task: str) -> None:
    code, output = in_shell(folder, f"$INV {task} 2>&1 >/dev/full; echo $?")
    assert code == 1
    assert "ecr-tasks: stdout can't be written: No space left on device." in output
    assert "Traceback" not in output
    assert "Exception ignored" not in output


@pytest.mark.parametrize("closed", ["2>/dev/full", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_run_that_nobody_can_read_ends_as_it_would(folder: Path, closed: str) -> None:
    assert in_shell(folder, f"$INV settings {closed} >/dev/null; echo $?")[0] == 0
    assert in_shell(folder, f"AWS_ACCOUNT_ID=12 $INV plan {closed} >/dev/null; echo $?")[0] == 2


def test_a_closed_stderr_is_not_the_next_file_that_is_opened(folder: Path) -> None:
    """The number 2 would be given to it, and a child's messages would be written there."""
    (folder / "tasks.py").write_text(
        "from ecr_tasks.runner.decorator import task\nimport os\n"
        "@task()\ndef look(run):\n    print(os.readlink('/proc/self/fd/2'))\n",
        encoding="utf-8",
    )
    assert in_shell(folder, "$INV look 2>&- <&-; echo $?")[1].split() == ["/dev/null", "0"]


def test_a_folder_that_is_gone_is_no_traceback(folder: Path) -> None:
    line = f"mkdir gone && cd gone && rmdir ../gone && {sys.executable} -m ecr_tasks settings; echo $?"
    code, output = in_shell(folder, line)
    assert code == 1
    assert "The current folder no longer exists." in output
    assert "Traceback" not in output


def test_characters_that_stdout_has_not_are_escaped(folder: Path) -> None:
    (folder / ".env").write_text("ECR_LABELS=a=\u2192\n", encoding="utf-8")
    result = run(folder, *INVOKE, "settings", PYTHONIOENCODING="ascii")
    assert result.returncode == 0, result.stderr
