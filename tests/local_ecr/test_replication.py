"""Replication: what is pushed arrives in the registries that the rules name, and its status says so."""

from __future__ import annotations

import stat
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.conftest import make_client, refused
from tests.local_ecr.http_client import OCI_INDEX, HttpClient, digest_of, wait_until

HOME = "123456789012"
OTHER = "210987654321"
TAG = {"Key": "team", "Value": "web"}


@pytest.fixture
def far(ecr: LocalEcr, session: boto3.Session) -> Any:
    """The API of the destination's region."""
    return make_client(session, ecr.endpoint, region="us-west-2")


def to(*destinations: tuple[str, str], prefixes: tuple[str, ...] = ()) -> dict[str, Any]:
    """A rule."""
    listed: dict[str, Any] = {"destinations": [{"registryId": a, "region": r} for a, r in destinations]}
    if prefixes:
        listed["repositoryFilters"] = [{"filter": prefix, "filterType": "PREFIX_MATCH"} for prefix in prefixes]
    return listed


def put(api: Any, *rules: dict[str, Any]) -> None:
    api.put_replication_configuration(replicationConfiguration={"rules": list(rules)})


def digests(api: Any, repository: str) -> set[str]:
    return {image["imageDigest"] for image in api.list_images(repositoryName=repository)["imageIds"]}


def statuses(api: Any, repository: str, **image: str) -> dict[tuple[str, str], tuple[str, str | None]]:
    """Status and failure code by account and region."""
    response = api.describe_image_replication_status(repositoryName=repository, imageId=image)
    documents = response["replicationStatuses"]
    return {(x["registryId"], x["region"]): (x["status"], x.get("failureCode")) for x in documents}


def settled(api: Any, repository: str, **image: str) -> set[tuple[str, str | None]]:
    """The statuses of an image, once none is IN_PROGRESS."""
    wait_until(lambda: all(s != "IN_PROGRESS" for s, _ in statuses(api, repository, **image).values()))
    return set(statuses(api, repository, **image).values())


def test_the_rules_are_kept(api: Any) -> None:
    assert api.describe_registry()["replicationConfiguration"] == {"rules": []}
    rules = [to((HOME, "us-west-2"), (OTHER, "eu-west-1"), prefixes=("team/", "prod")), to((OTHER, "us-east-1"))]
    response = api.put_replication_configuration(replicationConfiguration={"rules": rules})
    assert response["replicationConfiguration"] == {"rules": rules}
    assert api.describe_registry()["replicationConfiguration"] == {"rules": rules}
    most = [to((HOME, "us-west-2"), (HOME, "us-west-2"))] * 25  # one unique destination
    put(api, *most)
    assert api.describe_registry()["replicationConfiguration"] == {"rules": most}
    put(api)
    assert api.describe_registry()["replicationConfiguration"] == {"rules": []}


@pytest.mark.parametrize(
    "rules",
    [
        [to((HOME, "us-west-2"))] * 26,
        [to((HOME, "eu-nowhere-9"))],
        [to(*((HOME, f"us-west-{n}") for n in range(26)))],
        [to((HOME, "eu-west-1"))],
        [to((HOME, "cn-north-1"))],
        [to(("1", "us-west-2"))],
        [to((HOME, "US"))],
        [to((HOME, "us-west-2"), prefixes=("a",))],
        [to((HOME, "us-west-2"), prefixes=("-x",) * 101)],
        [to((HOME, "us-west-2"), prefixes=("Team",))],
        [{**to((HOME, "us-west-2")), "repositoryFilters": [{"filter": "team", "filterType": "WILDCARD"}]}],
        [{}],
    ],
)
def test_rules_that_are_refused(api: Any, rules: list[dict[str, Any]]) -> None:
    name, _ = refused(api.put_replication_configuration, replicationConfiguration={"rules": rules})
    assert name == "InvalidParameterException"
    assert api.describe_registry()["replicationConfiguration"] == {"rules": []}


def test_deletions_are_replicated_where_a_rule_says_so(api: Any, far: Any, http: HttpClient, repository: str) -> None:
    rule = to((HOME, "us-west-2"))
    put(api, rule)
    first, second = (digest_of(http.push_image(repository, tag, tag.encode())) for tag in ("one", "two"))
    assert (
        settled(api, repository, imageTag="two") == settled(api, repository, imageTag="one") == {("COMPLETE", None)}
    )
    api.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": first}])
    assert digests(far, repository) == {first, second}
    put(api, {**rule, "deleteReplication": {"enabled": True}})
    api.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": second}])
    assert digests(far, repository) == {first}


