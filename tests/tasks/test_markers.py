"""No task shows, writes or hands on a secret, however it ends: markers stand wherever a secret can."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from ecr_tasks.clients.ecr.errors import translate_errors
from ecr_tasks.errors import AwsError, BuildError, ExitCode, Refused, RegistryError
from ecr_tasks.redaction import keep_secret
from ecr_tasks.tasks.collection import ns
from tests.tasks.conftest import Outcome, Project

ARGUMENTS = {
    "promote": ["1.2.3", "--tag", "stable"],
    "env": ["other"],
    "ci.init": ["github"],
    "iam.trust": ["github"],
    "pull": ["latest"],
    "repo.delete": ["--yes"],
    "export": ["env"],
    "history": ["latest"],
    "restore": ["latest"],
    "rollback": ["latest"],
    "scan": ["--timeout=0s"],
}
"""The arguments that tasks need."""

MORE: dict[str, dict[str, str]] = {
    "prune": {"ECR_PRUNE": "type=untagged,older=14d"},
    "sign": {"ECR_SIGN": "cosign,key=cosign.key"},
}
"""The settings that tasks need."""

STARTS_A_SERVER = {f"local.{name}" for name in ("use", "up", "down", "open", "status", "reset")} | {"local"}
TASKS = sorted(set(ns.task_names) - STARTS_A_SERVER)
BEYOND_THE_FAKE = {"images", "prune", "registry.ensure", "registry.show", "restore", "verify"}
"""The tasks for which the fake registry lacks a part: they end with a traceback, which has no secret, either."""

WITH_JSON = {name for name in TASKS if any(argument.name == "json" for argument in ns[name].get_arguments())}


def marker(number: int) -> str:
    """Return a text that occurs nowhere else."""
    return f"zq{number:02}m4rk3r{number:02}x"


JWT = f"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiI{marker(40)}.{marker(41)}"
ENVIRONMENT = {
    "AWS_SECRET_ACCESS_KEY": marker(1) * 3,
    "AWS_SESSION_TOKEN": marker(2) * 9,
    "AWS_ACCESS_KEY_ID": "AKIAZQ2M4RKERAAAAAAA",
    "NPM_TOKEN": marker(3),
    "HTTPS_PROXY": f"http://user:{marker(4)}@127.0.0.1:9",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": marker(5),
    "AWS_ENDPOINT_URL_STS": f"https://user:{marker(6)}@127.0.0.1:9/?token={marker(7)}",
    "AWS_ID_TOKEN": JWT,
}
ALLOWED = (
    *("Dockerfile", "build-arg:PLAIN", "build-arg:API_TOKEN", "build-arg:ADDRESS", "build-arg:NPM_TOKEN"),
    *("context:extra", "cache:s3"),
)
"""What the leak guards would refuse: here, a run must go on with secrets in all places."""

SETTINGS = f"""AWS_REGION=eu-central-1
ECR_REPOSITORY=team/app
ECR_BUILD_ARGS="PLAIN={marker(10)}
API_TOKEN={marker(11)}
ADDRESS=https://user:{marker(12)}@example.com
NPM_TOKEN
SHORT=app"
ECR_BUILD_CONTEXTS=extra=https://user:{marker(13)}@example.com/x.git?token={marker(14)}
ECR_SECRETS=id=npm,env=BUILD_SECRET
BUILD_SECRET={marker(15)}
DB_PASSWORD={marker(16)}
ECR_CACHE=type=s3,region=x,bucket=y,access_key_id={marker(17)},secret_access_key={marker(18)},session_token={marker(19)}
AWS_ENDPOINT_URL_ECR=https://user:{marker(20)}@127.0.0.1:9
ECR_ALLOW_KEYS_IN={",".join(f"{name}: a test" for name in ALLOWED)}
"""
MARKERS = [marker(number) for number in range(50)] + ["AKIAZQ2M4RKERAAA"]

CIS: dict[str, dict[str, str]] = {
    "no CI": {},
    "github": {"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": "output", "GITHUB_STEP_SUMMARY": "page"},
    "teamcity": {"TEAMCITY_VERSION": "2025.07"},
    "azure": {"TF_BUILD": "True"},
}

EVERYTHING = f"{marker(10)} {marker(11)} {marker(15)} {JWT} https://a:{marker(12)}@b {marker(1) * 3} {marker(3)}"
HOSTILE = f"{EVERYTHING}\n::set-output name=x::y\r\n##vso[task.setvariable variable=x]y"


def unknown_sts_error() -> None:
    with translate_errors("assume ECR_ROLE_ARN"):
        raise ClientError({"Error": {"Code": "Odd", "Message": f"The token {JWT} is odd"}}, "AssumeRole")


def fail_with(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


WRONG_SETTINGS = f"{SETTINGS}ECR_CONTEXT=-\nAWS_ACCOUNT_ID=https://u:{marker(21)}@h/?sig={marker(22)}\n"


def write_settings(project: Project, text: str) -> None:
    project.write(".env", text)


# Made when the run needs them, because an error takes the secrets out that are known then.
ENDINGS: dict[str, Callable[[Project], None]] = {
    "1": lambda project: project.calls.before.update(describe=fail_with(RuntimeError(HOSTILE))),
    "2": lambda project: write_settings(project, WRONG_SETTINGS),
    "3": lambda project: project.calls.before.update(build=lambda: fail_with(BuildError(HOSTILE, HOSTILE))()),
    "4": lambda project: project.calls.before.update(describe=lambda: fail_with(AwsError(HOSTILE, HOSTILE))()),
    "4 by STS": lambda project: project.calls.before.update(describe=unknown_sts_error),
    "5": lambda project: project.calls.before.update(push=lambda: fail_with(RegistryError(HOSTILE, HOSTILE))()),
    "6": lambda project: project.calls.before.update(describe=lambda: fail_with(Refused(HOSTILE, HOSTILE))()),
    "130": lambda project: project.calls.before.update(describe=fail_with(KeyboardInterrupt(HOSTILE))),
}


@pytest.fixture
def marked(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project with markers wherever a secret can stand."""
    for name, text in ENVIRONMENT.items():
        monkeypatch.setenv(name, text)
    project.docker.driver = "docker-container"  # docker's own builder has no cache in S3
    project.write(".env", SETTINGS)
    project.write(".env.other", SETTINGS)
    project.write("Dockerfile", f"ARG DEFAULT_TOKEN={marker(30)}\nFROM scratch\n")
    project.git("remote", "add", "origin", f"https://user:{marker(31)}@github.com/team/app.git")
    project.git("config", "commit.gpgsign", "false")
    project.commit()
    project.git("tag", "v1.2.3")
    return project


