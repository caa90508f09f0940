"""ECR Public as AWS answers: the alias in addresses, another registry's alias, and what a second run meets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.stub import Stubber

from ecr_tasks.clients.ecr.ecr_public import PublicRegistry
from ecr_tasks.clients.ecr.public_main import MainPublicRegistry
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.errors import AwsError, Refused, RegistryError
from tests.support.build import digest, manifest

if TYPE_CHECKING:
    from mypy_boto3_ecr_public.client import ECRPublicClient

IMAGE = manifest("app")
TEAM = {"registryId": "123456789012", "repositoryName": "tools/app", "repositoryUri": "public.ecr.aws/team/tools/app"}


class Session:
    """An AWS session with one client, whose answers are given."""

    def __init__(self) -> None:
        self.client: ECRPublicClient = boto3.client(
            "ecr-public", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        self.stub = Stubber(self.client)
        self.stub.activate()

    def ecr_public(self) -> ECRPublicClient:
        return self.client


def registry(session: Session, alias: str = "team") -> PublicRegistry:
    return PublicRegistry(cast(AwsSession, session), alias)


def registries(*aliases: str) -> dict[str, Any]:
    """DescribeRegistries' answer."""
    listed = [
        {"name": name, "status": "ACTIVE", "primaryRegistryAlias": True, "defaultRegistryAlias": True}
        for name in aliases
    ]
    arn = "arn:aws:ecr-public::123456789012:registry/123456789012"
    uri = f"public.ecr.aws/{aliases[0]}"
    entry = {"registryId": "123456789012", "registryArn": arn, "registryUri": uri, "verified": False}
    return {"registries": [{**entry, "aliases": listed}]}


def tagged(**tags: str) -> dict[str, Any]:
    """DescribeImageTags' answer."""
    details = [
        {"imageTag": tag, "imageDetail": {"imageDigest": digest_of_tag, "imageManifestMediaType": IMAGE.media_type}}
        for tag, digest_of_tag in tags.items()
    ]
    return {"imageTagDetails": details}


def test_an_address_has_the_alias_and_the_api_has_not() -> None:
    session = Session()
    session.stub.add_response("describe_repositories", {"repositories": [TEAM]}, {"repositoryNames": ["tools/app"]})
    session.stub.add_response("describe_image_tags", tagged(main=IMAGE.digest, old=digest("x")))
    view = registry(session).describe({"tools/app": ["main", "latest"]})["tools/app"]
    assert view.repository is not None
    assert (view.repository.host, view.repository.name) == ("public.ecr.aws", "team/tools/app")
    assert {tag: image.digest for tag, image in view.tags.items()} == {"main": IMAGE.digest}
    assert not view.repository.locks("main")


def test_another_registrys_alias_is_named() -> None:
    session = Session()
    session.stub.add_response("describe_repositories", {"repositories": [TEAM]})
    with pytest.raises(RegistryError) as caught:
        registry(session, "other").describe({"tools/app": ["main"]})
    assert "team" in caught.value.cause
    assert "other" in caught.value.cause
    assert "ECR_DESTINATIONS" in caught.value.remedy


def test_a_tag_that_is_on_the_image_already_is_as_good() -> None:
    session = Session()
    session.stub.add_response("describe_repositories", {"repositories": [TEAM]})
    public = registry(session)
    repository = public.describe({"tools/app": []})["tools/app"].repository
    assert repository is not None
    wanted = {
        "repositoryName": "tools/app",
        "imageManifest": IMAGE.manifest,
        "imageManifestMediaType": IMAGE.media_type,
        "imageDigest": IMAGE.digest,
        "imageTag": "main",
    }
    session.stub.add_client_error("put_image", "ImageAlreadyExistsException", expected_params=wanted)
    public.set_tag(repository, IMAGE, "main")
    session.stub.add_client_error("put_image", "LayersNotFoundException", "a layer is missing")
    with pytest.raises(RegistryError, match="a layer is missing"):
        public.set_tag(repository, IMAGE, "main")


