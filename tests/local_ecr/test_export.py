"""The task export against the local ECR: what it asks, and that looking is no pull."""

from __future__ import annotations

import json
from typing import Any

from tests.local_ecr.http_client import HttpClient, digest_of
from tests.local_ecr.shell import Shell


def test_an_image_is_looked_up_in_two_calls_without_a_pull(
    shell: Shell, api: Any, http: HttpClient, repository: str
) -> None:
    digest = digest_of(http.push_image(repository, "v1", b"layer"))
    for source in ("v1", digest):
        done, calls = shell.calls("export", "json", source)
        (image,) = json.loads(done.stdout)["images"]
        assert image["reference"] == f"{shell.ecr.registry}/{repository}@{digest}"
        assert image["tags"] == ["v1"]
        assert calls == {"DescribeRepositories": 1, "DescribeImages": 1}
    (detail,) = api.describe_images(repositoryName=repository)["imageDetails"]
    assert "lastRecordedPullTime" not in detail


def test_an_index_is_known_as_one(shell: Shell, http: HttpClient, repository: str) -> None:
    child = http.push_image(repository, None, b"layer")
    http.push_index(repository, "v1", [child])
    done = shell.inv("export", "lambda", "v1")
    assert (done.returncode, done.stdout) == (6, "")
    (image,) = json.loads(shell.inv("export", "json", "v1").stdout)["images"]
    assert "index" in image["media_type"]
