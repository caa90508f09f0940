"""Repositories: names, creation, deletion, mutability, tags; and that other registries cannot be seen."""

from __future__ import annotations

import hashlib
import os
import re
from typing import Any

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.conftest import refused
from tests.local_ecr.http_client import HttpClient, digest_of, manifest_of

EXCLUSIONS = "imageTagMutabilityExclusionFilters"


def wildcards(*filters: str) -> list[dict[str, str]]:
    return [{"filterType": "WILDCARD", "filter": item} for item in filters]


def test_create_and_describe(ecr: LocalEcr, api: Any) -> None:
    made = api.create_repository(
        repositoryName="a/b-c/d.e",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=wildcards("latest", "dev-*"),
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": "alias/mine"},
        tags=[{"Key": "team", "Value": "x"}],
    )["repository"]
    assert made["repositoryArn"] == "arn:aws:ecr:eu-west-1:123456789012:repository/a/b-c/d.e"
    assert made["repositoryUri"] == f"{ecr.registry}/a/b-c/d.e"
    assert made["registryId"] == "123456789012"
    assert made[EXCLUSIONS] == wildcards("latest", "dev-*")
    assert made["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": "alias/mine"}
    assert api.describe_repositories()["repositories"] == [made]
    assert api.describe_repositories(repositoryNames=["a/b-c/d.e"])["repositories"] == [made]


@pytest.mark.parametrize("kind", ["KMS", "KMS_DSSE"])
def test_kms_without_a_key_names_the_default_one(api: Any, kind: str) -> None:
    encryption = {"encryptionType": kind}
    made = [
        api.create_repository(repositoryName=name, encryptionConfiguration=encryption)["repository"]
        for name in ("one", "two")
    ]
    keys = {item["encryptionConfiguration"]["kmsKey"] for item in made}
    assert len(keys) == 1  # AWS has one such key for an account in a region
    assert re.fullmatch(r"arn:aws:kms:eu-west-1:123456789012:key/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", *keys)


