"""The look at the registry before a build, by the real SDK: how many calls, how many at once, and what they miss."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from ecr_tasks.clients.ecr.registry import EcrRegistry
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.clients.retry import Retrier
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


def look(looking: Looking, ecr: LocalEcr, *tags: str, brief: bool = False) -> tuple[dict[str, str], dict[str, int]]:
    """Look at tags of team/app, of which `main` moves; their digests, and how many calls it took."""
    before = ecr.requests()
    moving = {"team/app": [tag for tag in tags if tag == "main"]}
    view = looking.registry.describe({"team/app": tags}, moving if brief else None)["team/app"]
    after = ecr.requests()
    calls = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    assert view.repository is not None
    assert view.repository.uri == f"{ecr.registry}/team/app"
    return {tag: image.digest for tag, image in view.tags.items()}, calls


@pytest.mark.parametrize("elsewhere", [{"AWS_REGION": "us-west-2"}, {"AWS_ACCOUNT_ID": "210987654321"}])
def test_a_look_at_another_registry_has_its_address_and_takes_no_more_calls(
    ecr: LocalEcr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: dict[str, str]
) -> None:
    environ = {**ecr.environment(), **elsewhere}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    settings = load(tmp_path, environ=environ)
    aws = AwsSession(settings)
    account: Any = {"registryId": settings.account_id} if settings.account_id else {}
    uri = aws.ecr().create_repository(repositoryName="team/app", **account)["repository"]["repositoryUri"]
    assert not uri.startswith(f"{ecr.registry}/")
    data = aws.ecr().get_authorization_token()["authorizationData"][0]
    HttpClient(uri.partition("/")[0], data["authorizationToken"]).push_image("team/app", "v1", b"layer")
    before = ecr.requests()
    view = EcrRegistry(settings, aws).describe({"team/app": ["v1"]}, {"team/app": ()})["team/app"]
    assert view.repository is not None
    assert view.repository.uri == uri
    after = ecr.requests()
    assert [name for name in after if after[name] != before.get(name, 0)] == ["DescribeImages"]


@pytest.mark.parametrize("brief", [False, True])
def test_what_is_not_there_costs_a_call_and_what_is_on_the_image_costs_none(
    looking: Looking, ecr: LocalEcr, http: HttpClient, repository: str, brief: bool
) -> None:
    raw = http.push_image(repository, "sha-1a", b"layer")
    http.push_manifest(repository, "main", raw, OCI_MANIFEST)
    digest = digest_of(raw)
    tags = ("sha-1a", "main", "sha-1a-r2", "sha-1a-r3")
    both = {"sha-1a": digest, "main": digest}
    asked = {"DescribeImages": 1} if brief else {"DescribeRepositories": 1, "DescribeImages": 3}
    assert look(looking, ecr, *tags, brief=brief) == (both, asked)
    asked = {"DescribeRepositories": 1, "DescribeImages": 3 if brief else 4}
    assert look(looking, ecr, *tags, "1.2.3", brief=brief) == (both, asked)
    assert look(looking, ecr, "sha-2b", "main", brief=brief) == (
        {"main": digest},
        {"DescribeRepositories": 1, "DescribeImages": 2},
    )


def test_a_repository_is_looked_at_without_tags(looking: Looking, ecr: LocalEcr, repository: str) -> None:
    assert looking.registry.describe({repository: ()})[repository].repository is not None
    assert looking.registry.describe({"team/none": ()})["team/none"].repository is None


def test_of_several_repositories_only_what_is_published_is_looked_at_for_revisions(
    looking: Looking, ecr: LocalEcr, http: HttpClient, api: Any, repository: str
) -> None:
    first, second = (digest_of(http.push_image(repository, tag, tag.encode())) for tag in ("sha-1a", "sha-1a-r2"))
    api.create_repository(repositoryName="team/new")
    tags = ("sha-1a", "main", "sha-1a-r2", "sha-1a-r3")
    before = ecr.requests()
    views = looking.registry.describe({repository: tags, "team/new": tags})
    found = {tag: image.digest for tag, image in views[repository].tags.items()}
    assert (found, views["team/new"].tags) == ({"sha-1a": first, "sha-1a-r2": second}, {})
    assert ecr.requests()["DescribeImages"] - before.get("DescribeImages", 0) == 4 + 2


def test_a_brief_look_finds_revisions(looking: Looking, ecr: LocalEcr, http: HttpClient, repository: str) -> None:
    original, revision = (http.push_image(repository, tag, tag.encode()) for tag in ("sha-1a", "sha-1a-r2"))
    first, second = digest_of(original), digest_of(revision)
    http.push_manifest(repository, "main", revision, OCI_MANIFEST)
    tags = ("sha-1a", "main", *(f"sha-1a-r{number}" for number in range(2, 21)))
    found = {"sha-1a": first, "main": second, "sha-1a-r2": second}
    # After the first tag the others, and the repository, at the same time; none after the image that has `main`.
    asked = {"DescribeRepositories": 1, "DescribeImages": 3}
    assert look(looking, ecr, *tags, brief=True) == (found, asked)
    without = tuple(tag for tag in tags if tag != "main")
    digests = {tag: digest for tag, digest in found.items() if tag != "main"}
    # Where no tag moves, each revision is looked for, the first at the same time as the commit's tag.
    assert look(looking, ecr, *without, brief=True) == (digests, {"DescribeImages": 3})
    third = http.push_image(repository, "sha-1a-r3", b"third")
    http.push_manifest(repository, "main", http.push_image(repository, "later", b"later"), OCI_MANIFEST)
    digests, _ = look(looking, ecr, *tags, brief=True)
    assert (digests["sha-1a-r2"], digests["sha-1a-r3"]) == (second, digest_of(third))


@pytest.mark.parametrize("brief", [False, True])
def test_a_repository_that_is_not_there_is_none(looking: Looking, brief: bool) -> None:
    moving = {"team/none": ["main"]} if brief else None
    assert looking.registry.describe({"team/none": ["main"]}, moving)["team/none"].repository is None


def test_without_the_permission_to_look_it_is_read_and_said_once(
    ecr: LocalEcr, http: HttpClient, repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import ClientError

    def deny(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeImages")

    for name, value in ecr.environment().items():
        monkeypatch.setenv(name, value)
    said: list[str] = []
    settings = load(tmp_path, environ=ecr.environment())
    aws = AwsSession(settings, Retrier(said.append))
    aws.ecr().meta.events.register("before-call.ecr.DescribeImages", deny)
    digest = digest_of(http.push_image(repository, "main", b"layer"))
    registry = EcrRegistry(settings, aws)
    for _ in range(2):
        view = registry.describe({repository: ["main", "1.2.3"]})[repository]
        assert {tag: image.digest for tag, image in view.tags.items()} == {"main": digest}
    assert len(said) == 1
    assert "ecr:DescribeImages in team/app" in said[0]
    assert "counts as a pull" in said[0]


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
    assert asked == {"DescribeRepositories": 1, "DescribeImages": 20}


@pytest.mark.parametrize("code", ["KmsError", "ImageInaccessible"])
def test_a_tag_whose_image_ecr_can_not_read_is_not_taken_for_free(
    looking: Looking, http: HttpClient, repository: str, code: str
) -> None:
    def fail(parsed: dict[str, Any], **_: object) -> None:
        parsed["failures"] = [
            {"imageId": {"imageTag": "1.2.3"}, "failureCode": code, "failureReason": "The key is disabled."}
        ]

    http.push_image(repository, "1.2.3", b"layer")
    view = looking.registry.describe({repository: ["1.2.3"]})[repository]
    assert view.repository is not None
    looking.events.register("after-call.ecr.BatchGetImage", fail)
    with pytest.raises(RegistryError) as caught:
        looking.registry.read(view.repository, view.tags["1.2.3"])
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
