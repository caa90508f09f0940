"""ECR Public: its API held to the model, who may read and write, and what it has not."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_tasks.local_ecr.ecr_api.ecr_public import OPERATIONS
from ecr_tasks.local_ecr.errors import LocalEcrError
from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.conftest import make_client, refused
from tests.local_ecr.http_client import OCI_MANIFEST, HttpClient, digest_of, manifest_of

HOME = "123456789012"


@pytest.fixture
def public(ecr: LocalEcr, session: boto3.Session) -> Any:
    """The API of ECR Public, every response of which is checked against the model."""
    return make_client(session, ecr.endpoint, "ecr-public", "us-east-1")


@pytest.fixture
def made(public: Any) -> dict[str, Any]:
    """A public repository, as CreateRepository shows it."""
    found: dict[str, Any] = public.create_repository(repositoryName="team/app")["repository"]
    return found


@pytest.fixture
def writer(public: Any, made: dict[str, Any]) -> HttpClient:
    """The public registry, logged in."""
    token = public.get_authorization_token()["authorizationData"]["authorizationToken"]
    return HttpClient(made["repositoryUri"].partition("/")[0], token)


def test_a_repository(ecr: LocalEcr, public: Any, made: dict[str, Any]) -> None:
    assert len(ecr.registries()) == 2
    found = ecr.registries()[1]
    assert (found["account"], found["region"]) == (HOME, "public")
    assert found["registry"] != ecr.registry
    assert made["repositoryUri"] == f"{found['registry']}/local/team/app"
    assert made["repositoryArn"] == f"arn:aws:ecr-public::{HOME}:repository/team/app"
    assert public.describe_repositories(repositoryNames=["team/app"])["repositories"] == [made]
    assert public.describe_repositories(registryId=HOME)["repositories"] == [made]
    assert refused(public.create_repository, repositoryName="team/app")[0] == "RepositoryAlreadyExistsException"
    assert refused(public.create_repository, repositoryName="a--b")[0] == "InvalidParameterException"
    assert refused(public.describe_repositories, repositoryNames=["nope"])[0] == "RepositoryNotFoundException"
    assert public.delete_repository(repositoryName="team/app")["repository"] == made
    assert public.describe_repositories()["repositories"] == []


def test_nothing_comes_into_being_by_asking_for_a_repository(ecr: LocalEcr, public: Any) -> None:
    for call in (public.describe_images, public.delete_repository, public.initiate_layer_upload):
        assert refused(call, repositoryName="app")[0] == "RepositoryNotFoundException"
    arn = f"arn:aws:ecr-public::{HOME}:repository/app"
    assert refused(public.list_tags_for_resource, resourceArn=arn)[0] == "RepositoryNotFoundException"
    assert refused(public.create_repository, repositoryName="No")[0] == "InvalidParameterException"
    assert len(ecr.registries()) == 1
    assert public.describe_repositories()["repositories"] == []
    assert len(ecr.registries()) == 2


def test_catalog_data_and_tags(public: Any) -> None:
    catalog = {"description": "An app", "architectures": ["ARM 64"], "operatingSystems": ["Linux"], "usageText": "u"}
    tags = [{"Key": "team", "Value": "a"}]
    said = public.create_repository(repositoryName="app", catalogData=catalog, tags=tags)
    assert said["catalogData"] == catalog
    arn = said["repository"]["repositoryArn"]
    public.tag_resource(resourceArn=arn, tags=[{"Key": "cost", "Value": "1"}])
    public.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert public.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "cost", "Value": "1"}]
    wrong = f"arn:aws:ecr:us-east-1:{HOME}:repository/app"
    assert refused(public.list_tags_for_resource, resourceArn=wrong)[0] == "InvalidParameterException"
    long = {"description": "x" * 1025}
    assert refused(public.create_repository, repositoryName="b", catalogData=long)[0] == "InvalidParameterException"


def test_tokens_are_for_one_region_and_other_endpoints_do_not_exist(ecr: LocalEcr, session: boto3.Session) -> None:
    for region, call, text in [
        ("us-west-2", "get_authorization_token", "GetAuthorizationToken command is only supported in us-east-1."),
        ("eu-west-1", "get_authorization_token", "GetAuthorizationToken command is only supported in us-east-1."),
        ("eu-west-1", "describe_registries", "DescribeRegistries command is only supported in us-east-1."),
    ]:
        client = make_client(session, ecr.endpoint, "ecr-public", region)
        assert refused(getattr(client, call)) == ("UnsupportedCommandException", text)
    assert len(ecr.registries()) == 1
    west = make_client(session, ecr.endpoint, "ecr-public", "us-west-2")
    assert west.describe_registries()["registries"][0]["aliases"][0]["name"] == "local"


def test_the_registry_and_its_alias(tmp_path: Path, session: boto3.Session) -> None:
    with LocalEcr(tmp_path, public_alias="a1b2c3d4") as server:
        public = make_client(session, server.endpoint, "ecr-public", "us-east-1")
        (found,) = public.describe_registries()["registries"]
        host = server.registries()[1]["registry"]
        assert found == {
            "registryId": "000000000000",
            "registryArn": "arn:aws:ecr-public::000000000000:registry/000000000000",
            "registryUri": f"{host}/a1b2c3d4",
            "verified": False,
            "aliases": [
                {
                    "name": "a1b2c3d4",
                    "status": "ACTIVE",
                    "primaryRegistryAlias": True,
                    "defaultRegistryAlias": True,
                }
            ],
        }
        uri = public.create_repository(repositoryName="app")["repository"]["repositoryUri"]
        assert uri == f"{host}/a1b2c3d4/app"
    with pytest.raises(LocalEcrError, match="alias"):
        LocalEcr(tmp_path, public_alias="No/No")


def test_anybody_may_read_and_only_the_token_writes(made: dict[str, Any], writer: HttpClient, api: Any) -> None:
    raw = writer.push_image("local/team/app", "v1", b"layer")
    nobody = HttpClient(writer.registry)
    answer = nobody.send("GET", "/v2/local/team/app/manifests/v1")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, raw, OCI_MANIFEST)
    assert nobody.send("GET", f"/v2/local/team/app/blobs/{digest_of(b'layer')}").body == b"layer"
    assert nobody.send("GET", "/v2/local/team/app/tags/list").json() == {"name": "local/team/app", "tags": ["v1"]}
    (data,) = api.get_authorization_token()["authorizationData"]
    private = HttpClient(writer.registry, data["authorizationToken"])
    for who in (nobody, private):
        for method, path in (
            ("POST", "/v2/local/team/app/blobs/uploads/"),
            ("PUT", "/v2/local/team/app/manifests/v2"),
            ("DELETE", "/v2/local/team/app/manifests/v1"),
        ):
            assert who.send(method, path, b"").status == 401
    assert HttpClient(data["proxyEndpoint"][7:], writer.token).send("GET", "/v2/").status == 401


def test_how_a_client_gets_its_bearer_token(writer: HttpClient) -> None:
    nobody = HttpClient(writer.registry)
    answer = nobody.send("GET", "/v2/")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer realm="http://{writer.registry}/token/",service="public.ecr.aws",scope="aws"'
    )

    def bearer(who: HttpClient) -> str:
        said = who.send("GET", "/token/?service=public.ecr.aws&scope=aws").json()
        assert said["expires_in"] > 3600
        return f"Bearer {said['token']}"

    anybody, mine = bearer(nobody), bearer(writer)
    for token, status in ((anybody, 401), (mine, 202)):
        assert nobody.send("GET", "/v2/", Authorization=token).status == 200
        begun = nobody.send("POST", "/v2/local/team/app/blobs/uploads/", b"", Authorization=token)
        assert begun.status == status
    assert nobody.send("GET", "/token/", Authorization="Basic eDp5").status == 401
    assert nobody.send("GET", "/v2/", Authorization="Bearer nonsense").status == 401
    assert nobody.send("POST", "/token/", b"").status == 405  # containerd tries it first, and then asks as above
    assert writer.password() not in anybody


def test_the_alias_is_part_of_every_path(writer: HttpClient) -> None:
    begun = writer.send("POST", "/v2/local/team/app/blobs/uploads/")
    assert begun.headers["Location"].startswith("/v2/local/team/app/blobs/uploads/")
    for data in (b"{}", b"layer"):
        writer.push_blob("local/team/app", data)
    put = writer.push_manifest("local/team/app", "v1", manifest_of(b"{}", [b"layer"]))
    assert put.headers["Location"].startswith("/v2/local/team/app/manifests/sha256:")
    writer.push_manifest("local/team/app", "v2", manifest_of(b"{}", [b"layer"]))
    page = writer.send("GET", "/v2/local/team/app/tags/list?n=1")
    assert page.headers["Link"] == '</v2/local/team/app/tags/list?n=1&last=v1>; rel="next"'
    for path in ("/v2/team/app/manifests/v1", "/v2/other/team/app/manifests/v1", "/v2/local/nope/manifests/v1"):
        assert writer.send("GET", path).error[:2] == (404, "NAME_UNKNOWN")


def test_no_blob_is_mounted_and_there_is_no_catalog(public: Any, writer: HttpClient) -> None:
    writer.push_image("local/team/app", "v1", b"layer")
    public.create_repository(repositoryName="other")
    path = f"/v2/local/other/blobs/uploads/?mount={digest_of(b'layer')}&from=local/team/app"
    assert writer.send("POST", path).status == 202
    assert writer.send("GET", "/v2/_catalog").error[:2] == (404, "UNSUPPORTED")


def test_images(public: Any, writer: HttpClient) -> None:
    raw = writer.push_image("local/team/app", "v1", b"layer")
    put = {"repositoryName": "team/app", "imageManifest": raw.decode(), "imageTag": "latest"}
    image = public.put_image(**put, registryId="local")["image"]
    assert image["imageId"] == {"imageDigest": digest_of(raw), "imageTag": "latest"}
    assert refused(public.put_image, **put)[0] == "ImageAlreadyExistsException"
    assert refused(public.put_image, **put, registryId="nope")[0] == "RegistryNotFoundException"
    (detail,) = public.describe_images(repositoryName="team/app")["imageDetails"]
    assert (detail["imageDigest"], detail["imageTags"]) == (digest_of(raw), ["latest", "v1"])
    asked = [{"imageTag": "v1"}, {"imageTag": "latest"}]
    assert public.describe_images(repositoryName="team/app", imageIds=asked)["imageDetails"] == [detail]
    missing = [{"imageTag": "nope"}]
    assert refused(public.describe_images, repositoryName="team/app", imageIds=missing)[0] == "ImageNotFoundException"
    first = public.describe_image_tags(repositoryName="team/app", maxResults=1)
    rest = public.describe_image_tags(repositoryName="team/app", nextToken=first["nextToken"])
    tags = [*first["imageTagDetails"], *rest["imageTagDetails"]]
    assert [item["imageTag"] for item in tags] == ["latest", "v1"]
    assert {item["imageDetail"]["imageDigest"] for item in tags} == {digest_of(raw)}
    assert refused(public.describe_images, repositoryName="team/app", registryId="210987654321")[0] == (
        "RepositoryNotFoundException"
    )
    # A tag always moves: there is no immutability.
    other = writer.push_image("local/team/app", "v1", b"other")
    assert public.describe_images(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])["imageDetails"][0][
        "imageDigest"
    ] == digest_of(other)
    gone = public.batch_delete_image(repositoryName="team/app", imageIds=[{"imageTag": "latest"}, {"imageTag": "x"}])
    assert gone["imageIds"] == [{"imageDigest": digest_of(raw), "imageTag": "latest"}]
    assert gone["failures"][0]["failureCode"] == "ImageNotFound"
    assert refused(public.delete_repository, repositoryName="team/app")[0] == "RepositoryNotEmptyException"


def test_layers_by_api(public: Any, made: dict[str, Any]) -> None:
    data = b"a layer"
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    asked = {"repositoryName": "team/app", "layerDigests": [digest]}
    assert public.batch_check_layer_availability(**asked)["layers"][0]["layerAvailability"] == "UNAVAILABLE"
    upload = public.initiate_layer_upload(repositoryName="team/app")["uploadId"]
    part = {"uploadId": upload, "partFirstByte": 0, "partLastByte": len(data) - 1, "layerPartBlob": data}
    public.upload_layer_part(repositoryName="team/app", **part)
    done = public.complete_layer_upload(uploadId=upload, **asked)
    assert (done["layerDigest"], done["registryId"]) == (digest, HOME)
    assert public.batch_check_layer_availability(**asked)["layers"][0]["layerAvailability"] == "AVAILABLE"
    assert made["repositoryName"] == "team/app"


def test_what_it_has_not_says_so(ecr: LocalEcr, public: Any, made: dict[str, Any]) -> None:
    model = boto3.Session()._session.get_service_model("ecr-public")
    assert set(OPERATIONS) <= set(model.operation_names)
    assert len(OPERATIONS) == 16
    name, text = refused(public.get_repository_catalog_data, repositoryName="team/app")
    assert (name, "GetRepositoryCatalogData" in text) == ("NotImplementedException", True)
    http = HttpClient(ecr.registry)
    for operation in ("BatchGetImage", "ListImages", "PutLifecyclePolicy", "StartImageScan", "PutImageTagMutability"):
        http.connection.request("POST", "/", b"{}", {"X-Amz-Target": f"SpencerFrontendService.{operation}"})
        answer = http.connection.getresponse()
        assert (answer.status, json.loads(answer.read())["__type"]) == (501, "NotImplementedException")


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_operation_survives_nonsense(
    ecr: LocalEcr, session: boto3.Session, made: dict[str, Any], operation: str
) -> None:
    http = HttpClient(ecr.registry)
    shape = session._session.get_service_model("ecr-public").operation_model(operation).input_shape
    values: list[Any] = [None, 0, -1, 10**30, "", "x", "\ud800", [], [None], [[]], {}, {"a": None}, True]
    for member in shape.members if shape is not None else ():
        for nonsense in values:
            body = json.dumps({"repositoryName": "team/app", member: nonsense})
            http.connection.request("POST", "/", body, {"X-Amz-Target": f"SpencerFrontendService.{operation}"})
            answer = http.connection.getresponse()
            answer.read()
            assert answer.status in (200, 400)


def test_it_is_not_a_region(ecr: LocalEcr, session: boto3.Session, api: Any, made: dict[str, Any]) -> None:
    odd = make_client(session, ecr.endpoint, region="public")
    assert refused(odd.describe_repositories)[0] == "InvalidSignatureException"
    rules = {"rules": [{"destinations": [{"registryId": HOME, "region": "public"}]}]}
    assert (
        refused(api.put_replication_configuration, replicationConfiguration=rules)[0] == "InvalidParameterException"
    )
    assert api.describe_repositories()["repositories"] == []


def test_it_stays_and_is_counted_by_itself(ecr: LocalEcr, public: Any, writer: HttpClient) -> None:
    raw = writer.push_image("local/team/app", "v1", b"layer")
    assert ecr.requests(region="public")["CreateRepository"] == 1
    assert "CreateRepository" not in ecr.requests(region="eu-west-1")
    ecr.stop()
    ecr.start()
    assert HttpClient(writer.registry).send("GET", "/v2/local/team/app/manifests/v1").body == raw
    ecr.reset()
    assert len(ecr.registries()) == 1
    assert HttpClient(writer.registry).send("GET", "/v2/local/team/app/manifests/v1").error[1] == "NAME_UNKNOWN"


def test_boto3_finds_it_by_the_environment(ecr: LocalEcr, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ecr.environment().items():
        monkeypatch.setenv(name, value)
    public = boto3.Session().client("ecr-public", region_name="us-east-1")
    data = public.get_authorization_token()["authorizationData"]
    assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")
    assert ecr.requests() == {"GetAuthorizationToken": 1}


def test_a_container_of_one_port_has_none(tmp_path: Path, session: boto3.Session) -> None:
    probe = LocalEcr(tmp_path / "probe")
    with probe:
        address = probe.registry
    with LocalEcr(tmp_path / "ecr", port=probe.port, advertise=address) as server:
        public = make_client(session, server.endpoint, "ecr-public", "us-east-1")
        assert refused(public.create_repository, repositoryName="app")[0] == "NotImplementedException"