def test_defaults(api: Any) -> None:
    made = api.create_repository(repositoryName="app")["repository"]
    assert made["imageTagMutability"] == "MUTABLE"
    assert made["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert made["imageScanningConfiguration"] == {"scanOnPush": False}
    assert EXCLUSIONS not in made


@pytest.mark.parametrize("name", ["a", "A", "a//b", "/a", "a/", "a..b", "-a", "a b", "ab_-c", "x" * 257, ""])
def test_names_that_ecr_refuses(api: Any, http: HttpClient, name: str) -> None:
    assert refused(api.create_repository, repositoryName=name)[0] == "InvalidParameterException"
    if name and " " not in name and "//" not in name and not name.startswith("/"):
        status = http.send("GET", f"/v2/{name}/tags/list").error[:2]
        assert status == (400, "NAME_INVALID")


def test_a_name_can_be_used_once(api: Any, repository: str) -> None:
    name, text = refused(api.create_repository, repositoryName=repository)
    assert name == "RepositoryAlreadyExistsException"
    assert text == "The repository with name 'team/app' already exists in the registry with id '123456789012'"


def test_no_repository_by_push(ecr: LocalEcr, http: HttpClient) -> None:
    sentence = "The repository with name 'nope' does not exist in the registry with id '123456789012'"
    for method, path in [
        ("POST", "/v2/nope/blobs/uploads/"),
        ("HEAD", f"/v2/nope/blobs/{digest_of(b'x')}"),
        ("PUT", "/v2/nope/manifests/v1"),
        ("GET", "/v2/nope/manifests/v1"),
        ("GET", "/v2/nope/tags/list"),
        ("GET", f"/v2/nope/referrers/{digest_of(b'x')}"),
    ]:
        answer = http.send(method, path, b"" if method == "PUT" else None)
        assert answer.status == 404
        if method != "HEAD":
            assert answer.error == (404, "NAME_UNKNOWN", sentence)


def test_missing_repository_in_the_api(api: Any) -> None:
    name, text = refused(api.describe_repositories, repositoryNames=["nope"])
    assert (name, text) == (
        "RepositoryNotFoundException",
        "The repository with name 'nope' does not exist in the registry with id '123456789012'",
    )
    for operation in (api.list_images, api.describe_images, api.delete_repository, api.get_lifecycle_policy):
        assert refused(operation, repositoryName="nope")[0] == "RepositoryNotFoundException"


def test_another_registry_cannot_be_seen(api: Any, repository: str) -> None:
    name, text = refused(api.describe_images, repositoryName=repository, registryId="210987654321")
    assert name == "RepositoryNotFoundException"
    assert "'210987654321'" in text
    name, text = refused(api.describe_repositories, registryId="210987654321")
    assert name == "AccessDeniedException"
    assert "ecr:DescribeRepositories on resource: arn:aws:ecr:eu-west-1:210987654321:repository/*" in text
    assert refused(api.describe_images, repositoryName=repository, registryId="x")[0] == "InvalidParameterException"
    assert api.describe_images(repositoryName=repository, registryId="123456789012")["imageDetails"] == []


def test_delete_needs_force_unless_empty(ecr: LocalEcr, api: Any, http: HttpClient, repository: str) -> None:
    layer = os.urandom(1000)
    http.push_image(repository, "v1", layer)
    name, text = refused(api.delete_repository, repositoryName=repository)
    assert name == "RepositoryNotEmptyException"
    assert text == (
        "The repository with name 'team/app' in registry with id '123456789012' cannot be deleted because it "
        "still contains images"
    )
    gone = api.delete_repository(repositoryName=repository, force=True)["repository"]
    assert gone["repositoryName"] == repository
    assert api.describe_repositories()["repositories"] == []
    assert not [path for path in (ecr.root / "blobs").rglob("*") if path.is_file()]


def test_deleting_one_repository_leaves_what_another_shares(ecr: LocalEcr, api: Any, http: HttpClient) -> None:
    api.create_repository(repositoryName="other")
    for name in ("team/app", "other"):
        http.push_image(name, "v1", b"shared layer")
    begun = http.send("POST", "/v2/team/app/blobs/uploads/").headers["Location"]
    http.send("PATCH", begun, b"half")
    api.delete_repository(repositoryName="team/app", force=True)
    assert http.send("GET", f"/v2/other/blobs/{digest_of(b'shared layer')}").body == b"shared layer"
    assert list((ecr.root / "uploads").iterdir()) == []
    api.create_repository(repositoryName="team/app")
    assert http.send("HEAD", f"/v2/team/app/blobs/{digest_of(b'shared layer')}").status == 404


@pytest.mark.parametrize(
    ("mutability", "filters"),
    [
        ("IMMUTABLE_WITH_EXCLUSION", None),
        ("IMMUTABLE_WITH_EXCLUSION", []),
        ("MUTABLE_WITH_EXCLUSION", wildcards(*"abcdef")),
        ("MUTABLE", wildcards("a")),
        ("IMMUTABLE", wildcards("a")),
        ("IMMUTABLE_WITH_EXCLUSION", wildcards("a*b*c*")),
        ("IMMUTABLE_WITH_EXCLUSION", wildcards("a b")),
        ("IMMUTABLE_WITH_EXCLUSION", wildcards("")),
        ("IMMUTABLE_WITH_EXCLUSION", wildcards("x" * 129)),
        ("IMMUTABLE_WITH_EXCLUSION", [{"filterType": "REGEX", "filter": "a"}]),
        ("SOMETIMES", None),
    ],
)
def test_filters_are_checked_on_create_and_on_put(
    api: Any, repository: str, mutability: str, filters: list[dict[str, str]] | None
) -> None:
    more: dict[str, Any] = {"imageTagMutability": mutability}
    if filters is not None:
        more[EXCLUSIONS] = filters
    assert refused(api.create_repository, repositoryName="new", **more)[0] == "InvalidParameterException"
    assert refused(api.put_image_tag_mutability, repositoryName=repository, **more)[0] == "InvalidParameterException"


def test_put_image_tag_mutability(api: Any, repository: str) -> None:
    said = api.put_image_tag_mutability(
        repositoryName=repository,
        imageTagMutability="MUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=wildcards("v*"),
    )
    assert said[EXCLUSIONS] == wildcards("v*")
    (found,) = api.describe_repositories()["repositories"]
    assert (found["imageTagMutability"], found[EXCLUSIONS]) == ("MUTABLE_WITH_EXCLUSION", wildcards("v*"))
    api.put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    (found,) = api.describe_repositories()["repositories"]
    assert EXCLUSIONS not in found


def test_resource_tags(api: Any, repository: str) -> None:
    arn = api.describe_repositories()["repositories"][0]["repositoryArn"]
    api.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    api.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "3"}])
    api.untag_resource(resourceArn=arn, tagKeys=["b", "c"])
    assert api.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "a", "Value": "3"}]
    too_many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert refused(api.tag_resource, resourceArn=arn, tags=too_many)[0] == "TooManyTagsException"
    for key in ("aws:x", "", "x" * 129):
        wrong = [{"Key": key, "Value": "v"}]
        assert refused(api.tag_resource, resourceArn=arn, tags=wrong)[0] == "InvalidTagParameterException"
    assert refused(api.list_tags_for_resource, resourceArn="arn:x")[0] == "InvalidParameterException"
    elsewhere = arn.replace("eu-west-1", "us-east-1")
    assert refused(api.list_tags_for_resource, resourceArn=elsewhere)[0] == "RepositoryNotFoundException"


