"""Tests that run every generated pipeline as its CI system does: its variables, a fresh clone, no terminal.

bash runs the scripts of the pipeline, this module passes values from job to job, and small scripts replace the
programs that only the CI system has. The scripts, the engine and the registry are real.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import ecr_tasks
from ecr_tasks.ci.pipelines.template import Values
from ecr_tasks.local_ecr.server import LocalEcr
from tests.ci.pipelines.environments import ENVIRONMENTS, TEAMCITY_BUILD, TEAMCITY_CONFIGURATION, TOKENS
from tests.ci.pipelines.generated import VARIANTS, Job, Variant, jobs
from tests.engine.project import Project, project
from tests.support.inv import inv_program

DEPLOYED_REFERENCE = re.compile(r"^Deploy (127\.0\.0\.1:\d+/team/app@(sha256:[0-9a-f]{64}))$", re.MULTILINE)

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

# Replaces the install line: makes the packages of this Python available to the Python that runs it.
INSTALL_SCRIPT = """
import sys, sysconfig
from pathlib import Path
lines = "import site; " + "; ".join(f"site.addsitedir({path!r})" for path in PATHS)
Path(sysconfig.get_path("purelib"), "installed.pth").write_text(lines)
inv = Path(sysconfig.get_path("scripts"), "inv")
inv.write_text(INV)
inv.chmod(0o755)
"""
# Python that creates environments without pip, which takes long to unpack and is not used here.
PYTHON_SCRIPT = """#!/bin/sh
test "$1 $2" != "-m venv" || set -- "$@" --without-pip
exec {} "$@"
"""
# Buildkite's program: meta-data in files, and tokens.
BUILDKITE_AGENT = """#!/bin/sh
case "$1 $2" in
  "meta-data set") cat >"$STATE/$3" ;;
  "meta-data get") cat "$STATE/$3" ;;
  "oidc request-token") cat "$STATE/token" ;;
  *) cat >/dev/null ;;
esac
"""


@dataclass
class CiRun:
    """A run of a CI system in a clone, and the values that its jobs share."""

    variant: Variant
    clone: Path
    scratch: Path
    environ: dict[str, str]
    shared: dict[str, str] = field(default_factory=dict)

    def run(self, job: Job) -> str:
        """Run the steps of a job and return their stdout."""
        stdout = ""
        for step in job.steps:
            output = self.scratch / "github_output"
            # The pipeline's docker variables are for the CI system's engine; here it is the engine of the tests.
            step_environ = {name: value for name, value in step.environ.items() if not name.startswith("DOCKER_")}
            # The variables of the CI system and the shared values replace the expressions that name them.
            environ = {**step_environ, **self.environ, **self.shared}
            environ["GITHUB_OUTPUT"] = str(output)
            script = step.script.replace("/tmp/ecr-tasks", str(self.scratch / "venv"))  # noqa: S108 - not ours
            result = subprocess.run(
                ["bash", "-eu", "-c", script],
                cwd=self.clone,
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert result.returncode == 0, f"{job.name}:\n{script}\n{result.stdout}\n{result.stderr}"
            self._read_outputs(result.stdout, result.stderr)
            stdout += result.stdout
        return stdout

    def _read_outputs(self, stdout: str, stderr: str) -> None:
        """Read the image that a step passes on, in the format of this CI system."""
        name = self.variant.system.name
        text = {
            "github": lambda: self._read_file("github_output"),
            "azure": lambda: "\n".join(
                re.findall(
                    r"^##vso\[task\.setvariable variable=(image;isoutput=true\].+)$", stdout + stderr, re.MULTILINE
                )
            ).replace(";isoutput=true]", "="),
            "gitlab": lambda: self._read_file(self.clone / ".ecr-tasks" / "outputs.env"),
            "bitbucket": lambda: self._read_file("variables"),
            # The Jenkinsfile reads the stdout of `inv build push`.
            "jenkins": lambda: f"IMAGE={stdout.strip()}" if "@sha256:" in stdout and "Deploy" not in stdout else "",
        }.get(name, lambda: "")()
        match = re.search(r"^image=(.+)$|^image<<(\w+)\n(.+)\n\2$", text, re.MULTILINE | re.IGNORECASE)
        if match:
            self.shared["IMAGE"] = match[1] or match[3]

    def _read_file(self, name: str | Path) -> str:
        path = self.scratch / name
        return path.read_text(encoding="utf-8") if path.exists() else ""


def write_program(path: Path, text: str) -> None:
    """Write an executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture(scope="session")
