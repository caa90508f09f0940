"""Every build key of bake and of compose, read by the real buildx: what happens with each.

The keys are those of buildx's ``Target`` (bake/bake.go, 0.29), of its ``x-bake``, and of the compose specification's
build section and service. A key is applied, refused, or named in a warning; a key that only describes is ignored.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.clients.docker.bake import bake_document
from ecr_tasks.clients.docker.client import WhalesDocker
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.errors import BuildError, EcrTasksError, SettingsError
from ecr_tasks.model.image import BuildInput
from ecr_tasks.plan.images import images, unset_tags
from ecr_tasks.source.definitions.files import definition_files
from ecr_tasks.source.definitions.resolve import resolve
from tests.support.build import settings, source


@dataclass
class Result:
    """What a file becomes: the targets that buildx gets, by name, and what the user is told."""

    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    words: str = ""

    @property
    def app(self) -> dict[str, Any]:
        """The target of the image app."""
        return self.targets["app"]


class Reader:
    """Reads bake and compose files in a folder with the real buildx."""

    def __init__(self, folder: Path, docker: WhalesDocker) -> None:
        self.folder = folder
        self._docker = docker

    def read(self, name: str, text: str, **changes: Any) -> Result:
        """Return what a file with this text becomes."""
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        chosen = settings(
            **{"project": self.folder, "context": str(self.folder), "bake_file": (file,), "repository": "app"}
            | changes
        )
        files = definition_files(chosen, {})
        assert files is not None
        try:
            definitions = resolve(files, chosen, os.environ, self._docker.targets)
            planned = images(chosen, source(commit_time=None), {}, definitions.targets)
        except EcrTasksError as error:
            return Result(words=f"{error.cause} {error.remedy}")
        unset = unset_tags(planned, definitions.tags)
        document = bake_document([BuildInput(image.name, image.definition, ("app:1",)) for image in planned])
        return Result(document["target"], " ".join([*definitions.warnings, *unset]))

    def bake(self, body: str, rest: str = "", **changes: Any) -> Result:
        """Return what a target app with this body becomes."""
        group = 'group "default" { targets = ["app"] }\n'
        return self.read("test.hcl", f'{group}target "app" {{\n{body}\n}}\n{rest}', **changes)

    def compose(self, build: str, service: str = "", rest: str = "", **changes: Any) -> Result:
        """Return what a service app with these keys becomes."""
        text = f"services:\n  app:\n    build:\n      context: .\n{build}{service}{rest}"
        return self.read("test.yaml", text, **changes)


@pytest.fixture
def reader(tmp_path: Path, engine: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    for name, value in engine.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "file.txt").write_text("x\n", encoding="utf-8")
    config = PrivateConfig(engine)
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent"))
        yield Reader(tmp_path, WhalesDocker(config, tmp_path, {}))
    config.close()


BAKE_APPLIED: dict[str, tuple[str, str, object]] = {
    "args": ('args = { A = "1" }', "args", {"A": "1"}),
    "attest": ('attest = ["type=sbom"]', "attest", ["type=sbom"]),
    "cache-from": ('cache-from = ["type=local,src=c"]', "cache-from", ["src={folder}/c,type=local"]),
    "cache-to": ('cache-to = ["type=inline"]', "cache-to", ["type=inline"]),
    "context": ('context = "web"', "context", "{folder}/web"),
    "contexts": ('contexts = { m = "../m" }', "contexts", {"m": "{parent}/m"}),
    "dockerfile": ('dockerfile = "D"', "dockerfile", "D"),
    "dockerfile-inline": ('dockerfile-inline = "FROM $${x}"', "dockerfile-inline", "FROM ${x}"),
    "entitlements": ('entitlements = ["network.host"]', "entitlements", ["network.host"]),
    "extra-hosts": ('extra-hosts = { h = "10.0.0.1" }', "extra-hosts", {"h": "10.0.0.1"}),
    "network": ('network = "host"', "network", "host"),
    "no-cache": ("no-cache = true", "no-cache", True),
    "no-cache-filter": ('no-cache-filter = ["run"]', "no-cache-filter", ["run"]),
    "platforms": ('platforms = ["linux/arm64"]', "platforms", ["linux/arm64"]),
    "pull": ("pull = true", "pull", True),
    "secret": ('secret = ["id=s,src=file.txt"]', "secret", ["id=s,src={folder}/file.txt"]),
    "shm-size": ('shm-size = "64m"', "shm-size", "64m"),
    "ssh": ('ssh = ["k=agent"]', "ssh", ["k={folder}/agent"]),
    "target": ('target = "run"', "target", "run"),
    "ulimits": ('ulimits = ["nofile=1:2"]', "ulimits", ["nofile=1:2"]),
    "output": (
        'output = ["type=image,compression=zstd"]',
        "output",
        ["type=docker,oci-mediatypes=true,compression=zstd"],
    ),
}
"""A target's keys that are applied: a line of the file, and the key and value that buildx gets to build."""


