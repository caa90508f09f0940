"""What CircleCI gets: exports in the file that it names."""

from __future__ import annotations

import json
import shlex

from ecr_tasks.ci.circleci.outputs import CircleCi
from ecr_tasks.ci.outputs.adapter import Append
from tests.ci.outputs.build import FOLDER, REFERENCE, actions_of, outputs


def test_circleci_exports() -> None:
    (appended,) = actions_of(CircleCi())
    assert isinstance(appended, Append)
    assert appended.path == "/ci/bash_env"
    assert f"export IMAGE={REFERENCE}\n" in appended.text
    exported = dict(shlex.split(line)[1].split("=", 1) for line in appended.text.splitlines())
    assert json.loads(exported["IMAGES"])[0]["image"] == REFERENCE
    assert list(CircleCi().outputs(outputs(), {}, FOLDER)) == []