def check(project: Project, outcome: Outcome, committed: Mapping[Path, bytes]) -> None:
    """Check that no marker is in the output and in no file that the run wrote, and that nothing is a command."""
    written = {path: text for path, text in files_of(project).items() if ".git" not in path.parts}
    texts = {str(path): text.decode() for path, text in written.items() if committed.get(path) != text}
    for place, text in {"stdout": outcome.stdout, "stderr": outcome.stderr, **texts}.items():
        assert [name for name in MARKERS if name in text] == [], f"{place}: {text}"
    for line in outcome.stderr.splitlines():
        assert not line.lstrip().startswith("::set-output")
        assert "##vso[task.setvariable variable=x]" not in line


def files_of(project: Project) -> dict[Path, bytes]:
    """Return the content of each of a project's files."""
    return {path: path.read_bytes() for path in project.path.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", TASKS)
def test_no_task_shows_or_writes_a_secret(marked: Project, name: str) -> None:
    assert marked.inv("build", "push").code == 0
    before = files_of(marked)
    line = [name, *ARGUMENTS.get(name, [])]
    # What Invoke prints more with an option is printed on every CI.
    runs = [(CIS["no CI"], ["--dry", *line]), (CIS["no CI"], ["-e", *line])]
    runs += [(CIS["no CI"], [*line, "--json"])] if name in WITH_JSON else []
    runs += [(variables, line) for variables in CIS.values()]
    for variables, words in runs:
        outcome = marked.inv(*words, **variables, **MORE.get(name, {}), ECR_DEBUG="1")
        assert outcome.code != ExitCode.UNEXPECTED or name in BEYOND_THE_FAKE, outcome.stderr
        check(marked, outcome, before)


@pytest.mark.parametrize(("ci", "debug"), [*((ci, "1") for ci in CIS), ("no CI", "0")])
@pytest.mark.parametrize("code", ENDINGS)
def test_no_failure_shows_or_writes_a_secret(marked: Project, code: str, debug: str, ci: str) -> None:
    before = files_of(marked)
    ENDINGS[code](marked)
    outcome = marked.inv("build", "push", **CIS[ci], ECR_DEBUG=debug)
    assert outcome.code == int(code.split()[0]), outcome.stderr
    check(marked, outcome, before | {marked.path / ".env": (marked.path / ".env").read_bytes()})


def test_what_is_pasted_takes_secret_arguments_from_the_shell(marked: Project) -> None:
    lines = marked.inv("commands").stdout.splitlines()
    (build,) = (line for line in lines if line.startswith("docker buildx build"))
    for name in ("PLAIN", "API_TOKEN", "NPM_TOKEN", "ADDRESS"):
        assert f"--build-arg {name} " in build
        assert any(line.startswith(f': "${{{name}:?export it first') for line in lines)
    assert "--build-arg SHORT=app " in build


def test_the_receipt_and_the_outputs_have_no_secret_of_a_cause(marked: Project) -> None:
    keep_secret(marker(15))
    marked.inv("build", "push", CI="true")
    document = json.loads((marked.path / ".ecr-tasks" / "outputs.json").read_text(encoding="utf-8"))
    assert document["image"] == marked.reference


def test_a_password_that_is_the_projects_name_changes_no_reference(project: Project) -> None:
    project.write(
        ".env", "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nDB_PASSWORD=team/app\nAPP_SECRET=example\n"
    )
    outcome = project.inv("build", "push", CI="true")
    assert outcome.code == 0, outcome.stderr
    assert outcome.stdout == f"{project.reference}\n"
    assert "team/app" in outcome.stderr
    outputs = (project.path / ".ecr-tasks" / "outputs.env").read_text(encoding="utf-8")
    assert f"IMAGE={project.reference}\n" in outputs


def test_a_failed_build_that_prints_a_secrets_file_shows_it_by_no_error(project: Project) -> None:
    project.write("secret.txt", "first-word-of-it\n")
    project.write(".env", "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nECR_SECRETS=id=npm,src=secret.txt\n")
    project.calls.before.update(build=lambda: fail_with(BuildError("It said: first-word-of-it.", "Look."))())
    assert "It said: ***." in project.inv("build").failed(3)