def test_encryption_is_checked(api: Any) -> None:
    wrong = {"encryptionType": "AES256", "kmsKey": "k"}
    name, _ = refused(api.create_repository, repositoryName="new", encryptionConfiguration=wrong)
    assert name == "InvalidParameterException"


def test_missing_and_mistyped_parameters(http: HttpClient) -> None:
    def error(document: dict[str, Any]) -> str:
        answer = http.api("CreateRepository", document)
        assert answer.status == 400
        assert answer.headers["x-amzn-ErrorType"] == answer.json()["__type"]
        return str(answer.json()["__type"])

    assert error({}) == "InvalidParameterException"
    assert error({"repositoryName": 7}) == "SerializationException"
    assert error({"repositoryName": "new", "tags": "x"}) == "SerializationException"
    assert (
        error({"repositoryName": "new", "imageScanningConfiguration": {"scanOnPush": 1}}) == "SerializationException"
    )


def test_regions_of_other_partitions(tmp_path: Any) -> None:
    with LocalEcr(tmp_path, region="cn-north-1") as server:
        made = HttpClient(server.registry).api("CreateRepository", {"repositoryName": "app"}).json()["repository"]
    assert made["repositoryArn"].startswith("arn:aws-cn:ecr:cn-north-1:")


def test_a_manifest_for_a_new_repository_needs_its_layers_there(api: Any, http: HttpClient) -> None:
    api.create_repository(repositoryName="other")
    raw = http.push_image("team/app", "v1", b"layer")
    assert http.push_manifest("other", "v1", raw).error[:2] == (404, "MANIFEST_BLOB_UNKNOWN")
    assert manifest_of(b"{}", [b"layer"]) == raw


def test_a_repository_is_deleted_while_a_client_sends_a_layer(ecr: LocalEcr, api: Any) -> None:
    """Neither waits for the other, who may wait for a slow client, and the layer is of no repository any more."""
    api.create_repository(repositoryName="team/app")
    http = HttpClient.logged_in(ecr)
    started = http.send("POST", "/v2/team/app/blobs/uploads/").headers["Location"]
    assert http.send("PATCH", started, b"half").status == 202
    client = http.connection
    client.putrequest("PUT", f"{started}?digest=sha256:{hashlib.sha256(b'half a layer').hexdigest()}")
    client.putheader("Authorization", f"Basic {http.token}")
    client.putheader("Content-Length", str(len(b" a layer")))
    client.endheaders(b" a")
    other = HttpClient.logged_in(ecr)
    assert other.api("DeleteRepository", {"repositoryName": "team/app", "force": True}).status == 200
    other.api("CreateRepository", {"repositoryName": "team/other"})
    other.push_image("team/other", "v1", b"another layer")
    client.send(b" layer")
    assert client.getresponse().status == 404
