"""Tests of ECR_DESTINATIONS with a real engine: one build, one push, and copies to other accounts and regions."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_tasks.errors import ExitCode
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.model.inventory import RELEASE
from tests.engine.conftest import docker
from tests.engine.faults import FaultProxy, Request
from tests.engine.project import Project, project
from tests.support.inv import AT_ONCE
from tests.support.roles import create_role

ACCOUNT = "210987654321"
DESTINATIONS = (f"{ACCOUNT}/eu-west-1", f"{ACCOUNT}/us-west-2/prod/app")


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    """Return a project with two destinations; missing repositories may be created."""
    environ = {**engine, **local_ecr.environment(), "ECR_CREATE_REPOSITORY": "true"}
    app = project(
        tmp_path / "app",
        {**environ, "ECR_DESTINATIONS": ",".join(DESTINATIONS)},
        f"FROM {tiny_base}\nCOPY hello.txt /\nCMD cat /hello.txt\n",
    )
    app.git("tag", "v1.2.3")
    return app


def api(local_ecr: LocalEcr, region: str) -> Any:
    """Return a client of the API of a region."""
    return boto3.client(
        "ecr",
        endpoint_url=local_ecr.endpoint,
        region_name=region,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )


def tags_by_digest(local_ecr: LocalEcr, region: str, name: str) -> dict[str, list[str]]:
    """Return the tags of each manifest but the records of promotions, by digest."""
    details = api(local_ecr, region).describe_images(registryId=ACCOUNT, repositoryName=name)["imageDetails"]
    return {
        item["imageDigest"]: sorted(item.get("imageTags", []))
        for item in details
        if item.get("artifactMediaType") != RELEASE
    }


def requests_since(local_ecr: LocalEcr, before: dict[str, int]) -> dict[str, int]:
    """Return the number of requests since then, by name."""
    current = local_ecr.requests()
    return {name: count - before.get(name, 0) for name, count in current.items() if count != before.get(name, 0)}


def test_every_destination_has_the_same_image_and_a_second_run_makes_one_read_call_to_each(
    app: Project, local_ecr: LocalEcr
) -> None:
    lines = app.ok("build", "push").lines
    digest = lines[0].partition("@")[2]
    tags = sorted([f"sha-{app.git('rev-parse', 'HEAD')[:7]}", "1.2.3", "main", "latest"])
    assert tags_by_digest(local_ecr, "eu-west-1", "team/app") == {digest: tags}
    assert tags_by_digest(local_ecr, "us-west-2", "prod/app") == {digest: tags}
    assert [line.partition("@")[2] for line in lines] == [digest] * 3
    hosts = [line.partition("/")[0] for line in lines]
    assert len(set(hosts)) == 3
    published = app.receipt["images"][0]["published"]
    assert [item["reference"] for item in published] == lines
    assert [(item["state"], item["by"]) for item in published] == [
        ("pushed", "push"),
        ("pushed", "copy"),
        ("pushed", "copy"),
    ]
    target_environment = {"AWS_ACCOUNT_ID": ACCOUNT, "AWS_REGION": "us-west-2", "AWS_DEFAULT_REGION": "us-west-2"}
    (pulled,) = app.ok(
        "pull", "--image", "1.2.3", ECR_REPOSITORY="prod/app", ECR_DESTINATIONS="", **target_environment
    ).lines
    assert pulled == lines[2]
    assert docker(app.environ, "run", "--rm", pulled).stdout == "hello\n"
    before = local_ecr.requests()
    assert app.ok("build", "push", DOCKER_HOST="unix:///nowhere/docker.sock", **AT_ONCE).lines == lines
    assert requests_since(local_ecr, before) == {"DescribeImages": 1 + 1 + 1}


def test_the_engine_uploads_to_destinations_and_downloads_nothing(app: Project, local_ecr: LocalEcr) -> None:
    """The content goes there while the image is pushed; the tags follow it, and no other is left.

    The repositories are as ECR makes them, which lock no tag.
    """
    for region, name in (("eu-west-1", "team/app"), ("us-west-2", "prod/app")):
        api(local_ecr, region).create_repository(registryId=ACCOUNT, repositoryName=name)
    before = local_ecr.requests()
    result = app.ok("build", "push")
    requests = requests_since(local_ecr, before)
    assert requests["PUT manifest"] == 3
    assert not {"GET blob", "GET manifest"} & {*requests}
    for region, name in (("eu-west-1", "team/app"), ("us-west-2", "prod/app")):
        ((_, tags),) = tags_by_digest(local_ecr, region, name).items()
        assert tags == sorted([f"sha-{app.git('rev-parse', 'HEAD')[:7]}", "1.2.3", "main", "latest"])
    assert result.stderr.count("The push refers to repository") == 1
    assert result.stderr.count("on its way to") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("is_uploaded", [False, True])
def test_an_interruption_waits_for_no_answer_of_a_destination(
    number: signal.Signals, is_uploaded: bool, app: Project, local_ecr: LocalEcr
) -> None:
    """One that the upload asks for, before it or after it, comes later than the run ends; its tag is removed."""
    for region, name in (("eu-west-1", "team/app"), ("us-west-2", "prod/app")):
        api(local_ecr, region).create_repository(registryId=ACCOUNT, repositoryName=name)
    asked, answers = threading.Event(), threading.Event()

    def hold(request: Request) -> None:
        is_look = request.operation == "DescribeImages" and b"/eu-west-1/" in request.head
        if is_look and (b"ecr-tasks-upload-" if is_uploaded else b"sha256:") in request.body:
            asked.set()
            answers.wait(60)

    with FaultProxy(local_ecr.port, after=hold) as proxy:
        app.environ["AWS_ENDPOINT_URL_ECR"] = f"http://{proxy.address}"
        with app.start("build", "push") as process:
            assert asked.wait(60)
            process.send_signal(number)
            _, errors = process.communicate(timeout=30)
        answers.set()
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in errors
    for region, name in (("eu-west-1", "team/app"), ("us-west-2", "prod/app")):
        assert not any("upload" in tag for tags in tags_by_digest(local_ecr, region, name).values() for tag in tags)


def test_an_interruption_of_several_images_leaves_no_upload_at_a_destination(
    app: Project, local_ecr: LocalEcr
) -> None:
    """The uploads have ended, and the answers that the images wait for at home come later than the run ends."""
    names = ("app", "web")
    targets = {name: {"context": ".", "args": {"NAME": name}} for name in names}
    app.write("docker-bake.json", json.dumps({"group": {"default": {"targets": names}}, "target": targets}))
    app.write("Dockerfile", "FROM scratch\nARG NAME\nLABEL name=$NAME\nCOPY hello.txt /\n")
    app.commit()
    app.name = ""
    app.environ |= {"ECR_REPOSITORY_PREFIX": "team/", "ECR_DESTINATIONS": DESTINATIONS[0]}
    for name in names:
        api(local_ecr, "eu-west-1").create_repository(registryId=ACCOUNT, repositoryName=f"team/{name}")
    is_planned, answers = threading.Event(), threading.Event()

    def hold(request: Request) -> None:
        is_home = f"/{local_ecr.region}/".encode() in request.head
        if is_home and request.operation == "GetAuthorizationToken":
            is_planned.set()
        if is_home and request.operation == "DescribeImages" and is_planned.is_set():
            answers.wait(60)

    def uploads() -> list[str]:
        places = [tags_by_digest(local_ecr, "eu-west-1", f"team/{name}") for name in names]
        return [tag for place in places for tags in place.values() for tag in tags if "upload" in tag]

    with FaultProxy(local_ecr.port, after=hold) as proxy:
        app.environ["AWS_ENDPOINT_URL_ECR"] = f"http://{proxy.address}"
        with app.start("build", "push") as process:
            until = time.monotonic() + 60
            while len(uploads()) < len(names):
                assert time.monotonic() < until
                time.sleep(0.1)
            time.sleep(0.5)  # each has looked at what it has uploaded
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        answers.set()
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in errors
    assert uploads() == []


def test_existing_layers_are_not_uploaded_again(app: Project, local_ecr: LocalEcr) -> None:
    def uploads() -> int:
        return local_ecr.requests(account=ACCOUNT, region="eu-west-1").get("PUT upload", 0)

    app.ok("build", "push")
    first = uploads()
    app.write("hello.txt", "changed\n")
    app.commit()
    app.ok("build", "push", ECR_TAGS="type=sha")
    assert first == 3, "the base's layer, ours, and the configuration"
    assert uploads() - first == 2, "our layer and the configuration"


def test_every_platform_is_copied(app: Project, local_ecr: LocalEcr) -> None:
    app.write("Dockerfile", "FROM scratch\nCOPY hello.txt /\n")
    app.commit()
    app.environ["ECR_PLATFORMS"] = "linux/amd64,linux/arm64"
    digest = app.ok("build", "push").lines[0].partition("@")[2]
    stored = tags_by_digest(local_ecr, "eu-west-1", "team/app")
    assert len(stored) == 3
    assert [item for item in stored if stored[item]] == [digest]


def test_a_missing_repository_does_not_stop_the_others_and_is_the_only_one_in_the_next_run(
    app: Project, local_ecr: LocalEcr
) -> None:
    api(local_ecr, "us-west-2").create_repository(registryId=ACCOUNT, repositoryName="prod/app")
    app.environ["ECR_CREATE_REPOSITORY"] = "false"
    api(local_ecr, local_ecr.region).create_repository(repositoryName="team/app")
    result = app.inv("build", "push")
    assert (result.code, len(result.lines)) == (5, 2)
    cause, remedy = result.stderr.strip().splitlines()[-2:]
    assert f"{DESTINATIONS[0]}/team/app" in cause
    assert "does not exist" in cause
    assert "ECR_CREATE_REPOSITORY" in remedy
    assert list(tags_by_digest(local_ecr, "us-west-2", "prod/app")) == [result.lines[0].partition("@")[2]]
    assert [item["destination"] for item in app.receipt["images"][0]["failed"]] == [f"{DESTINATIONS[0]}/team/app"]
    before = local_ecr.requests()
    assert len(app.ok("push", ECR_CREATE_REPOSITORY="true").lines) == 3
    requests = requests_since(local_ecr, before)
    assert requests["PUT manifest"] == 1
    assert requests["CreateRepository"] == 1


@pytest.mark.parametrize("operation", ["", "PutImage"])
def test_a_destination_without_permission_does_not_stop_the_others(
    app: Project, local_ecr: LocalEcr, operation: str
) -> None:
    with FaultProxy(upstream=local_ecr.port) as proxy:
        proxy.denied = b"/eu-west-1/ecr/aws4_request"
        proxy.denied_operation = operation
        result = app.inv("build", "push", AWS_ENDPOINT_URL_ECR=f"http://{proxy.address}")
        assert (result.code, len(result.lines)) == (4, 2)
        cause, remedy = result.stderr.strip().splitlines()[-2:]
        assert "eu-west-1" in cause or "team/app" in cause
        assert "does not allow these credentials" in cause
        assert "A second run does only that." in remedy
        digest = result.lines[0].partition("@")[2]
        assert "latest" in tags_by_digest(local_ecr, "us-west-2", "prod/app")[digest]
        result = app.inv(
            "promote", digest, "--to", DESTINATIONS[0], "--tag", "x", AWS_ENDPOINT_URL_ECR=f"http://{proxy.address}"
        )
        assert (result.code, result.stdout) == (4, ""), result.stderr
        message = "the tag x in team/app" if operation else f"the repository team/app of {ACCOUNT} in eu-west-1"
        assert message in result.stderr
        proxy.denied = b""
        assert len(app.ok("push", AWS_ENDPOINT_URL_ECR=f"http://{proxy.address}").lines) == 3
    assert "latest" in tags_by_digest(local_ecr, "eu-west-1", "team/app")[digest]


def test_a_fixed_tag_on_another_image_is_refused_in_that_destination_only(app: Project, local_ecr: LocalEcr) -> None:
    first = app.ok("build", "push").lines[0].partition("@")[2]
    app.write("hello.txt", "other\n")
    app.commit()
    app.git("tag", "v1.2.4")
    app.ok("promote", first, "--to", DESTINATIONS[0], "--tag", "1.2.4")
    result = app.inv("build", "push")
    assert (result.code, len(result.lines)) == (6, 2)
    second = result.lines[0].partition("@")[2]
    for words in (first, second, "1.2.4", "never moves"):
        assert words in result.stderr
    assert second not in tags_by_digest(local_ecr, "eu-west-1", "team/app")
    assert "1.2.4" in tags_by_digest(local_ecr, "us-west-2", "prod/app")[second]


def test_latest_does_not_move_back_in_a_destination(app: Project, local_ecr: LocalEcr) -> None:
    newer_digest = app.ok("build", "push").lines[0].partition("@")[2]
    app.patch_an_older_release()
    result = app.ok("build", "push")
    for region, name in (("eu-west-1", "team/app"), ("us-west-2", "prod/app")):
        assert "latest" in tags_by_digest(local_ecr, region, name)[newer_digest]
        assert "1.1.9" in tags_by_digest(local_ecr, region, name)[result.lines[0].partition("@")[2]]


def test_the_plan_is_carried_out_and_a_dry_run_changes_nothing(app: Project, local_ecr: LocalEcr) -> None:
    app.ok("--dry", "build", "push")
    assert [item for item in local_ecr.registries() if item["account"] == ACCOUNT] == []
    (image,) = json.loads(app.ok("plan", "--json").stdout)["images"]
    assert [(item["destination"], item["creates_repository"]) for item in image["destinations"]] == [
        (DESTINATIONS[0], True),
        (DESTINATIONS[1], True),
    ]
    app.ok("build", "push")
    (image,) = json.loads(app.ok("plan", "--json").stdout)["images"]
    assert {tag["state"] for item in image["destinations"] for tag in item["tags"]} == {"present"}


def test_promote_copies_to_another_registry(app: Project, local_ecr: LocalEcr) -> None:
    pushed = app.ok("build", "push", ECR_DESTINATIONS="").lines[0]
    api(local_ecr, "us-west-2").create_repository(registryId=ACCOUNT, repositoryName="prod/app")
    (promoted,) = app.ok("promote", pushed, "--to", DESTINATIONS[1], "--tag", "1.2.3").lines
    assert promoted.partition("@")[2] == pushed.partition("@")[2]
    assert promoted.partition("/")[0] != pushed.partition("/")[0]
    assert tags_by_digest(local_ecr, "us-west-2", "prod/app") == {pushed.partition("@")[2]: ["1.2.3"]}


def test_each_destination_is_reached_by_its_own_role_and_one_that_may_not_be_assumed_stops_no_other(
    app: Project, local_ecr: LocalEcr
) -> None:
    """A role's session has no access to other accounts here, so that the wrong one would be refused."""
    other, third = "333344445555", "444455556666"
    accounts = {ACCOUNT: local_ecr.account, other: local_ecr.account, third: other}
    roles = {
        account: create_role(local_ecr.endpoint, account, "push", {"AWS": trusted}, external_id=f"id-{account}")
        for account, trusted in accounts.items()
    }
    places = {account: f"{account}/eu-west-1,role={role},external-id=id-{account}" for account, role in roles.items()}
    before = local_ecr.requests()
    result = app.inv("build", "push", ECR_DESTINATIONS="\n".join(places.values()) + "\n")
    cause, remedy = result.stderr.strip().splitlines()[-2:]
    assert result.code == 4
    assert f"not in {third}/eu-west-1/team/app: The role {roles[third]} may not be assumed" in cause
    assert "trust policy" in remedy
    digest = result.lines[0].partition("@")[2]
    assert [line.partition("@")[2] for line in result.lines] == [digest] * 3
    assert requests_since(local_ecr, before)["AssumeRole"] == len(roles)
    there = {item["account"] for item in local_ecr.registries()}
    assert (ACCOUNT in there, other in there, third in there) == (True, True, False)

    # promote: another account's role, a wrong external id, and the right one.
    pushed = result.lines[0]
    for wrong, words in (
        (f"{ACCOUNT}/eu-west-1,role={roles[other]},external-id=id-{other}", "not authorized to perform"),
        (f"{ACCOUNT}/eu-west-1,role={roles[ACCOUNT]},external-id=id-{other}", "may not be assumed"),
        (f"{ACCOUNT}/eu-west-1,profile=nobody", "nobody"),
    ):
        refused = app.inv("promote", pushed, "--to", wrong, "--tag", "stable")
        assert (refused.code, refused.stdout, words in refused.stderr) == (4, "", True), refused.stderr
    assert "stable" not in tags_by_digest(local_ecr, "eu-west-1", "team/app")[digest]
    app.ok("promote", pushed, "--to", places[ACCOUNT], "--tag", "stable")
    assert "stable" in tags_by_digest(local_ecr, "eu-west-1", "team/app")[digest]
    # The identity that ECR_DESTINATIONS has for the registry, which a person need not say again.
    app.ok("promote", pushed, "--to", f"{ACCOUNT}/eu-west-1", "--tag", "newer", ECR_DESTINATIONS=places[ACCOUNT])
    page = app.inv("doctor", ECR_DESTINATIONS=f"{places[ACCOUNT]},{places[third]}").stdout
    assert "assumed-role/push/ecr-tasks" in page
    assert f"The role {roles[third]} may not be assumed" in page
