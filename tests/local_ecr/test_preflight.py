"""The look at the registry before a build, by the real SDK: how many calls, how many at once, and what they miss."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from ecr_tasks.clients.ecr.registry import EcrRegistry
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.errors import RegistryError
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.model.manifest import REVISION
from ecr_tasks.settings.load import load
from tests.local_ecr.http_client import OCI_INDEX, OCI_MANIFEST, HttpClient, descriptor, digest_of
from tests.support.build import REVISION_B

SIDE_BY_SIDE = 8


class Looking:
    """A registry, and the SDK client that it looks with."""

    def __init__(self, ecr: LocalEcr, project: Path) -> None:
        settings = load(project, environ=ecr.environment())
        aws = AwsSession(settings)
        self.events = aws.ecr().meta.events
        self.registry = EcrRegistry(settings, aws)


@pytest.fixture
def looking(ecr: LocalEcr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looking:
    for name, value in ecr.environment().items():
        monkeypatch.setenv(name, value)
    return Looking(ecr, tmp_path)


def test_more_tags_than_one_call_takes_cost_a_call_for_each_hundred(
    looking: Looking, ecr: LocalEcr, http: HttpClient, repository: str
) -> None:
    raw = http.push_image(repository, "t249", b"layer")
    before = ecr.requests()
    tags = [f"t{number}" for number in range(250)]
    view = looking.registry.describe({repository: tags})[repository]
    assert {tag: image.digest for tag, image in view.tags.items()} == {"t249": digest_of(raw)}
    assert ecr.requests()["BatchGetImage"] - before.get("BatchGetImage", 0) == 3
    assert ecr.requests()["DescribeRepositories"] - before.get("DescribeRepositories", 0) == 1


def test_twenty_images_are_looked_at_side_by_side(looking: Looking, ecr: LocalEcr, api: Any) -> None:
    names = [f"team/app-{number}" for number in range(20)]
    for name in names:
        api.create_repository(repositoryName=name)
    before = ecr.requests()
    together, first = Barrier(SIDE_BY_SIDE), iter(range(SIDE_BY_SIDE))

    def wait(**_: object) -> None:
        if next(first, None) is not None:
            together.wait(20)  # a look that waits for another one's answer breaks the barrier

    looking.events.register("before-send.ecr", wait)
    views = looking.registry.describe({name: ["main"] for name in names})
    assert [view.repository.name for view in views.values() if view.repository] == names
    asked = {call: number - before.get(call, 0) for call, number in ecr.requests().items() if call not in before}
    asked["DescribeRepositories"] = ecr.requests()["DescribeRepositories"] - before.get("DescribeRepositories", 0)
    assert asked == {"DescribeRepositories": 20, "BatchGetImage": 20}


@pytest.mark.parametrize("code", ["KmsError", "ImageInaccessible"])
def test_a_tag_whose_image_ecr_can_not_read_is_not_taken_for_free(
    looking: Looking, repository: str, code: str
) -> None:
    def fail(parsed: dict[str, Any], **_: object) -> None:
        parsed["failures"] = [
            {"imageId": {"imageTag": "1.2.3"}, "failureCode": code, "failureReason": "The key is disabled."}
        ]

    looking.events.register("after-call.ecr.BatchGetImage", fail)
    with pytest.raises(RegistryError) as caught:
        looking.registry.describe({repository: ["1.2.3"]})
    assert caught.value.cause == (f"ECR can't read the image 1.2.3 of team/app: The key is disabled ({code}).")


@pytest.mark.parametrize("index", [False, True])
def test_the_labels_of_a_configuration_say_what_an_image_was_built_from(
    looking: Looking, http: HttpClient, repository: str, *, index: bool
) -> None:
    config = json.dumps({"config": {"Labels": {REVISION: REVISION_B}}}).encode()
    raw = http.push_image(repository, "1.2.3", b"layer", config=config)
    if index:
        listed = [descriptor(raw, OCI_MANIFEST, platform={"os": "linux", "architecture": "amd64"})]
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
        http.push_manifest(repository, "1.2.3", json.dumps(document).encode(), OCI_INDEX)
    view = looking.registry.describe({repository: ["1.2.3"]})[repository]
    assert view.repository is not None
    assert view.tags["1.2.3"].revision is None
    assert looking.registry.labels(view.repository, view.tags["1.2.3"]) == {REVISION: REVISION_B}


@pytest.mark.parametrize("config", [b"{}", b"no JSON", b"[]", b'{"config": {"Labels": null}}'])
def test_a_configuration_that_says_nothing_is_no_error(
    looking: Looking, http: HttpClient, repository: str, config: bytes
) -> None:
    http.push_image(repository, "1.2.3", b"layer", config=config)
    view = looking.registry.describe({repository: ["1.2.3"]})[repository]
    assert view.repository is not None
    assert looking.registry.labels(view.repository, view.tags["1.2.3"]) == {}


def test_a_configuration_that_may_not_be_read_is_no_error(
    looking: Looking, http: HttpClient, repository: str
) -> None:
    from botocore.exceptions import ClientError

    def deny(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetDownloadUrlForLayer")

    http.push_image(repository, "1.2.3", b"layer")
    view = looking.registry.describe({repository: ["1.2.3"]})[repository]
    looking.events.register("before-call.ecr.GetDownloadUrlForLayer", deny)
    assert view.repository is not None
    assert looking.registry.labels(view.repository, view.tags["1.2.3"]) == {}


def test_a_token_is_asked_for_once_a_region(looking: Looking, ecr: LocalEcr) -> None:
    """Also where a base image in the registry's own region names it."""
    tokens = [looking.registry.token(region) for region in (None, ecr.region, "us-west-2", "us-west-2")]
    assert tokens[0] is tokens[1]
    assert tokens[2] is tokens[3]
    assert tokens[0].host == ecr.registry != tokens[2].host
    assert ecr.requests()["GetAuthorizationToken"] == 2
