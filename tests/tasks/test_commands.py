"""Tests of `commands`: the shell commands have all options of the build, correct quoting and no secret."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ecr_tasks.model.image import BuildDefinition, Keep
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.plan.plan import Plan, make_plan
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.snapshot import Snapshot
from ecr_tasks.redaction import is_hidden_argument
from ecr_tasks.settings.load import load
from ecr_tasks.tasks.commands import shell_commands
from tests.support.build import HOST, SHA_TAG, image, repository, settings, source
from tests.tasks.conftest import CHANGING_CALLS, Project

SPECIAL_CHARACTERS = "a 'quoted' \"word\" with $HOME `id` \\ and\na line break; # or two & é *"


def plan_of(definition: BuildDefinition, *, keep: Keep = "store", exists: bool = True) -> Plan:
    """Return a plan with one image."""
    view = RepositoryView(repository() if exists else None)
    plan = make_plan([image(definition=definition)], source(), Snapshot({"team/app": view}), create_repository=True)
    (item,) = plan.images
    return Plan((PlannedImage(item.image, item.tags, True, "", item.view, item.creates_repository, keep),), ())


def commands(definition: BuildDefinition, *, keep: Keep = "store", exists: bool = True, **changes: Any) -> list[str]:
    """Return the commands for one image."""
    plan = plan_of(definition, keep=keep, exists=exists)
    return shell_commands(plan, settings(**changes), HOST, "eu-central-1")


def build_words(lines: list[str]) -> list[str]:
    """Return the words of the build command."""
    (build,) = (words for line in lines if (words := shlex.split(line))[:3] == ["docker", "buildx", "build"])
    return build


def values(words: list[str], flag: str) -> list[str]:
    """Return the word after each use of a flag."""
    return [words[position + 1] for position, word in enumerate(words) if word == flag]


def test_the_lines_log_in_wherever_the_build_leads(project: Project) -> None:
    base = "210987654321.dkr.ecr.us-west-2.amazonaws.com"
    project.write(
        "Dockerfile", f"ARG R={base}\nFROM $R/base\nCOPY --from=public.ecr.aws/a/b / /\nCOPY --from={HOST}/c / /\n"
    )
    project.commit()
    logins = [line for line in project.inv("commands").stdout.splitlines() if "get-login-password" in line]
    assert [(line.split()[1], line.split()[-1]) for line in logins] == [
        ("ecr", HOST),
        ("ecr", base),
        ("ecr-public", "public.ecr.aws"),
    ]
    assert "--region us-west-2" in logins[1]
    assert "--region us-east-1" in logins[2]


def test_the_lines_log_in_build_and_push_every_tag() -> None:
    lines = commands(BuildDefinition("/project"))
    assert lines[0] == "cd /project"
    assert lines[1] == (
        f"aws ecr get-login-password --region eu-central-1 | docker login --username AWS --password-stdin {HOST}"
    )
    names = [f"{HOST}/team/app:{tag}" for tag in (SHA_TAG, "1.2.3", "main", "latest")]
    assert values(build_words(lines), "--tag") == names
    assert lines[3:] == [f"docker push {name}" for name in names]


@pytest.mark.parametrize(("client", "tls"), [("podman", " --tls-verify=false"), ("nerdctl", "")])
def test_the_lines_are_those_of_the_client_that_is_set(client: str, tls: str) -> None:
    definition = BuildDefinition("/project", args={"A": "1", "NPM_TOKEN": "hush-hush-1"}, labels={"team": "web"})
    local = "127.0.0.1:5000"
    lines = shell_commands(plan_of(definition), settings(client=client), local, "eu-central-1")
    assert lines[2:4] == [
        "aws ecr get-login-password --region eu-central-1 | "
        f"{client} login{tls} --username AWS --password-stdin {local}",
        f"{client} build --build-arg A=1 --build-arg NPM_TOKEN --label team=web "
        + "".join(f"--tag {local}/team/app:{tag} " for tag in (SHA_TAG, "1.2.3", "main", "latest"))
        + "/project",
    ]
    assert lines[4] == f"{client} push{tls} {local}/team/app:{SHA_TAG}"
    assert not any("docker" in line or "hush" in line for line in lines)


def test_an_image_that_stays_in_the_builder_is_pushed_by_the_build() -> None:
    lines = commands(BuildDefinition("/project"), keep="builder", builder="multi")
    words = build_words(lines)
    assert values(words, "--output") == ["type=image,oci-mediatypes=true,push=true"]
    assert values(words, "--builder") == ["multi"]
    assert len(lines) == 3


def test_a_missing_repository_is_created_first() -> None:
    lines = commands(BuildDefinition("/project"), exists=False)
    assert lines[1] == "aws ecr create-repository --region eu-central-1 --repository-name team/app"
    assert "create-repository" not in "".join(commands(BuildDefinition("/project")))


def test_every_field_of_the_definition_is_in_the_build_command() -> None:
    words = build_words(
        commands(
            BuildDefinition(
                "/project",
                dockerfile="/project/my Dockerfile",
                target="run",
                platforms=("linux/amd64", "linux/arm64"),
                args={"A": "1", "B": ""},
                contexts={"shared": "../shared"},
                secrets=("id=npm,env=NPM_TOKEN",),
                ssh=("default",),
                labels={"team": "web"},
                annotations={"note": "x"},
                attest=("type=provenance,mode=max",),
                cache_from=("type=gha",),
                cache_to=("type=gha,mode=max",),
                extra={"no-cache": True, "network": "host"},
            )
        )
    )
    assert words[-1] == "/project"
    assert values(words, "--file") == ["/project/my Dockerfile"]
    assert values(words, "--target") == ["run"]
    assert values(words, "--platform") == ["linux/amd64,linux/arm64"]
    assert values(words, "--build-arg") == ["A=1", "B="]
    assert values(words, "--build-context") == ["shared=../shared"]
    assert values(words, "--secret") == ["id=npm,env=NPM_TOKEN"]
    assert values(words, "--ssh") == ["default"]
    assert values(words, "--label") == ["team=web"]
    assert values(words, "--annotation") == ["index,manifest:note=x"]
    assert values(words, "--attest") == ["type=provenance,mode=max"]
    assert values(words, "--cache-from") == ["type=gha"]
    assert values(words, "--cache-to") == ["type=gha,mode=max"]
    assert values(words, "--network") == ["host"]
    assert "--no-cache" in words


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.text("a'\"$\n\\ `!"))
def test_every_text_can_be_quoted(label: str, argument: str) -> None:
    lines = commands(BuildDefinition("/project", labels={"l": label}, args={"A": argument}))
    assert values(build_words(lines), "--label") == [f"l={label}"]
    assert values(build_words(lines), "--build-arg") == [
        "A" if is_hidden_argument("A", argument) else f"A={argument}"
    ]


@given(text=st.text(alphabet="a'\"$(){}\n\\ `!#;&|*?~é"))
@hypothesis_settings(max_examples=25, deadline=None)
def test_a_posix_shell_reads_the_same_words(text: str) -> None:
    lines = commands(BuildDefinition(f"/project {text}", labels={"l": text}))
    line = next(line for line in lines if line.startswith("docker buildx"))
    # The program's name becomes one that prints its words.
    script = "printf '%s\\0' " + line
    result = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert result.stdout.split("\0")[:-1] == shlex.split(line)


def test_special_characters_are_quoted_everywhere() -> None:
    lines = commands(
        BuildDefinition(SPECIAL_CHARACTERS, args={"A": SPECIAL_CHARACTERS}, labels={"l": SPECIAL_CHARACTERS}),
        project=Path("/home/a b/it's"),
    )
    assert shlex.split(lines[0]) == ["cd", "/home/a b/it's"]
    assert build_words(lines)[-1] == SPECIAL_CHARACTERS


KEYS = {"AWS_ACCESS_KEY_ID": "AKIAREALKEYREALKEY", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_SESSION_TOKEN": "hush too"}


@pytest.mark.parametrize("where", ["file", "environment"])
def test_access_keys_are_never_printed(where: str, tmp_path: Path) -> None:
    if where == "file":
        lines = (f"{name}='{text}'\n" for name, text in KEYS.items())
        (tmp_path / ".env").write_text("".join(lines), encoding="utf-8")
    loaded = load(tmp_path, environ={} if where == "file" else KEYS)
    text = "\n".join(shell_commands(plan_of(BuildDefinition("/project")), loaded, HOST, "eu-central-1"))
    assert "AKIAREALKEY" not in text
    assert "hush" not in text


def test_the_local_ecr_is_named_by_its_endpoint_and_keys(tmp_path: Path) -> None:
    overrides = {"AWS_ENDPOINT_URL_ECR": "http://127.0.0.1:4510", "AWS_ACCESS_KEY_ID": "local"}
    overrides["AWS_SECRET_ACCESS_KEY"] = "local"
    loaded = load(tmp_path, environ=KEYS, overrides={**overrides, "AWS_SESSION_TOKEN": ""})
    lines = shell_commands(plan_of(BuildDefinition("/project")), loaded, HOST, "eu-central-1")
    words = shlex.split(lines[1])
    assert values(words, "--endpoint-url") == ["http://127.0.0.1:4510"]
    assert {"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local"} <= set(words)


def test_the_profile_of_the_settings_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AWS_PROFILE='team dev'\n", encoding="utf-8")
    loaded = load(tmp_path, environ={})
    lines = shell_commands(plan_of(BuildDefinition("/project")), loaded, HOST, "eu-central-1")
    assert values(shlex.split(lines[1]), "--profile") == ["team dev"]


def test_commands_prints_lines_to_paste_and_no_password(project: Project) -> None:
    result = project.inv("commands")
    assert result.stdout.splitlines()[0].startswith("cd ")
    assert f"docker push {HOST}/team/app:main" in result.stdout.splitlines()
    assert "the-registry-password" not in result.stdout + result.stderr
    assert project.calls.named(*CHANGING_CALLS) == []


def test_the_digests_of_the_settings_are_whole_for_the_image_to_be_the_same(project: Project) -> None:
    lines = project.inv("commands", ECR_SECRETS="id=npm,env=BUILD_SECRET", BUILD_SECRET="hunter2hunter2").stdout
    assert re.search(r"--label 'io\.ecr-tasks\.settings=1 secrets=[0-9a-f]{12}'", lines)
