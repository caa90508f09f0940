"""Tests of the format ecs, held to botocore's model of the API."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.errors import SettingsError
from ecr_tasks.handoff.ecs import READ_ONLY, write
from ecr_tasks.handoff.handoff import Extras
from tests.handoff.build import published
from tests.support.build import HOST

MODEL = botocore.session.get_session().get_service_model("ecs")
REGISTER = MODEL.shape_for("RegisterTaskDefinitionRequest")


def members(shape: Any) -> set[str]:
    """Return the names of a shape's members."""
    return set(shape.members)


def described(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return what `aws ecs describe-task-definition --include TAGS` prints."""
    return {
        "taskDefinition": {
            "taskDefinitionArn": "arn:aws:ecs:eu-central-1:123456789012:task-definition/app:7",
            "containerDefinitions": list(containers),
            "family": "app",
            "revision": 7,
            "status": "ACTIVE",
            "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.docker-remote-api.1.19"}],
            "compatibilities": ["EC2", "FARGATE"],
            "registeredAt": "2026-01-02T03:04:05+00:00",
            "registeredBy": "arn:aws:iam::123456789012:user/a",
            "cpu": "256",
            **more,
        },
        "tags": [{"key": "team", "value": "a"}],
    }


def written(document: Any, *names: str) -> Any:
    """Return the task definition that the format writes."""
    return json.loads(write([published(name) for name in names or ("team/app",)], Extras(json.dumps(document))).text)


def test_what_describe_gives_is_what_register_takes() -> None:
    document = described(
        {"name": "web", "image": f"{HOST}/team/app:old", "environment": [{"name": "A", "value": "ä"}]},
        {"name": "proxy", "image": "public.ecr.aws/nginx/nginx:1"},
    )
    definition = written(document)
    report = ParamValidator().validate(definition, REGISTER)
    assert not report.has_errors(), report.generate_report()
    assert [container["image"] for container in definition["containerDefinitions"]] == [
        published().reference,
        "public.ecr.aws/nginx/nginx:1",
    ]
    assert definition["containerDefinitions"][0]["environment"] == [{"name": "A", "value": "ä"}]
    assert definition["tags"] == [{"key": "team", "value": "a"}]
    assert definition["cpu"] == "256"


def test_everything_that_register_refuses_is_left_out() -> None:
    """A member that AWS adds to what it describes, and not to what it takes, makes this test fail."""
    assert set(READ_ONLY) == members(MODEL.shape_for("TaskDefinition")) - members(REGISTER)


def test_a_definition_from_a_file_is_taken_as_it_is() -> None:
    definition = {"family": "app", "containerDefinitions": [{"name": "app", "image": "hello-world"}]}
    assert written(definition)["containerDefinitions"][0]["image"] == published().reference


def test_a_container_of_another_name_is_named_with_what_it_runs() -> None:
    with pytest.raises(SettingsError, match=r"web \(nginx\)"):
        written(described({"name": "web", "image": "nginx"}))


def test_an_official_image_of_docker_hub_is_not_ours() -> None:
    redis = published("redis", repository="redis")
    text = json.dumps(described({"name": "cache", "image": "redis:7"}, {"name": "main", "image": "redis"}))
    definition = json.loads(write([redis], Extras(text)).text)
    assert [item["image"] for item in definition["containerDefinitions"]] == ["redis:7", redis.reference]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "1", "{}", '{"containerDefinitions": [1]}', '{"containerDefinitions": [{"image": "a"}]}']
)
def test_what_is_no_task_definition_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        write([published()], Extras(text))


def test_a_definition_must_be_given() -> None:
    with pytest.raises(SettingsError, match="describe-task-definition"):
        write([published()], Extras())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda items: st.lists(items, max_size=3) | st.dictionaries(st.text(max_size=5), items, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["volumes", "cpu", "futureMember", *READ_ONLY]), JSON))
def test_every_other_part_of_a_definition_stays_as_it_is(parts: dict[str, Any]) -> None:
    definition = {"containerDefinitions": [{"name": "web", "image": "team/app", "x": 1}], **parts}
    expected = {key: value for key, value in definition.items() if key not in READ_ONLY}
    expected["containerDefinitions"] = [{"name": "web", "image": published().reference, "x": 1}]
    assert written(definition) == expected
