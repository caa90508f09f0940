"""The files that start the local ECR as a service: valid for each system, and what they start answers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.wrappers import WRAPPERS

FILES = WRAPPERS / "local-ecr"
TOOLS = Path(sys.executable).parent
DOCKERFILE = (FILES / "Dockerfile").read_text("utf-8")


def run(*arguments: str | Path) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def instruction(name: str) -> list[str]:
    """Return the arguments of an instruction of the Dockerfile in its JSON form."""
    (line,) = [line for line in DOCKERFILE.splitlines() if line.startswith(name)]
    words: list[str] = json.loads(line[line.index("[") :])
    return words


def environment(name: str) -> dict[str, Any]:
    if name == "devcontainer.json":
        found: dict[str, Any] = json.loads((FILES / name).read_text("utf-8"))["remoteEnv"]
        return found
    (job,) = (document := yaml.safe_load((FILES / name).read_text("utf-8"))).get("jobs", document).values()
    return {**job.get("env", {}), **job.get("variables", {})}


@pytest.mark.parametrize(
    ("schema", "name", "options"),
    [
        ("vendor.github-workflows", "github.yml", []),
        ("vendor.gitlab-ci", "gitlab.yml", ["--data-transform", "gitlab-ci"]),
        ("vendor.compose-spec", "compose.yaml", []),
        ("vendor.compose-spec", "devcontainer.compose.yaml", []),
    ],
)
def test_it_fits_the_vendors_schema(schema: str, name: str, options: list[str]) -> None:
    run(TOOLS / "check-jsonschema", "--builtin-schema", schema, *options, FILES / name)


def test_zizmor_finds_no_weakness_in_the_workflow(tmp_path: Path) -> None:
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    shutil.copy(FILES / "github.yml", folder / "try.yml")
    run(TOOLS / "zizmor", "--offline", "--no-progress", tmp_path)


@pytest.mark.parametrize(
    ("name", "advertised"),
    [("github.yml", None), ("gitlab.yml", "ecr:5000"), ("devcontainer.json", None)],
)
def test_clients_are_led_to_where_the_server_says_that_it_is(name: str, advertised: str | None) -> None:
    default = instruction("CMD")
    expected = default[-1] if advertised is None else advertised
    found = environment(name)
    assert found["AWS_ENDPOINT_URL_ECR"] == found["AWS_ENDPOINT_URL_STS"] == f"http://{expected}"
    if advertised is not None:
        services = yaml.safe_load((FILES / name).read_text("utf-8"))["try"]["services"]
        assert services[0]["command"] == [default[0], advertised]
        assert f"--insecure-registry={advertised}" in services[1]["command"]


def test_what_the_image_starts_serves_from_the_standard_library_alone(tmp_path: Path) -> None:
    """The image's own command, with free port and folder; ``-S`` leaves out all that pip has installed."""
    copied = next(line.split()[1] for line in DOCKERFILE.splitlines() if line.startswith("COPY"))
    shutil.copytree(WRAPPERS.parent / copied, tmp_path / "app/local_ecr")
    command = [*instruction("ENTRYPOINT"), *instruction("CMD")]
    changed = {"python3": sys.executable, "/data": str(tmp_path / "data"), "5000": "0"}
    words = [changed.get(word, word) for word in command]
    words[1:1] = ["-S"]
    with subprocess.Popen(words, cwd=tmp_path / "app", stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = json.loads(server.stdout.readline())
            assert address["registry"] == "localhost:5000"
            health = [word.replace(":5000/", f":{address['port']}/") for word in instruction("HEALTHCHECK")]
            run(sys.executable, *health[1:])
        finally:
            server.terminate()
