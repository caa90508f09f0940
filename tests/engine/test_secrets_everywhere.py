"""A hundred secrets of ten kinds, in every place that a run reads, and every way in which it ends: none gets out.

Looked at are the arguments and environments of all programs that a run starts, what it prints (tracebacks and logs
too), its receipt, a CI's outputs and summary, the files that it leaves, the image and the registry.
ECR_TASKS_SECRETS=all tries every ending with every kind of output, which takes some minutes.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import project
from tests.support.inv import inv_program
from tests.support.secrets import KINDS, cores, found_in, found_in_files, secret

ALL = os.environ.get("ECR_TASKS_SECRETS") == "all"
PLACES = (
    "environment",
    "dotenv",
    "secret-env",
    "secret-file",
    "docker-auths",
    "helper",
    "netrc",
    "aws",
    "cosign",
    "home",
)
SECRETS = {f"{kind} in {place}": secret(kind, number) for number, place in enumerate(PLACES) for kind in KINDS}
"""The secrets by kind and place."""

MOUNTED = "secret-env", "secret-file"
"""The places from which the build itself gets its secrets."""

WRAPPER = """#!/bin/sh
# Tell what a program is started with, then be it.
{{ echo "$$ {name} $*"; }} >>{log}.arguments
env >>{log}.environments
exec {program} "$@"
"""
HELPER = """#!/bin/sh
# A credential helper whose every answer is a secret.
cat >/dev/null
[ "$1" = get ] || exit 0
cat {answer}
"""


class Lab:
    """A project with all of the secrets around it, and the programs that keep a log of what they are handed."""

    def __init__(self, folder: Path, engine: Mapping[str, str], local_ecr: LocalEcr, base: str) -> None:
        self.folder, self.local_ecr = folder, local_ecr
        self.log, self.home, self.outputs = folder / "log", folder / "home", folder / "ci"
        for path in (self.home, self.outputs, folder / "tmp", folder / "bin", folder / "docker" / "cli-plugins"):
            path.mkdir(parents=True)
        environ = {**engine, **local_ecr.environment(), **self._ci(), "HOME": str(self.home)}
        self._wrap("git", shutil.which("git", path=environ["PATH"]) or "git", folder / "bin")
        self._wrap("docker", shutil.which("docker", path=environ["PATH"]) or "docker", folder / "bin")
        plugin = Path(engine["DOCKER_CONFIG"]) / "cli-plugins" / "docker-buildx"
        self._wrap("docker-buildx", str(plugin), folder / "docker" / "cli-plugins")
        environ |= {
            "PATH": f"{folder / 'bin'}:{environ['PATH']}",
            "DOCKER_CONFIG": str(folder / "docker"),
            "TMPDIR": str(folder / "tmp"),
            "ECR_CREATE_REPOSITORY": "true",
        }
        dockerfile = (
            f"FROM {base}\nCOPY hello.txt /\n"
            "RUN --mount=type=secret,id=a0 --mount=type=secret,id=f0 cat /run/secrets/* >/dev/null; echo ready\n"
        )
        self.app = project(folder / "app", environ, dockerfile)
        self._plant()
        self.app.commit()

    def _ci(self) -> dict[str, str]:
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(self.outputs / "output"),
            "GITHUB_STEP_SUMMARY": str(self.outputs / "summary"),
            "GITHUB_ENV": str(self.outputs / "env"),
        }

    def _wrap(self, name: str, program: str, folder: Path) -> None:
        path = folder / name
        path.write_text(WRAPPER.format(name=name, log=self.log, program=program), encoding="utf-8")
        path.chmod(0o755)

    def _plant(self) -> None:
        values = {place: [SECRETS[f"{kind} in {place}"] for kind in KINDS] for place in PLACES}
        environ = self.app.environ
        names = [
            *("MY_SECRET", "MY_SESSION_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "NPM_TOKEN", "PYPI_TOKEN"),
            *("SSH_PRIVATE_KEY", "INDEX_URL", "REGISTRY_PASSWORD", "COSIGN_PRIVATE_KEY"),
        ]
        environ.update(zip(names, values["environment"], strict=True))
        environ["COSIGN_PASSWORD"] = SECRETS["docker-login in cosign"]
        environ["AWS_SECRET_ACCESS_KEY"] = SECRETS["aws-secret in aws"]
        environ["AWS_SESSION_TOKEN"] = SECRETS["aws-session in aws"]
        lines = [f"OWN_{name}='{value}'" for name, value in zip(names, values["dotenv"], strict=True)]
        self.app.write(".env", "\n".join(lines) + "\n")
        mounts = []
        for number, value in enumerate(values["secret-env"]):
            environ[f"MOUNTED_{number}"] = value
            mounts.append(f"id=a{number},env=MOUNTED_{number}")
        for number, value in enumerate(values["secret-file"]):
            (self.folder / f"secret-{number}").write_text(value, encoding="utf-8")
            mounts.append(f"id=f{number},src={self.folder / f'secret-{number}'}")
        environ["ECR_SECRETS"] = "\n".join(mounts) + "\n"
        auths = {
            f"registry-{number}.company.io": {"auth": base64.b64encode(f"me:{value}".encode()).decode()}
            for number, value in enumerate(values["docker-auths"])
        }
        answer = self.folder / "answer.json"
        answer.write_text(
            json.dumps({"ServerURL": "", "Username": "me", "Secret": values["helper"][2]}), encoding="utf-8"
        )
        helper = self.folder / "bin" / "docker-credential-planted"
        helper.write_text(HELPER.format(answer=answer), encoding="utf-8")
        helper.chmod(0o755)
        config = {"auths": auths, "credHelpers": {"helped.company.io": "planted"}}
        (self.folder / "docker" / "config.json").write_text(json.dumps(config), encoding="utf-8")
        machines = (
            f"machine m{n}.company.io login me password {next(cores(v))}" for n, v in enumerate(values["netrc"])
        )
        (self.home / ".netrc").write_text("\n".join(machines), encoding="utf-8")
        (self.home / "cosign.key").write_text("\n".join(values["cosign"]), encoding="utf-8")
        (self.home / ".git-credentials").write_text("\n".join(values["home"]), encoding="utf-8")

    def run(
        self, *words: str, environ: Mapping[str, str], stop: Callable[[subprocess.Popen[bytes]], None] | None
    ) -> str:
        """Run `inv …` and return what it printed; ``stop`` ends it in its own way once its build runs."""
        with (self.folder / "stdout").open("wb") as stdout, (self.folder / "stderr").open("wb") as stderr:
            process = subprocess.Popen(
                [inv_program(self.app.environ), *words],
                cwd=self.app.folder,
                env={**self.app.environ, "ECR_REPOSITORY": self.app.name, **environ},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
            if stop is not None:
                self.wait_for("bake --file")
                stop(process)
            self.code = process.wait(300)
        return "".join((self.folder / name).read_text("utf-8", "replace") for name in ("stdout", "stderr"))

    def wait_for(self, words: str) -> int:
        """Wait until a program was started with these words, and return its process's id."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            for line in Path(f"{self.log}.arguments").read_text("utf-8", "replace").splitlines():
                if words in line:
                    return int(line.split()[0])
            time.sleep(0.05)
        raise AssertionError(f"nothing was started with {words}")

    def leaks(self, output: str) -> dict[str, set[str]]:
        """Return where secrets got to, and which."""
        known = {
            "output": found_in(output, SECRETS),
            "arguments": found_in(Path(f"{self.log}.arguments").read_text("utf-8", "replace"), SECRETS),
        }
        handed = found_in(Path(f"{self.log}.environments").read_text("utf-8", "replace"), SECRETS)
        # A credential helper may want any variable, and the build the secrets that it names.
        known["environments"] = {
            name for name in handed if not name.endswith((*MOUNTED, "in environment", "in cosign", "in aws"))
        }
        files = found_in_files(self.app.folder, SECRETS)
        files = {path: names for path, names in files.items() if not path.endswith("/.env")}
        for folder in (self.folder / "tmp", self.outputs, self.local_ecr.root):
            files |= found_in_files(folder, SECRETS)
        own = {str(self.home / name) for name in (".netrc", "cosign.key", ".git-credentials")}
        files |= {path: names for path, names in found_in_files(self.home, SECRETS).items() if path not in own}
        return {place: names for place, names in {**known, **files}.items() if names}


