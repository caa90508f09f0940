"""Every wrapper publishes a project's image, run as its CI runs it (wrappers/)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.ci.pipelines.environments import ENVIRONMENTS
from tests.engine.project import project
from tests.engine.test_pipelines import PYTHON_SCRIPT, write_program
from tests.support.scripts import CHECKOUT
from tests.support.wrappers import SCRIPTS

# Replaces pip, which would download: makes the packages of this Python available to the environment that is active.
INSTALL = """#!/bin/sh
cat >"$VIRTUAL_ENV/bin/ecr-tasks" <<'SH'
#!/bin/sh
exec {python} -m ecr_tasks "$@"
SH
chmod +x "$VIRTUAL_ENV/bin/ecr-tasks"
"""


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_wrapper_publishes_the_image(
    name: str, tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str
) -> None:
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, f"FROM {tiny_base}\nCOPY hello.txt /\n")
    scratch, programs = tmp_path / "scratch", tmp_path / "programs"
    scratch.mkdir()
    write_program(programs / "apk", "#!/bin/sh\n")
    write_program(programs / "pip", INSTALL.format(python=sys.executable))
    write_program(programs / "python3", PYTHON_SCRIPT.format(os.path.realpath(sys.executable)))
    facts = {
        "sha": app.git("rev-parse", "HEAD"),
        "workspace": app.folder,
        "scratch": scratch,
        "issuer": "",
        "token": "",
    }
    environ = {
        **{name: value.format(**facts) for name, value in ENVIRONMENTS[name].items()},
        **app.environ,
        "ECR_REPOSITORY": "team/app",
        "ECR_CREATE_REPOSITORY": "true",
        "RUNNER_TEMP": str(scratch),
        "WORKSPACE_TMP": str(scratch),
        "GITHUB_ACTION_PATH": str(CHECKOUT / "wrappers/github"),
        "GITHUB_OUTPUT": str(scratch / "github_output"),
    }
    environ["PATH"] = f"{programs}{os.pathsep}{environ['PATH']}"
    stdout = ""
    for script in SCRIPTS[name]({"tasks": "build push", "install": "pip install ecr-tasks"}):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script.replace("/tmp/ecr-tasks", str(scratch / "venv"))],  # noqa: S108
            cwd=app.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        stdout += done.stdout
    assert re.fullmatch(r"127\.0\.0\.1:\d+/team/app@sha256:[0-9a-f]{64}", stdout.strip()), (
        "the image and nothing else"
    )
    assert app.receipt["images"][0]["published"][0]["state"] == "pushed"
    if name == "github":
        assert stdout.strip() in (scratch / "github_output").read_text("utf-8")