def placed(value: Any, folder: Path) -> Any:
    """Return an expected value with the folders in it."""
    if isinstance(value, str):
        return value.replace("{folder}", str(folder)).replace("{parent}", str(folder.parent))
    if isinstance(value, list):
        return [placed(entry, folder) for entry in value]
    return {key: placed(entry, folder) for key, entry in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("key", BAKE_APPLIED)
def test_a_bake_key_is_applied(reader: Reader, key: str) -> None:
    line, name, value = BAKE_APPLIED[key]
    result = reader.bake(line, allow=("network.host",))
    assert result.app.get(name) == placed(value, reader.folder), result.words
    assert result.words == ""


def test_a_definition_can_be_read_without_the_ssh_agent_that_its_build_needs(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    assert reader.bake('ssh = ["default"]').app["ssh"] == ["default"]


def test_labels_and_annotations_are_beside_ours(reader: Reader) -> None:
    result = reader.bake('labels = { l = "1" }\nannotations = ["index,manifest:a=1"]')
    assert result.app["labels"]["l"] == "1"
    assert "index,manifest:a=1" in result.app["annotations"]
    assert len(result.app["labels"]) > 1


def test_what_a_bake_target_inherits_and_its_matrix_are_its_own(reader: Reader) -> None:
    rest = 'target "_common" {\n args = { A = "1" }\n target = "run"\n}\n'
    result = reader.bake(
        'name = "app-${x}"\nmatrix = { x = ["1", "2"] }\ninherits = ["_common"]\nargs = { X = x }\ndescription = "d"',
        rest,
        repository=None,
        repository_prefix="team/",
    )
    assert {name: target["args"] for name, target in result.targets.items()} == {
        "app-1": {"A": "1", "X": "1"},
        "app-2": {"A": "1", "X": "2"},
    }
    assert {target["target"] for target in result.targets.values()} == {"run"}
    assert "description" not in result.targets["app-1"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('call = "check"', "app makes no image (call = "),
        ('output = ["type=cacheonly"]', "app makes no image (output type=cacheonly)"),
        ('output = ["type=local,dest=out"]', "app makes no image (output type=local)"),
        ('output = ["type=image", "type=tar,dest=x.tar"]', "app's output type=tar does nothing here"),
        ('tags = ["shop/app:1", "ghcr.io/acme/app"]', "shop/app:1 ghcr.io/acme/app"),
        ('entitlements = ["security.insecure"]', "ECR_ALLOW=security.insecure"),
        ('network = "host"', "ECR_ALLOW=network.host"),
    ],
)
def test_what_a_bake_target_wants_and_does_not_get_is_said(reader: Reader, body: str, words: str) -> None:
    assert words in reader.bake(body).words


def test_variables_functions_and_groups(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_ENV", "environment")
    text = """
variable "VERSION" { default = "none" }
variable "FROM_ENV" { default = "none" }
function "twice" {
  params = [x]
  result = "${x}${x}"
}
group "default" { targets = ["all"] }
group "all" { targets = ["app", "app"] }
target "app" { args = { A = twice(VERSION), B = FROM_ENV } }
"""
    result = reader.read("test.hcl", text, file_variables={"VERSION": "7", "FROM_ENV": "file"})
    assert result.app["args"] == {"A": "77", "B": "environment"}


COMPOSE_APPLIED: dict[str, tuple[str, str, object]] = {
    "additional_contexts": ("additional_contexts: {m: ../m}", "contexts", {"m": "{parent}/m"}),
    "args": ("args: [A=1]", "args", {"A": "1"}),
    "cache_from": ("cache_from: ['type=local,src=c']", "cache-from", ["src={folder}/c,type=local"]),
    "cache_to": ("cache_to: ['type=inline']", "cache-to", ["type=inline"]),
    "dockerfile": ("dockerfile: D", "dockerfile", "D"),
    "dockerfile_inline": ("dockerfile_inline: FROM $${x}", "dockerfile-inline", "FROM ${x}"),
    "entitlements": ("entitlements: [network.host]", "entitlements", ["network.host"]),
    "privileged": ("privileged: true", "entitlements", ["security.insecure"]),
    "extra_hosts": ("extra_hosts: ['h:10.0.0.1']", "extra-hosts", {"h": "10.0.0.1"}),
    "network": ("network: host", "network", "host"),
    "no_cache": ("no_cache: true", "no-cache", True),
    "no_cache_filter": ("no_cache_filter: [run]", "no-cache-filter", ["run"]),
    "platforms": ("platforms: [linux/arm64]", "platforms", ["linux/arm64"]),
    "provenance": ("provenance: mode=max", "attest", ["mode=max,type=provenance"]),
    "pull": ("pull: true", "pull", True),
    "sbom": ("sbom: true", "attest", ["type=sbom"]),
    "secrets": ("secrets: [{source: s, target: t}]", "secret", ["id=t,src={folder}/file.txt"]),
    "shm_size": ("shm_size: 64m", "shm-size", "64MiB"),
    "ssh": ("ssh: ['k=agent']", "ssh", ["k={folder}/agent"]),
    "target": ("target: run", "target", "run"),
    "ulimits": ("ulimits: {nofile: {soft: 1, hard: 2}}", "ulimits", ["nofile=1:2"]),
    "x-bake": ("x-bake: {output: ['type=docker,compression=zstd']}", "output", None),
}
"""A build section's keys that are applied: a line of the file, and the key and value that buildx gets to build."""


@pytest.mark.parametrize("key", COMPOSE_APPLIED)
def test_a_compose_key_is_applied(reader: Reader, key: str) -> None:
    line, name, value = COMPOSE_APPLIED[key]
    secrets = "secrets: {s: {file: file.txt}}\n"
    result = reader.compose(f"      {line}\n", "", secrets, allow=("network.host", "security.insecure"))
    if key == "no_cache_filter" and key in result.words:
        assert "not allowed" in result.words  # a buildx before compose had the key refuses it
        return
    if key == "x-bake":
        assert result.app["output"] == ["type=docker,oci-mediatypes=true,compression=zstd"]
    else:
        assert result.app.get(name) == placed(value, reader.folder), result.words
    assert result.words == ""


def test_labels_of_a_build_section_are_beside_ours(reader: Reader) -> None:
    assert reader.compose("      labels: {l: 1}\n").app["labels"]["l"] == "1"


@pytest.mark.parametrize(
    ("build", "service", "words"),
    [
        ("      tags: [shop/app:1]\n", "", "shop/app:1"),
        ("", "    image: shop/app\n", "shop/app"),
        ("      isolation: hyperv\n", "", "build.isolation (hyperv)"),
        ("      privileged: true\n", "", "ECR_ALLOW=security.insecure"),
        ("", "    profiles: [dev]\n", "COMPOSE_PROFILES"),
    ],
)
def test_what_a_service_wants_and_does_not_get_is_said(reader: Reader, build: str, service: str, words: str) -> None:
    assert words in reader.compose(build, service).words


def test_keys_of_a_service_that_bear_on_its_build(reader: Reader) -> None:
    assert reader.compose("", "    platform: linux/arm64\n").app["platforms"] == ["linux/arm64"]
    both = reader.compose("      platforms: [linux/386]\n", "    platform: linux/arm64\n")
    assert both.app["platforms"] == ["linux/386"]
    active = reader.compose("", "    profiles: [dev]\n", file_variables={"COMPOSE_PROFILES": "dev"})
    assert list(active.targets) == ["app"]
    assert reader.compose("", "    depends_on: [app2]\n", "  app2: {image: x}\n").words == ""


BAKE_KEYS = {
    *("annotations", "args", "attest", "cache-from", "cache-to", "call"),
    *("context", "contexts", "description", "dockerfile", "dockerfile-inline", "entitlements"),
    *("extra-hosts", "inherits", "labels", "matrix", "name", "network"),
    *("no-cache", "no-cache-filter", "output", "platforms", "pull", "secret"),
    *("shm-size", "ssh", "tags", "target", "ulimits"),
}
COMPOSE_KEYS = {
    *("additional_contexts", "args", "cache_from", "cache_to", "context", "dockerfile"),
    *("dockerfile_inline", "entitlements", "extra_hosts", "isolation", "labels", "network"),
    *("no_cache", "no_cache_filter", "platforms", "privileged", "provenance", "pull"),
    *("sbom", "secrets", "shm_size", "ssh", "tags", "target"),
    *("ulimits",),
}


def test_every_key_has_a_test() -> None:
    """Those that are not in a table have a test of their own above."""
    own = {"annotations", "labels", "call", "description", "inherits", "matrix", "name", "tags"}
    assert BAKE_APPLIED.keys() | own == BAKE_KEYS
    assert COMPOSE_APPLIED.keys() - {"x-bake"} | {"context", "labels", "isolation", "tags"} == COMPOSE_KEYS


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.hcl", 'target "app" {\n  args = {\n', "a.hcl:3"),
        ("a.hcl", 'group "default" { targets = ["gone"] }\n', "There is no target gone"),
        (
            "a.hcl",
            'target "app" { context = "${gone}" }\n',
            "a.hcl:1,29-33: Unknown variable; There is no variable named",
        ),
        ("a.json", '{"target": {', "a.json:1"),
        ("a.yaml", "services:\n  app:\n    build: [\n", "line 3"),
        (
            "a.yaml",
            "services: {app: {build: ., image: '${GONE:?must be set}'}}\n",
            "GONE is missing a value: must be set",
        ),
        ("a.yaml", "services: {app: {build: {colour: 1}}}\n", "colour"),
    ],
)
def test_a_file_that_cant_be_read_is_an_error_with_its_place(
    reader: Reader, name: str, text: str, words: str
) -> None:
    (reader.folder / name).write_text(text, encoding="utf-8")
    chosen = settings(project=reader.folder, bake_file=(reader.folder / name,))
    files = definition_files(chosen, {})
    assert files is not None
    with pytest.raises((BuildError, SettingsError)) as caught:  # buildx's, or ours where we read the file first
        resolve(files, chosen, os.environ, reader._docker.targets)
    assert words in caught.value.cause
    assert "other diagnostic" not in caught.value.cause
    remedies = (rf"Mend {re.escape(name)}[;.]", ".*Correct the name", "Set GONE in the environment")
    assert any(re.match(remedy, caught.value.remedy) for remedy in remedies)