def kill_docker(lab: Lab) -> None:
    os.kill(lab.wait_for("bake --file"), signal.SIGKILL)


BAD_STEP = "RUN exit 7\n"
SLOW_STEP = "RUN sleep 60\n"
ENDINGS: dict[str, tuple[str, dict[str, str], int | None]] = {
    "success": ("", {}, 0),
    "failing step": (BAD_STEP, {}, 3),
    "refused value": ("", {"ECR_BUILD_ARGS": f"TOKEN={secret('github', 0)}"}, 6),
    "refused label": ("", {"ECR_LABELS": f"a={secret('npm', 0)}"}, 6),
    "bad setting": ("", {"ECR_PLATFORMS": secret("gitlab", 0)}, 2),
    "no registry": ("", {"AWS_ENDPOINT_URL_ECR": "http://127.0.0.1:9"}, 4),
    "wrong account": ("", {"AWS_ACCOUNT_ID": "999999999999"}, 4),
    "sigint": (SLOW_STEP, {}, 130),
    "sigterm": (SLOW_STEP, {}, 130),
    "killed child": (SLOW_STEP, {}, 3),
    "killed": (SLOW_STEP, {}, None),
}
"""The ways of ending: a step of the Dockerfile, settings, and the exit code."""

OUTPUTS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "plain": ((), {}),
    "debug": (("--debug",), {"ECR_DEBUG": "1", "BUILDKIT_PROGRESS": "plain"}),
    "json": ((), {"GITHUB_ACTIONS": "", "GITLAB_CI": "true"}),
}
IN_CI = [("success", "debug"), ("failing step", "plain"), ("refused value", "debug"), ("sigterm", "plain")]
CASES = [(ending, output) for ending in ENDINGS for output in OUTPUTS] if ALL else IN_CI