def test_a_backfill_copies_what_was_there_before(api: Any, far: Any, http: HttpClient, repository: str) -> None:
    digest = digest_of(http.push_image(repository, "before", b"before"))
    destination = {"registryId": HOME, "region": "us-west-2"}
    assert refused(api.start_replication_backfill, destination=destination)[0] == "InvalidParameterException"
    put(api, to((HOME, "us-west-2")))
    started = api.start_replication_backfill(destination=destination)["replicationBackfillId"]
    assert settled(api, repository, imageTag="before") == {("COMPLETE", None)}
    [summary] = api.list_replication_backfills()["backfills"]
    assert (summary["status"], summary["progress"]["completedReplicationCount"]) == ("COMPLETE", 1)
    answer = api.describe_replication_backfill_results(replicationBackfillId=started)
    assert [(one["imageId"]["imageDigest"], one["status"]) for one in answer["results"]] == [(digest, "COMPLETE")]
    assert digests(far, repository) == {digest}
    name, _ = refused(api.stop_replication_backfill, replicationBackfillId=started)
    assert name == "ReplicationBackfillInvalidStatusException"
    unknown = "0" * 8 + "-0000" * 3 + "-" + "0" * 12
    name, _ = refused(api.describe_replication_backfill_results, replicationBackfillId=unknown)
    assert name == "ReplicationBackfillNotFoundException"


def test_a_backfill_is_stopped(ecr: LocalEcr, api: Any, http: HttpClient, repository: str) -> None:
    http.push_image(repository, "before", b"before")
    ecr.set_replication(delay=3600)
    put(api, to((HOME, "us-west-2")))
    destination = {"registryId": HOME, "region": "us-west-2"}
    started = api.start_replication_backfill(destination=destination)["replicationBackfillId"]
    name, _ = refused(api.start_replication_backfill, destination=destination)
    assert name == "ReplicationBackfillInProgressException"
    assert api.stop_replication_backfill(replicationBackfillId=started)["status"] == "STOPPED"
    assert [one["status"] for one in api.list_replication_backfills()["backfills"]] == ["STOPPED"]


def test_a_destination_creates_a_repository_by_its_template(
    api: Any, far: Any, http: HttpClient, repository: str
) -> None:
    far.create_repository_creation_template(
        prefix="team", appliedFor=["REPLICATION"], imageTagMutability="IMMUTABLE", resourceTags=[TAG]
    )
    put(api, to((HOME, "us-west-2")))
    http.push_image(repository, "v1", b"v1")
    assert settled(api, repository, imageTag="v1") == {("COMPLETE", None)}
    [copied] = far.describe_repositories()["repositories"]
    assert copied["imageTagMutability"] == "IMMUTABLE"
    assert far.list_tags_for_resource(resourceArn=copied["repositoryArn"])["tags"] == [TAG]


def test_an_image_arrives_whole(ecr: LocalEcr, api: Any, far: Any, http: HttpClient, repository: str) -> None:
    http.push_image(repository, "before", b"before")
    put(api, to((HOME, "us-west-2"), (OTHER, "eu-west-1")))
    children = [http.push_image(repository, None, f"layer {n}".encode(), b"shared") for n in range(2)]
    raw = http.push_index(repository, "v1", children)
    assert settled(api, repository, imageTag="v1") == {("COMPLETE", None)}
    assert settled(api, repository, imageDigest=digest_of(children[0])) == {("COMPLETE", None)}
    registries = {(x["account"], x["region"]): x["registry"] for x in ecr.registries()}
    for account, region, client in ((HOME, "us-west-2", far), (OTHER, "eu-west-1", api)):
        token = client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        there = HttpClient(registries[account, region], token)
        answer = there.send("GET", f"/v2/{repository}/manifests/v1")
        assert (answer.body, answer.headers["Content-Type"]) == (raw, OCI_INDEX)
        for number, child in enumerate(children):
            assert there.send("GET", f"/v2/{repository}/manifests/{digest_of(child)}").body == child
            layer = f"layer {number}".encode()
            assert there.send("GET", f"/v2/{repository}/blobs/{digest_of(layer)}").body == layer
        assert there.send("GET", f"/v2/{repository}/tags/list").json()["tags"] == ["v1"]
    replica = far.describe_repositories(repositoryNames=[repository])["repositories"][0]
    assert replica["repositoryUri"] == f"{registries[HOME, 'us-west-2']}/{repository}"
    assert replica["imageTagMutability"] == "MUTABLE"
    # Linked, not copied: the second name of one file.
    blobs = [path for path in (ecr.root / "registries").rglob("blobs/sha256/*/*") if path.is_file()]
    assert blobs
    assert all(path.stat().st_nlink == 3 for path in blobs)