def test_a_missing_env_file_has_a_way_on(reader: Reader) -> None:
    file = reader.folder / "compose.yaml"
    chosen = settings(project=reader.folder, bake_file=(file,))
    file.write_text("services: {app: {build: ., env_file: .env.app}}\n", encoding="utf-8")
    files = definition_files(chosen, {})
    assert files is not None
    with pytest.raises(BuildError, match=r"\.env\.app is not there"):
        resolve(files, chosen, os.environ, reader._docker.targets)
    file.write_text("services: {app: {build: ., env_file: [{path: .env.app, required: false}]}}\n", encoding="utf-8")
    assert list(resolve(files, chosen, os.environ, reader._docker.targets).targets) == ["app"]


def test_a_file_without_a_default_group_says_how_to_choose(reader: Reader) -> None:
    (reader.folder / "a.hcl").write_text(
        'group "images" { targets = ["app"] }\ntarget "app" {\n}\n', encoding="utf-8"
    )
    more = reader.folder / "more.hcl"
    chosen = settings(project=reader.folder, bake_file=(reader.folder / "a.hcl",))
    files = definition_files(chosen, {})
    assert files is not None
    with pytest.raises(BuildError, match="no group or target default") as caught:
        resolve(files, chosen, os.environ, reader._docker.targets)
    group = caught.value.remedy[caught.value.remedy.index("group ") :].partition("}")[0].replace("NAME", "app") + "}"
    more.write_text(group, encoding="utf-8")
    both = replace(files, paths=(*files.paths, more))
    assert list(resolve(both, chosen, os.environ, reader._docker.targets).targets) == ["app"]