@pytest.fixture
def lab(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Lab:
    return Lab(tmp_path, engine, local_ecr, tiny_base)


def test_there_are_a_hundred_of_ten_kinds() -> None:
    assert len(set(SECRETS.values())) == 100
    assert len(KINDS) == 10


@pytest.mark.parametrize(("ending", "output"), CASES)
def test_none_gets_out(lab: Lab, ending: str, output: str) -> None:
    step, settings, code = ENDINGS[ending]
    flags, more = OUTPUTS[output]
    dockerfile = (lab.app.folder / "Dockerfile").read_text("utf-8")
    lab.app.write("Dockerfile", dockerfile + step)
    lab.app.commit()
    for kind in ("arguments", "environments"):
        Path(f"{lab.log}.{kind}").write_text("", encoding="utf-8")
    stops: dict[str, Callable[[subprocess.Popen[bytes]], None]] = {
        "sigint": lambda process: process.send_signal(signal.SIGINT),
        "sigterm": lambda process: process.terminate(),
        "killed child": lambda process: kill_docker(lab),
        "killed": lambda process: process.kill(),
    }
    text = lab.run(*flags, "build", "push", environ={**settings, **more}, stop=stops.get(ending))
    if ending == "killed":  # the next run removes what it left
        lab.app.write("Dockerfile", dockerfile)
        lab.app.commit()
        text += lab.run("build", environ=more, stop=None)
        assert lab.code == 0, text
    elif code is not None:
        assert lab.code == code, text
    assert lab.leaks(text) == {}
    if ending == "success":
        (reference,) = (
            line for line in (lab.folder / "stdout").read_text("utf-8").splitlines() if "@sha256:" in line
        )
        saved = subprocess.run(["docker", "save", reference], env=lab.app.environ, capture_output=True, check=True)
        assert found_in(saved.stdout.decode("latin-1"), SECRETS) == set()
        inspected = docker(lab.app.environ, "image", "inspect", reference).stdout
        assert found_in(inspected, SECRETS) == set()


OTHER_TASKS = (
    "plan --json",
    "doctor --json",
    "promote main --tag prod",
    "settings --json",
    "commands",
    "images --json",
    "verify --json",
    "history main --json",
    "tags --explain",
    "ci.context --json",
    "export env",
    "registry.show --json",
    "prune --json",
    "iam.policy",
    "--dry build push",
    "--echo tags",
)


def test_nor_by_what_is_attached_and_what_other_tasks_show(lab: Lab) -> None:
    """Provenance, a proxy with a password in docker's configuration, and the tasks that read and promote."""
    for kind in ("arguments", "environments"):
        Path(f"{lab.log}.{kind}").write_text("", encoding="utf-8")
    file = lab.folder / "docker" / "config.json"
    password = SECRETS["docker-login in docker-auths"]
    proxies = {"default": {"httpProxy": f"http://me:{password}@proxy.company.io:8080", "noProxy": "127.0.0.1"}}
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "proxies": proxies}), encoding="utf-8")
    environ = {"ECR_ATTEST": "referrers", "ECR_SBOM_GENERATOR": "none"}
    for words in ("build push", *(OTHER_TASKS if ALL else OTHER_TASKS[:3])):
        text = lab.run(*words.split(), environ=environ, stop=None)
        assert lab.code != 1, text
        assert lab.leaks(text) == {}, words
    receipt = json.loads((lab.app.folder / ".ecr-tasks" / "receipt.json").read_text("utf-8"))
    assert [item["kind"] for item in receipt["images"][0]["published"][0]["attached"]] == ["provenance"]


def test_a_closed_pipe(lab: Lab) -> None:
    command = f"{sys.executable} -m invoke --debug build push 2>&1 | head -c 300"
    environ = {**lab.app.environ, "ECR_REPOSITORY": lab.app.name, "ECR_DEBUG": "1"}
    result = subprocess.run(
        ["bash", "-c", command], cwd=lab.app.folder, env=environ, capture_output=True, check=False
    )
    assert lab.leaks(result.stdout.decode("utf-8", "replace")) == {}