def test_the_copy_outlives_the_original(ecr: LocalEcr, api: Any, far: Any, http: HttpClient, repository: str) -> None:
    put(api, to((HOME, "us-west-2")))
    raw = http.push_image(repository, "v1", b"layer")
    settled(api, repository, imageTag="v1")
    api.delete_repository(repositoryName=repository, force=True)
    (image,) = far.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "v1"}])["images"]
    assert image["imageManifest"].encode() == raw
    assert far.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest_of(b"layer")])[
        "layers"
    ][0] == {"layerDigest": digest_of(b"layer"), "layerAvailability": "AVAILABLE", "layerSize": 5}


def test_tags_by_api_follow_and_deletions_do_not(api: Any, far: Any, http: HttpClient, repository: str) -> None:
    put(api, to((HOME, "us-west-2")))
    raw = http.push_image(repository, "v1", b"layer")
    api.put_image(repositoryName=repository, imageManifest=raw.decode(), imageTag="latest")
    assert settled(api, repository, imageTag="latest") == {("COMPLETE", None)}
    ids = {item["imageTag"] for item in far.list_images(repositoryName=repository)["imageIds"]}
    assert ids == {"v1", "latest"}
    api.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": digest_of(raw)}])
    assert far.describe_images(repositoryName=repository)["imageDetails"][0]["imageTags"] == ["latest", "v1"]


def test_only_repositories_that_a_filter_fits_and_never_a_second_step(
    ecr: LocalEcr, session: boto3.Session, api: Any, far: Any, http: HttpClient
) -> None:
    put(api, to((HOME, "us-west-2"), prefixes=("team/",)))
    put(far, to((HOME, "eu-west-3")))
    api.create_repository(repositoryName="other/team")
    raw = http.push_image("team/app", "v1", b"layer")
    http.push_image("other/team", "v1", b"layer")
    assert statuses(api, "other/team", imageTag="v1") == {}
    assert settled(api, "team/app", imageTag="v1") == {("COMPLETE", None)}
    assert [item["repositoryName"] for item in far.describe_repositories()["repositories"]] == ["team/app"]
    assert statuses(far, "team/app", imageDigest=digest_of(raw)) == {}
    assert ("eu-west-3", HOME) not in {(item["region"], item["account"]) for item in ecr.registries()}
    # The destination's own pushes do go on.
    far.put_image(repositoryName="team/app", imageManifest=raw.decode(), imageTag="own")
    assert settled(far, "team/app", imageTag="own") == {("COMPLETE", None)}
    third = make_client(session, ecr.endpoint, region="eu-west-3")
    assert third.list_images(repositoryName="team/app")["imageIds"] == [
        {"imageDigest": digest_of(raw), "imageTag": "own"}
    ]


def test_a_locked_tag_at_the_destination_stays(api: Any, far: Any, http: HttpClient, repository: str) -> None:
    far.create_repository(repositoryName=repository, imageTagMutability="IMMUTABLE")
    put(api, to((HOME, "us-west-2")))
    first = http.push_image(repository, "v1", b"first")
    settled(api, repository, imageTag="v1")
    second = http.push_image(repository, "v1", b"second")
    assert settled(api, repository, imageTag="v1") == {("COMPLETE", None)}
    ids = far.list_images(repositoryName=repository)["imageIds"]
    assert {"imageDigest": digest_of(first), "imageTag": "v1"} in ids
    assert {"imageDigest": digest_of(second)} in ids


def test_in_progress_and_failed_on_demand(
    ecr: LocalEcr, api: Any, far: Any, http: HttpClient, repository: str
) -> None:
    put(api, to((HOME, "us-west-2"), (OTHER, "us-east-2")))
    ecr.set_replication(delay=60)
    http.push_image(repository, "v1", b"layer")
    time.sleep(0.2)
    assert {status for status, _ in statuses(api, repository, imageTag="v1").values()} == {"IN_PROGRESS"}
    ecr.set_replication(fail={"us-east-*": "NoSuchLuck"})
    settled(api, repository, imageTag="v1")
    assert statuses(api, repository, imageTag="v1") == {
        (HOME, "us-west-2"): ("COMPLETE", None),
        (OTHER, "us-east-2"): ("FAILED", "NoSuchLuck"),
    }
    assert [x["region"] for x in ecr.registries()] == ["eu-west-1", "us-west-2"]
    delay = 0.3
    ecr.set_replication(delay=delay)
    begun = time.monotonic()
    http.push_image(repository, "v2", b"another")
    assert settled(api, repository, imageTag="v2") == {("COMPLETE", None)}
    assert time.monotonic() - begun >= delay


