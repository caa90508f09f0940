"""Whatever bytes stand in a file or variable that a task reads, the task ends with a sentence: no traceback, no hang.

Each example is a damaged copy of something that is read, in a project of its own; the task runs as on a command line.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from invoke.program import Program

from ecr_tasks.tasks.collection import ns

TOKENS = (
    *(b"[", b"{", b"}", b"]", b'"', b"'", b"\\", b"\0", b"\xff", b"\n", b"${", b"{{", b"}}", b":", b",", b"null"),
    *(
        b"1e999",
        b"&a",
        b"*a",
        b"<<",
        b"\\u{110000}",
        b"\\ud800",
        b"\xed\xa0\x80",
        b"9" * 5000,
        b"[" * 3000,
        b"x" * 5000,
        b"-1",
    ),
)
FILES = {
    ".env": b"A=1\nB=\"${A}x\"\nECR_TAGS='type=sha\ntype=raw,value={{branch}}\n'\n",
    "Dockerfile": b"ARG A=1\nFROM scratch AS x\nCOPY --from=0 a b\n",
    ".dockerignore": b"*\n!a\n[a-z]*\n**/x\n",
    "event.json": b'{"pull_request": {"number": 1, "head": {"sha": "a", "repo": {"full_name": "c/d"}}}}',
    "policy.json": b'{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any"}, "action": {}}]}',
    "compose.yaml": b"services:\n  app:\n    build: .\n    x: &a [1]\n    y: *a\n",
    "docker/config.json": b'{"auths": {"a": {"auth": "x"}}, "credsStore": "", "credHelpers": {"b": "c"}}',
    ".ecr-tasks/repositories/team/app/receipt.json": b'{"schema": 1, "images": [{"name": "team/app", "local": {}}]}',
}
VARIABLES = (
    *("ECR_TAGS", "ECR_FLAVOR", "ECR_CONTEXT", "ECR_LABELS", "ECR_SECRETS", "ECR_MUTABILITY", "ECR_DIRTY_IGNORE"),
    *("AWS_MAX_ATTEMPTS", "AWS_ENDPOINT_URL_ECR", "ECR_DESTINATIONS", "GITHUB_REF", "GITHUB_REPOSITORY"),
)
TASKS = (["tags", "--explain"], ["settings"], ["ci.context"], ["--dry", "build"], ["ci.init", "--check", "github"])

piece = st.sampled_from(TOKENS) | st.binary(max_size=8)


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Return a content with pieces put into it, in place of what stood there."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        content = content[:start] + draw(piece) + content[start + draw(st.integers(0, 6)) :]
    return content


@given(
    st.sampled_from(TASKS),
    st.sampled_from(sorted(FILES)).flatmap(lambda name: st.tuples(st.just(name), damaged(FILES[name]))),
    st.dictionaries(st.sampled_from(VARIABLES), damaged(b"type=match,pattern=v(.*),group=1"), max_size=2),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_in_a_sentence_out(
    tmp_path_factory: pytest.TempPathFactory,
    capfd: pytest.CaptureFixture[str],
    task: list[str],
    file: tuple[str, bytes],
    variables: dict[str, bytes],
) -> None:
    project = tmp_path_factory.mktemp("project")
    for name, content in {"Dockerfile": FILES["Dockerfile"], file[0]: file[1]}.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes(content)
    texts = {name: os.fsdecode(value.replace(b"\0", b"")) for name, value in variables.items()}
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "ECR_", "GITHUB_", "CI"))]:
            patch.delenv(name)
        for name, text in {**_environment(project, file[0]), **texts}.items():
            patch.setenv(name, text)
        patch.chdir(project)
        patch.setattr("sys.argv", ["ecr-tasks", *task])
        with suppress(SystemExit):  # with the code of the task
            Program(name="ecr-tasks", namespace=ns).run(["ecr-tasks", *task])
    stdout, stderr = capfd.readouterr()
    assert "Traceback" not in stdout + stderr
    assert "did not expect" not in stderr


def _environment(project: Path, file: str) -> dict[str, str]:
    """Return variables with which a task reads that file, and asks nobody."""
    variables = {"AWS_REGION": "eu-central-1", "AWS_ACCOUNT_ID": "111122223333", "HOME": str(project)}
    variables["DOCKER_CONFIG"] = str(project / "docker")
    if file == "compose.yaml":
        return variables | {"ECR_REPOSITORY_PREFIX": "team/"}
    if file == "event.json":
        variables |= {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request"}
        variables["GITHUB_EVENT_PATH"] = str(project / file)
    if file == "policy.json":
        variables["ECR_LIFECYCLE_POLICY"] = file
    return variables | {"ECR_REPOSITORY": "team/app"}
