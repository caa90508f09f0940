"""Tags by the API: ListImages' pages, or the knowledge that we may not list; PutImage's ways to say "already"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from ecr_tasks.clients.ecr.registry import EcrRegistry
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import AwsError, Refused, RegistryError
from tests.support.build import ACCOUNT, digest, manifest, repository, settings

ASKED = {"registryId": ACCOUNT, "repositoryName": "team/app", "filter": {"tagStatus": "TAGGED"}, "maxResults": 1000}


class Aws:
    """An AwsSession with one client."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.retrier = Retrier()

    def ecr(self, region: str | None = None) -> Any:
        return self._client


@pytest.fixture
def stubbed() -> Iterator[tuple[EcrRegistry, Stubber]]:
    client = boto3.client(
        "ecr", region_name="eu-central-1", aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="example"
    )
    aws: Any = Aws(client)
    with Stubber(client) as stubber:
        yield EcrRegistry(settings(account_id=ACCOUNT), aws), stubber
        stubber.assert_no_pending_responses()


def test_every_page_is_read(stubbed: tuple[EcrRegistry, Stubber]) -> None:
    registry, stubber = stubbed
    pages: list[dict[str, Any]] = [
        {"imageIds": [{"imageTag": "1.0.0", "imageDigest": digest("a")}], "nextToken": "more"},
        {"imageIds": [{"imageTag": "latest", "imageDigest": digest("a")}, {"imageDigest": digest("b")}]},
    ]
    stubber.add_response("list_images", pages[0], ASKED)
    stubber.add_response("list_images", pages[1], {**ASKED, "nextToken": "more"})
    assert registry.list_tags(repository()) == ["1.0.0", "latest"]


def test_who_may_not_list_gets_no_error(stubbed: tuple[EcrRegistry, Stubber]) -> None:
    registry, stubber = stubbed
    stubber.add_client_error("list_images", "AccessDeniedException", "not authorized", 400)
    assert registry.list_tags(repository()) is None


def test_another_error_is_one(stubbed: tuple[EcrRegistry, Stubber]) -> None:
    registry, stubber = stubbed
    stubber.add_client_error("list_images", "RepositoryNotFoundException", "there is none", 400)
    with pytest.raises(RegistryError):
        registry.list_tags(repository())


def test_a_tag_that_points_there_already_is_set(stubbed: tuple[EcrRegistry, Stubber]) -> None:
    registry, stubber = stubbed
    stubber.add_client_error("put_image", "ImageAlreadyExistsException", "exists", 400)
    registry.set_tag(repository(), manifest("a"), "latest")


@pytest.mark.parametrize("same", [True, False])
def test_an_immutable_tag_is_looked_at_before_it_is_an_error(
    stubbed: tuple[EcrRegistry, Stubber], same: bool
) -> None:
    registry, stubber = stubbed
    existing = manifest("a" if same else "b")
    detail = {"imageDigest": existing.digest, "imageTags": ["1.0.0", "sha-0a1b2c3"]}
    stubber.add_client_error("put_image", "ImageTagAlreadyExistsException", "immutable", 400)
    stubber.add_response("describe_images", {"imageDetails": [detail]})
    if same:
        registry.set_tag(repository(), manifest("a"), "1.0.0")
    else:
        with pytest.raises(Refused) as caught:
            registry.set_tag(repository(), manifest("a"), "1.0.0")
        assert caught.value.cause.startswith(
            f"The tag 1.0.0 in {repository().name} is {existing.digest}, built from 0a1b2c3, and "
        )
        assert manifest("a").digest in caught.value.cause


def test_throttling_is_told_without_another_call(stubbed: tuple[EcrRegistry, Stubber]) -> None:
    registry, stubber = stubbed
    stubber.add_client_error("put_image", "ThrottlingException", "Rate exceeded", 400)
    with pytest.raises(AwsError, match="slow down"):
        registry.set_tag(repository(), manifest("a"), "latest")


def test_an_image_that_is_full_of_tags_is_told_with_a_way_out(stubbed: tuple[EcrRegistry, Stubber]) -> None:
    registry, stubber = stubbed
    stubber.add_client_error("put_image", "LimitExceededException", "too many", 400)
    with pytest.raises(RegistryError) as caught:
        registry.set_tag(repository(), manifest("a"), "latest")
    assert "1,000" in caught.value.cause
    assert "inputs-" in caught.value.remedy
