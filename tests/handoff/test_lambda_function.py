"""Tests of the format lambda, held to botocore's model of the API."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.handoff.handoff import Extras
from ecr_tasks.handoff.lambda_function import write
from tests.handoff.build import published
from tests.support.build import INDEX

MODEL = botocore.session.get_session().get_service_model("lambda")
UPDATE = MODEL.shape_for("UpdateFunctionCodeRequest")
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:app"


@pytest.mark.parametrize("function", ["app", ARN, f"{ARN}:live", "123456789012:function:app"])
@pytest.mark.parametrize(("platform", "architecture"), [("linux/amd64", "x86_64"), ("linux/arm64", "arm64")])
def test_the_input_of_update_function_code(function: str, platform: str, architecture: str) -> None:
    handoff = write([published(platforms=(platform,))], Extras(function=function))
    document = json.loads(handoff.text)
    report = ParamValidator().validate(document, UPDATE)
    assert not report.has_errors(), report.generate_report()
    assert document == {
        "FunctionName": function,
        "ImageUri": published().reference,
        "Architectures": [architecture],
    }


def test_what_is_not_known_is_left_out() -> None:
    handoff = write([published(platforms=())], Extras())
    assert json.loads(handoff.text) == {"ImageUri": published().reference}
    assert "eu-central-1" in handoff.notes[0]


@pytest.mark.parametrize(
    ("changes", "function", "words"),
    [
        ({"media_type": INDEX}, None, "ECR_PRESET=lambda"),
        ({"platforms": ("linux/s390x",)}, None, "linux/s390x"),
        ({"registry": "127.0.0.1:5000"}, None, "private"),
        ({"registry": "public.ecr.aws"}, None, "private"),
        ({}, ARN.replace("eu-central-1", "us-east-1"), "us-east-1"),
    ],
)
def test_an_image_that_the_function_cannot_run_is_refused(
    changes: dict[str, Any], function: str | None, words: str
) -> None:
    with pytest.raises(Refused, match=words):
        write([published(**changes)], Extras(function=function))


def test_one_function_runs_one_image() -> None:
    with pytest.raises(SettingsError, match="api, job"):
        write([published("api"), published("job")], Extras())


@pytest.mark.parametrize("name", ["", "a b", "arn:aws:s3:::bucket", "x" * 65, f"{ARN[:-3]}{'x' * 65}", "$(id)"])
def test_what_is_no_functions_name_is_refused(name: str) -> None:
    with pytest.raises(SettingsError):
        write([published()], Extras(function=name))
