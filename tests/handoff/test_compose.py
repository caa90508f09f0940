"""Tests of the format compose."""

from __future__ import annotations

import pytest
import yaml

from ecr_tasks.errors import SettingsError
from ecr_tasks.handoff.compose import write
from ecr_tasks.handoff.handoff import Extras
from tests.handoff.build import published
from tests.support.build import HOST


def services(text: str) -> dict[str, str]:
    """Return the image of each service; every service resets its build."""
    document = yaml.safe_load(text.replace("build: !reset null", "build: reset"))
    assert all(service["build"] == "reset" for service in document["services"].values())
    return {name: service["image"] for name, service in document["services"].items()}


def test_a_service_has_the_name_of_its_image() -> None:
    images = [published("api"), published("yes"), published("team/app")]
    assert services(write(images, Extras()).text) == {
        "api": images[0].reference,
        "yes": images[1].reference,
        "app": images[2].reference,
    }


def test_the_services_of_a_file_are_found_by_their_images() -> None:
    text = f"""
services:
  web:
    image: {HOST}/team/app:main
  worker:
    image: ${{REGISTRY:-localhost}}/team/app:${{TAG:-latest}}
    build: !reset null
  staging:
    image: 210987654321.dkr.ecr.us-east-1.amazonaws.com/team/app@sha256:0
  db:
    image: postgres:17
  other:
    image: {HOST}/team/app2
  hub:
    image: docker.io/team/app
  app:
    build: .
"""
    handoff = write([published()], Extras(text))
    assert [*services(handoff.text)] == ["web", "worker", "staging"]
    assert [note.partition(":")[0] for note in handoff.notes] == ["web", "worker", "staging", "hub"]
    assert handoff.notes[0] == f"web: {HOST}/team/app:main -> {published().reference}"
    assert handoff.notes[-1] == "hub: stays at docker.io/team/app, which is on another host"


def test_a_service_of_the_images_name_that_ran_another_image_is_named() -> None:
    text = "services: {app: {image: 'docker.io/other/app:1'}}"
    handoff = write([published()], Extras(text))
    assert handoff.notes == (f"app: docker.io/other/app:1 -> {published().reference}",)


def test_a_service_that_is_only_built_is_found_by_its_name() -> None:
    text = "services: {api: {build: api}, web: {build: web}}"
    handoff = write([published("api"), published("job")], Extras(text))
    assert [*services(handoff.text)] == ["api"]
    assert handoff.notes[1:] == ("job: no service of that file runs it",)


@pytest.mark.parametrize(
    "text", ["", "[]", "services: 1", "a: [", "services: {db: {image: postgres}}", "services: {}", "a: !!python/x y"]
)
def test_a_file_without_our_services_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        write([published()], Extras(text))
