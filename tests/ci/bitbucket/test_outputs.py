"""What Bitbucket Pipelines gets: assignments in the file that it names."""

from __future__ import annotations

from ecr_tasks.ci.bitbucket.outputs import Bitbucket
from ecr_tasks.ci.outputs.adapter import Append
from tests.ci.outputs.build import FOLDER, REFERENCE, actions_of, outputs


def test_bitbucket_assigns() -> None:
    (appended,) = actions_of(Bitbucket())
    assert isinstance(appended, Append)
    assert appended.path == "/ci/variables"
    assert f"IMAGE={REFERENCE}\n" in appended.text
    assert "IMAGES=" not in appended.text
    assert list(Bitbucket().outputs(outputs(), {}, FOLDER)) == []
