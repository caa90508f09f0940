"""Every generated pipeline, run as its CI would: its variables, a fresh clone with a detached HEAD, no terminal.

The CI is played by bash, by the few lines here that hand values from job to job, and by stand-ins for the programs
that only the CI has. Everything else is real: the scripts out of the pipeline, the engine, the registry.
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

PUSHED = re.compile(r"^Deploy (127\.0\.0\.1:\d+/team/app@(sha256:[0-9a-f]{64}))$", re.MULTILINE)

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

# Stands in for the install line: puts what is installed here within reach of the Python that runs it.
INSTALL = """
import sys, sysconfig
from pathlib import Path
lines = "import site; " + "; ".join(f"site.addsitedir({path!r})" for path in PATHS)
Path(sysconfig.get_path("purelib"), "installed.pth").write_text(lines)
inv = Path(sysconfig.get_path("scripts"), "inv")
inv.write_text('#!/bin/sh\\nexec "$(dirname "$0")/python" -m invoke "$@"\\n')
inv.chmod(0o755)
"""
# Python without pip in its environments: it takes long to unpack, and the install line does not use it here.
PYTHON = """#!/bin/sh
test "$1 $2" != "-m venv" || set -- "$@" --without-pip
exec {} "$@"
"""
# Buildkite's own program: meta-data in files, and tokens.
AGENT = """#!/bin/sh
case "$1 $2" in
  "meta-data set") cat >"$STATE/$3" ;;
  "meta-data get") cat "$STATE/$3" ;;
  "oidc request-token") echo "$TOKEN" ;;
  *) cat >/dev/null ;;
