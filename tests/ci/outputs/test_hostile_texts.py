"""Whatever comes from outside (names, versions, errors of registries) is data on every CI, and never its command."""

from __future__ import annotations

import io
import re
import shlex
import tempfile
from contextlib import redirect_stderr
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_tasks.ci.outputs.model import VARIABLES
from ecr_tasks.ci.outputs.write import log_group, show_error, write_outputs
from ecr_tasks.ci.systems import SYSTEMS, outputs_adapter
from ecr_tasks.console import say, table, warn
from ecr_tasks.errors import RegistryError
from tests.ci.outputs.build import STORED, output, outputs

COMMANDS = (
    *(
        "::set-output name=x::y",
        "::add-mask::a",
        "::stop-commands::z",
        "##[group]x",
        "##vso[task.setvariable variable=x]y",
    ),
    *("##teamcity[buildStop comment='x']", "--- x", "+++ x", "~~~ x", "^^^ +++", "travis_fold:start:x\r\x1b[0K"),
    *("\x1b[0Ksection_start:1:x\r\x1b[0Kx", "\x1b]1338;url=x\x07", "$(id)", "`id`", "'; id; '", "x=y", "EOF", "%0A"),
)
BREAKS = ("\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", " ", "\t", "\u3000", "\xa0", "")
HOSTILE = st.lists(st.sampled_from([*COMMANDS, *BREAKS]) | st.text(max_size=3), min_size=1, max_size=5).map("".join)
OURS = (
    r"::error title=ecr-tasks::|::group::Publish |::endgroup::|--- Publish |\^\^\^ \+\+\+$"
    r"|##\[(?:group\]Publish |endgroup\])|##vso\[task\.(?:logissue type=error|uploadsummary)\]"
    r"|##vso\[task\.setvariable variable=\w+;isoutput=true\][^\x00-\x1f]*"  # the rest of the line is its value
)
COMMAND_AT_START = r"\s*(?:::|---|\+\+\+|~~~|\^\^\^)"


def check(log: str) -> None:
    """Check that the only commands are ours; only those of GitLab and Travis have control characters."""
    for line in re.split("\r\n|\r(?!\x1b\\[0K)|\n", log):
        rest = re.sub(OURS, "", line, count=1) if re.match(OURS, line) else line
        rest = re.sub("^(?:\x1b\\[0Ksection|travis_fold:)(?:_|:?)(?:start|end):[\\w:]+\r\x1b\\[0K", "", rest)
        assert rest is not line or not re.match(COMMAND_AT_START, rest), line
        assert not re.search(r"##\w*\[", rest), line
        assert not re.search("[\x00-\x08\x0a-\x1f\x7f]", rest), line


@pytest.mark.parametrize("provider", SYSTEMS)
@settings(max_examples=40, deadline=None)
@given(HOSTILE, HOSTILE)
def test_a_text_from_outside_is_never_a_command(provider: str, first: str, second: str) -> None:
    adapter = outputs_adapter(provider)
    with tempfile.TemporaryDirectory() as folder, redirect_stderr(io.StringIO()) as log:
        project = Path(folder)
        environ = {name: str(project / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "BASH_ENV")}
        error = RegistryError(first, second, [first])
        show_error(adapter, environ, error, project)
        say(first, *error.lines)
        warn(second)
        table(["A", "B"], [[first, second]])
        result = output(version=first, tags=(second,), because=first)
        with log_group(adapter, "Publish team/app"):
            write_outputs(adapter, environ, outputs(result, branch=first, tag=second), project)
        check(log.getvalue())
        written = (project / ".ecr-tasks" / "outputs.env").read_text(encoding="utf-8").splitlines()
        assert [line.partition("=")[0] for line in written] == [
            name for name in VARIABLES.values() if name != "IMAGES"
        ]
        assert all(len(shlex.split(line)) == 1 for line in written)
        if provider == "azure":  # whose variables are commands
            variables = re.findall(r"##vso\[task\.setvariable variable=(\w+);isoutput=true](.*)", log.getvalue())
            assert [name for name, _ in variables] == list(VARIABLES)
            assert dict(variables)["image"].endswith(STORED.digest)
        if provider == "circleci":
            for line in Path(environ["BASH_ENV"]).read_text(encoding="utf-8").splitlines():
                assert re.match("export IMAGE", line)
                assert len(shlex.split(line)) == 2