def installer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return an install line that needs no network."""
    paths = [path for path in sys.path if path.endswith("site-packages")]
    script = tmp_path_factory.mktemp("install") / "install.py"
    paths.append(str(Path(ecr_tasks.__file__).parents[1]))
    script.write_text(
        f"PATHS = {paths!r}\nINV = {inv_program().read_text('utf-8')!r}\n{INSTALL_SCRIPT}", encoding="utf-8"
    )
    return f"python {script}"


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    """Return the project that the CI system clones."""
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, f"FROM {tiny_base}\nCOPY hello.txt /\n")
    app.environ["ECR_CREATE_REPOSITORY"] = "true"
    # Without the line for __pycache__, which the pipeline must not need.
    app.write(".gitignore", ".env\n.env.*\n")
    app.commit("without __pycache__")
    app.git("tag", "v0.1.0", "HEAD~1")
    return app


def jwt() -> str:
    """Return a token that the local STS accepts."""
    claims = {"iss": "https://ci.example", "sub": "app", "aud": "sts.amazonaws.com"}
    parts: list[dict[str, str]] = [{"alg": "RS256"}, claims, {}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """Start a server that gives tokens as GitHub and Azure do, and return its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.answer()

        def answer(self) -> None:
            allowed = self.headers.get("Authorization") == "Bearer bearer"
            body = json.dumps({"value": jwt(), "oidcToken": jwt()}).encode()
            self.send_response(200 if allowed else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def new_ci_run(variant: Variant, app: Project, tmp_path: Path, issuer: str) -> CiRun:
    """Return the run of a CI system that has cloned the project and checked its commit out."""
    clone, scratch, programs = tmp_path / "work space", tmp_path / "scratch", tmp_path / "programs"
    scratch.mkdir()
    sha = app.git("rev-parse", "HEAD")
    app.git("clone", "--quiet", str(app.folder), str(clone))
    subprocess.run(["git", "checkout", "--quiet", "--detach", sha], cwd=clone, env=app.environ, check=True)
    subprocess.run(["git", "branch", "--quiet", "--delete", "main"], cwd=clone, env=app.environ, check=True)
    write_program(programs / "apk", "#!/bin/sh\n")
    if variant.system.name == "buildkite":
        write_program(programs / "buildkite-agent", BUILDKITE_AGENT)
    if variant.system.name == "teamcity":
        (scratch / "build.properties").write_text(TEAMCITY_BUILD.format(scratch=scratch), encoding="utf-8")
        (scratch / "configuration.properties").write_text(TEAMCITY_CONFIGURATION, encoding="utf-8")
    templates = dict(ENVIRONMENTS[variant.system.name])
    if variant.credentials == "oidc":
        token_name, token = TOKENS[variant.system.name]
        assert token_name in variant.text()
        templates |= token
        (scratch / "token").write_text(jwt(), encoding="utf-8")
    variables = {
        name: value.format(sha=sha, workspace=clone, scratch=scratch, issuer=issuer, token=jwt())
        for name, value in templates.items()
    }
    environ = {"CI": "true", **app.environ, **variables, "STATE": str(scratch), "PIP_NO_INDEX": "1"}
    # The pipeline sets the region, and its install line installs `inv` and its Python.
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", *(KEYS if variant.credentials == "oidc" else ())):
        del environ[name]
    write_program(programs / "python3", PYTHON_SCRIPT.format(os.path.realpath(sys.executable)))
    others = [path for path in app.environ["PATH"].split(os.pathsep) if Path(path) != Path(sys.executable).parent]
    environ["PATH"] = os.pathsep.join([str(programs), *others])
    return CiRun(variant, clone, scratch, environ)


def install_python(ci_run: CiRun) -> None:
    """Install a Python, as the CI system does before the first step."""
    python = ci_run.scratch / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(python)], check=True)
    ci_run.environ["PATH"] = f"{python / 'bin'}{os.pathsep}{ci_run.environ['PATH']}"


@pytest.fixture(params=VARIANTS, ids=str)
def ci_run(request: pytest.FixtureRequest, app: Project, tmp_path: Path, issuer: str) -> CiRun:
    return new_ci_run(request.param, app, tmp_path, issuer)


def test_the_pipeline_pushes_and_hands_the_digest_to_the_deployment(
    ci_run: CiRun, app: Project, local_ecr: LocalEcr, installer: str
) -> None:
    role = f"arn:aws:iam::{local_ecr.account}:role/push"
    values = Values(region=local_ecr.region, role=role, repository=app.name, install=installer)
    stdout = ""
    for job in jobs(ci_run.variant, values):
        if job.python:
            install_python(ci_run)
        stdout += ci_run.run(job)
    deployed = DEPLOYED_REFERENCE.search(stdout)
    assert deployed, stdout
    receipt = json.loads((ci_run.clone / ".ecr-tasks" / "receipt.json").read_text(encoding="utf-8"))
    published = receipt["images"][0]["published"][0]
    assert published["reference"] == deployed[1]
    # The branch has its tag although no branch is checked out, and no file of the run made the tree dirty.
    assert published["tags"] == [f"sha-{app.git('rev-parse', '--short=7', 'HEAD')}", "main"]
    # The push used the role if there is a token for it, and else the key.
    assumed = local_ecr.requests().get("AssumeRoleWithWebIdentity", 0)
    assert (assumed > 0) == (ci_run.variant.credentials == "oidc")