esac
"""


@dataclass
class Ci:
    """One CI system at work on one clone, and what its jobs hand to each other."""

    variant: Variant
    clone: Path
    scratch: Path
    environ: dict[str, str]
    shared: dict[str, str] = field(default_factory=dict)

    def run(self, job: Job) -> str:
        """Runs a job's steps; gives stdout."""
        said = ""
        for step in job.steps:
            output = self.scratch / "github_output"
            # What the pipeline says of its engine holds for the CI's own; here the tests' engine is it.
            declared = {name: value for name, value in step.environ.items() if not name.startswith("DOCKER_")}
            # What the CI stores or was handed takes the place of the expressions that name it.
            environ = {**declared, **self.environ, **self.shared}
            environ["GITHUB_OUTPUT"] = str(output)
            script = step.script.replace("/tmp/ecr-tasks", str(self.scratch / "venv"))  # noqa: S108 - not ours
            done = subprocess.run(
                ["bash", "-eu", "-c", script],
                cwd=self.clone,
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{job.name}:\n{script}\n{done.stdout}\n{done.stderr}"
            self._take(done.stdout, done.stderr)
            said += done.stdout
        return said

    def _take(self, out: str, err: str) -> None:
        """Takes what a step hands over, by this CI's own means."""
        name = self.variant.system.name
        text = {
            "github": lambda: self._file("github_output"),
            "azure": lambda: "\n".join(
                re.findall(r"^##vso\[task\.setvariable variable=(image;isoutput=true\].+)$", out + err, re.MULTILINE)
            ).replace(";isoutput=true]", "="),
            "gitlab": lambda: self._file(self.clone / ".ecr-tasks" / "outputs.env"),
            "bitbucket": lambda: self._file("variables"),
            # The Jenkinsfile takes what `inv build push` prints.
            "jenkins": lambda: f"IMAGE={out.strip()}" if "@sha256:" in out and "Deploy" not in out else "",
        }.get(name, lambda: "")()
        match = re.search(r"^image=(.+)$|^image<<(\w+)\n(.+)\n\2$", text, re.MULTILINE | re.IGNORECASE)
        if match:
            self.shared["IMAGE"] = match[1] or match[3]

    def _file(self, name: str | Path) -> str:
        path = self.scratch / name
        return path.read_text(encoding="utf-8") if path.exists() else ""


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture(scope="session")
def installer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An install line that needs no network."""
    paths = [path for path in sys.path if path.endswith("site-packages")]
    script = tmp_path_factory.mktemp("install") / "install.py"
    paths.append(str(Path(ecr_tasks.__file__).parents[1]))
    script.write_text(f"PATHS = {paths!r}\n{INSTALL}", encoding="utf-8")
    return f"python {script}"


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    """The project as its developer has it, pushed to where the CI clones it from."""
    made = project(tmp_path / "app", {**engine, **local_ecr.environment()}, f"FROM {tiny_base}\nCOPY hello.txt /\n")
    made.environ["ECR_CREATE_REPOSITORY"] = "true"
    # As many projects have it: the pipeline must not need the line.
    made.write(".gitignore", ".env\n.env.*\n")
    made.commit("without __pycache__")
    made.git("tag", "v0.1.0", "HEAD~1")
    return made


def jwt() -> str:
    """A token in the right form; the local STS asks for no more."""
    claims = {"iss": "https://ci.example", "sub": "app", "aud": "sts.amazonaws.com"}
    parts: list[dict[str, str]] = [{"alg": "RS256"}, claims, {}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """The address where GitHub and Azure hand out tokens."""

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


def ci(variant: Variant, app: Project, tmp_path: Path, issuer: str) -> Ci:
    """A CI that has just cloned the project and checked its commit out."""
    clone, scratch, programs = tmp_path / "work space", tmp_path / "scratch", tmp_path / "programs"
    scratch.mkdir()
    sha = app.git("rev-parse", "HEAD")
    app.git("clone", "--quiet", str(app.folder), str(clone))
    subprocess.run(["git", "checkout", "--quiet", "--detach", sha], cwd=clone, env=app.environ, check=True)
    subprocess.run(["git", "branch", "--quiet", "--delete", "main"], cwd=clone, env=app.environ, check=True)
    executable(programs / "apk", "#!/bin/sh\n")
    if variant.system.name == "buildkite":
        executable(programs / "buildkite-agent", AGENT)
    if variant.system.name == "teamcity":
        (scratch / "build.properties").write_text(TEAMCITY_BUILD.format(scratch=scratch), encoding="utf-8")
        (scratch / "configuration.properties").write_text(TEAMCITY_CONFIGURATION, encoding="utf-8")
    told = dict(ENVIRONMENTS[variant.system.name])
    if variant.credentials == "oidc":
        asked, token = TOKENS[variant.system.name]
        assert asked in variant.text()
        told |= token
        (scratch / "token").write_text(jwt(), encoding="utf-8")
    said = {
        name: value.format(sha=sha, workspace=clone, scratch=scratch, issuer=issuer, token=jwt())
        for name, value in told.items()
    }
    environ = {"CI": "true", **app.environ, **said, "STATE": str(scratch), "PIP_NO_INDEX": "1"}
    # The region is the pipeline's to say; `inv` and its Python are the install line's to bring.
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", *(KEYS if variant.credentials == "oidc" else ())):
        del environ[name]
    executable(programs / "python3", PYTHON.format(os.path.realpath(sys.executable)))
    others = [path for path in app.environ["PATH"].split(os.pathsep) if Path(path) != Path(sys.executable).parent]
    environ["PATH"] = os.pathsep.join([str(programs), *others])
    return Ci(variant, clone, scratch, environ)


def with_python(played: Ci) -> None:
    """Sets a Python up, as the CI does before the first step."""
    python = played.scratch / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(python)], check=True)
    played.environ["PATH"] = f"{python / 'bin'}{os.pathsep}{played.environ['PATH']}"


@pytest.fixture(params=VARIANTS, ids=str)
def played(request: pytest.FixtureRequest, app: Project, tmp_path: Path, issuer: str) -> Ci:
    return ci(request.param, app, tmp_path, issuer)


def test_the_pipeline_pushes_and_hands_the_digest_to_the_deployment(
    played: Ci, app: Project, local_ecr: LocalEcr, installer: str
) -> None:
    role = f"arn:aws:iam::{local_ecr.account}:role/push"
    values = Values(region=local_ecr.region, role=role, repository=app.name, install=installer)
    said = ""
    for job in jobs(played.variant, values):
        if job.python:
            with_python(played)
        said += played.run(job)
    deployed = PUSHED.search(said)
    assert deployed, said
    receipt = json.loads((played.clone / ".ecr-tasks" / "receipt.json").read_text(encoding="utf-8"))
    published = receipt["images"][0]["published"][0]
    assert published["reference"] == deployed[1]
    # The branch's tag, although no branch is checked out; and nothing that the run left made the tree dirty.
    assert published["tags"] == [f"sha-{app.git('rev-parse', '--short=7', 'HEAD')}", "main"]
    # It was the role that pushed, where there is a token for it, and else the key.
    assumed = local_ecr.requests().get("AssumeRoleWithWebIdentity", 0)
    assert (assumed > 0) == (played.variant.credentials == "oidc")
