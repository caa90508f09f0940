"""The files that every pipeline can read."""

from __future__ import annotations

import json

from ecr_tasks.ci.outputs.files import files
from ecr_tasks.ci.outputs.model import Outputs
from tests.ci.outputs.build import NAME, REFERENCE, STORED, TAGS, output, outputs
from tests.support.build import HOST


def test_the_files() -> None:
    written = {action.name: action.text for action in files(outputs(output(), output(name="other")))}
    assert set(written) == {"outputs.env", "outputs.json", "outputs.properties", "summary.md"}
    assert written["outputs.env"].splitlines() == [
        f"IMAGE={REFERENCE}",
        f"IMAGE_DIGEST={STORED.digest}",
        f"IMAGE_REPOSITORY={HOST}/{NAME}",
        f"IMAGE_TAGS={','.join(TAGS)}",
        "IMAGE_VERSION=1.2.3",
        "IMAGE_RECEIPT=.ecr-tasks/receipt.json",
    ]
    document = json.loads(written["outputs.json"])
    assert document["schema"] == 1
    assert document["image"] == REFERENCE
    assert document["tags"] == list(TAGS)
    assert [image["name"] for image in document["images"]] == [NAME, "other"]
    assert f"image={REFERENCE}\n" in written["outputs.properties"]


def test_no_image_no_values() -> None:
    written = {action.name: action.text for action in files(Outputs((), "receipt.json"))}
    assert written["outputs.env"] == ""
    assert json.loads(written["outputs.json"]) == {"schema": 1}
