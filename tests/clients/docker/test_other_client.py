"""Podman in docker's place: what it is started with, and what it is not asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecr_tasks.clients.docker.client import WhalesDocker
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.docker.machine import LocalMachine
from ecr_tasks.errors import BuildError
from ecr_tasks.model.image import BuildDefinition, BuildInput
from ecr_tasks.model.registry import RegistryToken

ID = "sha256:" + "1" * 64
PODMAN = f"""#!/bin/sh
echo "$* | $VERSION" >>{{folder}}/calls
grep -c '"host"' "$REGISTRY_AUTH_FILE" >>{{folder}}/logins
[ "$1" = info ] && echo linux/arm64
case "$*" in
  "container ls"*) echo 1 ;;
  "container inspect"*) cat {{folder}}/containers; echo 'Error: no such container "2"' >&2; exit 125 ;;
  "image inspect"*) cat {{folder}}/images; echo 'Error: inspecting object: gone: image not known' >&2; exit 125 ;;
esac
while [ $# -gt 0 ]; do [ "$1" = --iidfile ] && echo {ID} >"$2"; shift; done
exit 0
"""


@pytest.fixture
def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WhalesDocker:
    script = tmp_path / "bin" / "podman"
    script.parent.mkdir()
    script.write_text(PODMAN.format(folder=tmp_path), "utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    config = PrivateConfig({"DOCKER_CONFIG": str(tmp_path / "docker")}, tmp_path)
    return WhalesDocker(config, tmp_path, {}, program="podman")


def test_it_builds_and_pushes_with_the_runs_own_login(podman: WhalesDocker, tmp_path: Path) -> None:
    podman.authorize(RegistryToken("host", "AWS", "hush"))
    definition = BuildDefinition("/project", args={"VERSION": "1.2"})
    result = podman.build([BuildInput("app", definition, ("team/app:main",))], None)["app"]
    assert (result.digest, result.image_id) == (None, ID)
    podman.push("host/team/app:main")
    podman.push("127.0.0.1:5000/team/app:main")
    build, push, local = (tmp_path / "calls").read_text("utf-8").splitlines()
    assert build.startswith("build --build-arg VERSION --tag team/app:main --iidfile ")
    assert build.endswith(" /project | 1.2")
    assert (push, local) == (
        "push host/team/app:main | ",
        "push --tls-verify=false 127.0.0.1:5000/team/app:main | ",
    )
    assert (tmp_path / "logins").read_text("utf-8").split() == ["1", "1", "1"]


def test_what_needs_buildx_is_refused(podman: WhalesDocker, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="podman has no buildx"):
        podman.targets(["docker-bake.hcl"], tmp_path, {})
    with pytest.raises(BuildError, match="lacks several platforms"):
        podman.build([BuildInput("app", BuildDefinition(".", platforms=("linux/amd64", "linux/arm64")), ())], None)
    assert not (tmp_path / "calls").exists()


def test_its_images_are_known_by_the_ids_that_it_gives_builds(podman: WhalesDocker, tmp_path: Path) -> None:
    """Podman's documents have ids without their algorithm, and names of no registry at localhost."""
    podman.authorize(RegistryToken("host", "AWS", "hush"))
    used, kept, free = ("2" * 64, "3" * 64, "4" * 64)
    names = {used: "localhost/team/app:old", kept: "localhost/ecr-tasks-build:0123", free: "host/team/app:older"}
    documents = [{"Id": one, "RepoTags": [name]} for one, name in names.items()]
    (tmp_path / "images").write_text(json.dumps(documents), "utf-8")
    (tmp_path / "containers").write_text(json.dumps([{"Id": "1", "Image": used, "Config": {}}]), "utf-8")
    images = podman.local_images([f"sha256:{one}" for one in names])
    assert {image.id: image.used for image in images} == {
        f"sha256:{used}": True,
        f"sha256:{kept}": True,
        f"sha256:{free}": False,
    }


def test_it_says_for_which_platform_it_builds_and_is_asked_once(podman: WhalesDocker, tmp_path: Path) -> None:
    podman.authorize(RegistryToken("host", "AWS", "hush"))
    assert [podman.engine(None).platform for _ in range(2)] == ["linux/arm64"] * 2
    assert (tmp_path / "calls").read_text("utf-8") == "info --format {{.Host.OS}}/{{.Host.Arch}} | \n"


def test_it_is_asked_for_its_engine_before_its_version(
    tmp_path: Path, podman: WhalesDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = LocalMachine({}, tmp_path)
    script = tmp_path / "bin" / "podman"
    script.write_text('#!/bin/sh\n[ "$1" = info ] || echo podman version 5.4.2\n', "utf-8")
    assert machine.other_client("podman") == "podman version 5.4.2"
    script.write_text("#!/bin/sh\necho Error: unable to connect to Podman socket. >&2\nexit 125\n", "utf-8")
    with pytest.raises(BuildError) as error:
        machine.other_client("podman")
    assert error.value.cause == "podman does not work here: unable to connect to Podman socket."
    assert "`podman info`" in error.value.remedy


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    port = WhalesDocker(PrivateConfig({}, tmp_path), tmp_path, {}, program="finch")
    with pytest.raises(BuildError, match="The finch command was not found"):
        port.push("host/app")