@pytest.mark.parametrize("text", ["[]", '{"delay": -1}', '{"delay": "x"}', '{"fail": "x"}', '{"late": 1}', "{"])
def test_a_file_that_makes_no_sense_fails_what_is_replicated(
    ecr: LocalEcr, api: Any, http: HttpClient, repository: str, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (ecr.root / "replication.json").write_text(text)
    put(api, to((HOME, "us-west-2")))
    http.push_image(repository, "v1", b"layer")
    assert settled(api, repository, imageTag="v1") == {("FAILED", "ServerException")}
    assert "replication.json" in capfd.readouterr().err


def test_it_goes_on_after_a_restart(tmp_path: Path, session: boto3.Session) -> None:
    server = LocalEcr(tmp_path)
    with server:
        near, far = (make_client(session, server.endpoint, region=region) for region in ("us-east-1", "eu-west-1"))
        near.create_repository(repositoryName="app")
        far.create_repository(repositoryName="app", registryId=OTHER)
        put(near, to(("000000000000", "eu-west-1")))
        server.set_replication(delay=60)
        raw = HttpClient.logged_in(server).push_image("app", "v1", b"layer")
        assert statuses(near, "app", imageTag="v1") == {("000000000000", "eu-west-1"): ("IN_PROGRESS", None)}
    server.set_replication()
    with server:
        assert settled(near, "app", imageTag="v1") == {("COMPLETE", None)}
        (image,) = far.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])["images"]
        assert image["imageManifest"].encode() == raw


def test_an_image_that_is_deleted_meanwhile(
    ecr: LocalEcr, api: Any, far: Any, http: HttpClient, repository: str
) -> None:
    put(api, to((HOME, "us-west-2")))
    ecr.set_replication(delay=0.3)
    raw = http.push_image(repository, "v1", b"layer")
    api.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": digest_of(raw)}])
    http.push_image(repository, "v2", b"another")
    assert settled(api, repository, imageTag="v2") == {("COMPLETE", None)}
    assert [x["imageTag"] for x in far.list_images(repositoryName=repository)["imageIds"]] == ["v2"]


def test_a_reset_forgets_rules_and_what_is_under_way(
    ecr: LocalEcr, api: Any, http: HttpClient, repository: str
) -> None:
    put(api, to((HOME, "us-west-2")))
    ecr.set_replication(delay=60)
    http.push_image(repository, "v1", b"layer")
    ecr.reset()
    ecr.set_replication()
    assert api.describe_registry()["replicationConfiguration"] == {"rules": []}
    api.create_repository(repositoryName=repository)
    http.push_image(repository, "v1", b"layer")
    assert statuses(api, repository, imageTag="v1") == {}
    time.sleep(0.2)
    assert len(ecr.registries()) == 1


def test_where_no_link_can_be_made_it_is_copied(
    ecr: LocalEcr, api: Any, far: Any, http: HttpClient, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    put(api, to((HOME, "us-west-2")))
    http.push_image(repository, "v1", b"layer")
    assert settled(api, repository, imageTag="v1") == {("COMPLETE", None)}
    url = far.get_download_url_for_layer(repositoryName=repository, layerDigest=digest_of(b"layer"))["downloadUrl"]
    registry, _, path = url.removeprefix("http://").partition("/")
    assert HttpClient(registry).send("GET", f"/{path}").body == b"layer"
    (copied,) = (file for file in (ecr.root / "registries").glob("*/blobs/*/*/*") if file.read_bytes() == b"layer")
    assert stat.S_IMODE(copied.stat().st_mode) == 0o600
    assert list((ecr.root / "registries").glob("*/uploads/*")) == []


def test_a_container_of_one_port_has_nowhere_to_replicate_to(tmp_path: Path, session: boto3.Session) -> None:
    probe = LocalEcr(tmp_path / "probe")
    with probe:
        address = probe.registry
    with LocalEcr(tmp_path / "ecr", port=probe.port, advertise=address) as server:
        near = make_client(session, server.endpoint, region="us-east-1")
        rules = {"rules": [to((HOME, "us-west-2"))]}
        assert refused(near.put_replication_configuration, replicationConfiguration=rules)[0] == (
            "NotImplementedException"
        )


def test_twenty_pushes_in_a_row_end_where_they_should(api: Any, far: Any, http: HttpClient, repository: str) -> None:
    put(api, to((HOME, "us-west-2")))
    for number in range(20):
        raw = http.push_image(repository, "latest", f"{number}".encode())
    assert settled(api, repository, imageTag="latest") == {("COMPLETE", None)}
    (image,) = far.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "latest"}])["images"]
    assert image["imageId"]["imageDigest"] == digest_of(raw)