def test_a_repository_that_is_not_there_is_none_and_one_that_came_meanwhile_is_no_error() -> None:
    from ecr_tasks.model.repository import DesiredRepository

    session = Session()
    session.stub.add_client_error("describe_repositories", "RepositoryNotFoundException")
    for _ in range(2):
        session.stub.add_response("describe_registries", registries("team"))
    session.stub.add_client_error("create_repository", "RepositoryAlreadyExistsException")
    public = registry(session)
    assert public.describe({"tools/app": ["main"]})["tools/app"].repository is None
    assert public.create("tools/app", DesiredRepository(mutability="MUTABLE")) is None


@pytest.mark.parametrize(("kind", "setting"), [(0, "ECR_DESTINATIONS"), (1, "ECR_REPOSITORY")])
def test_nothing_is_created_in_another_registry_than_the_aliases(kind: int, setting: str) -> None:
    from ecr_tasks.model.repository import DesiredRepository

    session = Session()
    session.stub.add_response("describe_registries", registries("d1a2b3", "team"))
    public = registry(session, "other") if kind == 0 else main_registry(session, "other")
    with pytest.raises(RegistryError, match="has the alias d1a2b3, not other") as caught:
        public.create("other/app" if kind else "app", DesiredRepository())
    assert setting in caught.value.remedy
    session.stub.assert_no_pending_responses()  # and CreateRepository, which is not stubbed, was not called


@pytest.mark.parametrize("kind", [0, 1])
def test_a_repository_that_is_missing_may_be_in_the_registry_that_is_meant(kind: int) -> None:
    session = Session()
    session.stub.add_client_error("describe_repositories", "RepositoryNotFoundException")
    session.stub.add_response("describe_registries", registries("d1a2b3"))
    public = registry(session, "other") if kind == 0 else main_registry(session, "other")
    with pytest.raises(RegistryError, match="has the alias d1a2b3, not other"):
        public.describe({"other/app": ["main"]})


def test_a_second_alias_creates_nothing_as_addresses_have_the_first() -> None:
    from ecr_tasks.model.repository import DesiredRepository

    session = Session()
    session.stub.add_response("describe_registries", registries("team", "d1a2b3"))
    with pytest.raises(RegistryError, match="has the alias team, not d1a2b3"):
        main_registry(session, "d1a2b3").create("d1a2b3/app", DesiredRepository())


def main_registry(session: Session, alias: str = "team", account: str | None = None) -> MainPublicRegistry:
    return MainPublicRegistry(cast(AwsSession, session), alias, account)


def test_the_own_registry_is_asked_by_names_with_the_alias_and_the_api_without() -> None:
    session = Session()
    session.stub.add_response("describe_repositories", {"repositories": [TEAM]}, {"repositoryNames": ["tools/app"]})
    session.stub.add_response("describe_image_tags", tagged(main=IMAGE.digest))
    view = main_registry(session, account="123456789012").describe({"team/tools/app": ["main"]})["team/tools/app"]
    assert view.repository is not None
    assert (view.repository.name, [*view.tags]) == ("team/tools/app", ["main"])


def test_credentials_of_another_account_are_refused() -> None:
    session = Session()
    session.stub.add_response("describe_repositories", {"repositories": [TEAM]})
    with pytest.raises(AwsError, match="210987654321"):
        main_registry(session, account="210987654321").describe({"team/tools/app": []})


def test_what_ecr_public_has_not_says_so() -> None:
    from ecr_tasks.model.registry import Repository

    evidence = main_registry(Session()).evidence
    repository = Repository("team/app", "123456789012", "public.ecr.aws/team/app")
    for ask in (evidence.scanning, lambda place: evidence.scan(place, IMAGE.digest)):
        with pytest.raises(Refused, match="scans no images"):
            ask(repository)
    assert evidence.signing_profiles(repository) == ()
