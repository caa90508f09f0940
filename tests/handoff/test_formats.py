"""Tests of the formats that have no test module of their own, and of the table of all."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from ecr_tasks.errors import SettingsError
from ecr_tasks.handoff import cdk, json_document, kubernetes, terraform
from ecr_tasks.handoff.formats import FORMATS, format_of
from ecr_tasks.handoff.handoff import Extras
from tests.handoff.build import published
from tests.support.build import HOST, MANIFEST, digest


def test_json_has_every_part_of_a_name() -> None:
    (image,) = json.loads(json_document.write([published()], Extras()).text)["images"]
    assert image == {
        "name": "team/app",
        "reference": f"{HOST}/team/app@{digest('team/app')}",
        "registry": HOST,
        "repository": "team/app",
        "digest": digest("team/app"),
        "tags": ["sha-a1b2c3d", "main"],
        "platforms": ["linux/amd64"],
        "media_type": MANIFEST,
    }


def test_kubernetes_is_a_component_that_names_images_with_and_without_the_registry() -> None:
    document = yaml.safe_load(kubernetes.write([published("api")], Extras()).text)
    assert (document["apiVersion"], document["kind"]) == ("kustomize.config.k8s.io/v1alpha1", "Component")
    new = {"newName": f"{HOST}/team/api", "digest": digest("api")}
    assert document["images"] == [{"name": "team/api", **new}, {"name": f"{HOST}/team/api", **new}]


def test_terraform_has_a_variable_for_each_image() -> None:
    images = [published(), published("api"), published("job.runner")]
    variables = json.loads(terraform.write(images, Extras()).text)
    assert variables == dict(
        zip(("image", "image_api", "image_job_runner"), [image.reference for image in images], strict=True)
    )
    assert all(re.fullmatch("[a-z_][a-z0-9_-]*", name) for name in variables)
    with pytest.raises(SettingsError, match=r"a-b and a_b"):
        terraform.write([published("a-b"), published("a_b")], Extras())


def test_cdk_keeps_every_other_key_of_a_context() -> None:
    before = {"availability-zones:x": ["a", "b"], cdk.KEY: {"job": {"digest": "old"}, "api": 1}}
    context = json.loads(cdk.write([published("api")], Extras(json.dumps(before))).text)
    assert context["availability-zones:x"] == ["a", "b"]
    assert context[cdk.KEY]["job"] == {"digest": "old"}
    assert context[cdk.KEY]["api"] == {
        "repository": "team/api",
        "digest": digest("api"),
        "registry": HOST,
        "reference": published("api").reference,
    }
    assert [*json.loads(cdk.write([published("api")], Extras()).text)] == [cdk.KEY]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1, "a": 2}'])
def test_what_is_no_context_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        cdk.write([published()], Extras(text))


def test_an_unknown_format_lists_them_all() -> None:
    with pytest.raises(SettingsError, match="Did you mean kubernetes") as error:
        format_of("kubernets", Extras())
    assert ", ".join(FORMATS) in error.value.remedy
    assert "mean" not in format_unknown("zzz")


def format_unknown(name: str) -> str:
    """Return the remedy for an unknown format."""
    with pytest.raises(SettingsError) as error:
        format_of(name, Extras())
    return error.value.remedy


@pytest.mark.parametrize(
    ("name", "extras"), [("env", Extras("text")), ("lambda", Extras("{}")), ("ecs", Extras(function="app"))]
)
def test_what_a_format_does_not_take_is_refused(name: str, extras: Extras) -> None:
    with pytest.raises(SettingsError):
        format_of(name, extras)
