"""The docker port with a program of ours in buildx's place, for what a real one does too seldom to be tested."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecr_tasks.clients.docker.client import WhalesDocker
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.docker.parse import built, loaded_config
from ecr_tasks.errors import BuildError
from ecr_tasks.model.image import BuildDefinition, BuildInput

DIGEST = "sha256:" + "a" * 64
RECORDED = Path(__file__).parents[2] / "data" / "docker"
PLUGIN = """#!/bin/sh
echo begun >>{folder}/builds
if [ "$(wc -l <{folder}/builds)" -le {failures} ]; then cat {said}; exit 1; fi
while [ "$1" != --metadata-file ]; do shift; done
echo '{metadata}' >"$2"
"""


def builder(folder: Path, said: str, failures: int) -> WhalesDocker:
    """A buildx that fails so many times with a recording's words."""
    plugin = folder / "docker" / "cli-plugins" / "docker-buildx"
    plugin.parent.mkdir(parents=True)
    metadata = json.dumps({"app": {"containerimage.digest": DIGEST, "containerimage.descriptor": {"digest": DIGEST}}})
    text = PLUGIN.format(folder=folder, failures=failures, said=RECORDED / f"{said}.txt", metadata=metadata)
    plugin.write_text(text, encoding="utf-8")
    plugin.chmod(0o755)
    config = PrivateConfig({"DOCKER_CONFIG": str(folder / "docker")}, folder)
    return WhalesDocker(config, folder, {})


def build(port: WhalesDocker) -> str | None:
    return port.build([BuildInput("app", BuildDefinition("."), ("app:latest",), "store")], None)["app"].digest


def begun(folder: Path) -> int:
    return len((folder / "builds").read_text(encoding="utf-8").splitlines())


def test_a_name_that_another_build_gave_at_that_moment_is_given_once_more(tmp_path: Path) -> None:
    assert build(builder(tmp_path, "name-race", failures=2)) == DIGEST
    assert begun(tmp_path) == 3


def test_a_name_that_is_taken_every_time_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="already exists"):
        build(builder(tmp_path, "name-race", failures=99))
    assert begun(tmp_path) == 5


def test_a_build_that_fails_of_itself_is_not_begun_again(tmp_path: Path) -> None:
    with pytest.raises(BuildError):
        build(builder(tmp_path, "failing-run", failures=99))
    assert begun(tmp_path) == 1


CONFIG = "sha256:" + "c" * 64
LOADED = {
    "buildx.build.ref": "beside/beside0/xyz",
    "containerimage.config.digest": CONFIG,
    "containerimage.descriptor": {"digest": DIGEST, "platform": {"architecture": "amd64", "os": "linux"}},
    "containerimage.digest": DIGEST,
}
"""What buildx tells of an image that a builder beside the engine made and loaded into the store."""


def test_only_what_a_builder_beside_the_engine_made_is_asked_for(tmp_path: Path) -> None:
    assert loaded_config(LOADED, tmp_path) is None  # the engine's own builder has no file there
    (tmp_path / "beside").touch()
    assert loaded_config(LOADED, tmp_path) == CONFIG
    assert loaded_config({**LOADED, "buildx.build.ref": "default/default/xyz"}, tmp_path) is None
    assert loaded_config({name: LOADED[name] for name in LOADED if "ref" not in name}, tmp_path) == CONFIG


@pytest.mark.parametrize(
    ("known_as", "digest", "image_id"), [(None, DIGEST, DIGEST), (DIGEST, DIGEST, DIGEST), (CONFIG, None, CONFIG)]
)
def test_a_classic_store_makes_its_own_manifest_of_what_was_loaded(
    known_as: str | None, digest: str | None, image_id: str
) -> None:
    item = BuildInput("app", BuildDefinition("."), ("app:latest",), "store")
    result = built(item, LOADED, loaded_as=known_as)
    assert (result.digest, result.image_id, result.platforms) == (digest, image_id, ("linux/amd64",))
