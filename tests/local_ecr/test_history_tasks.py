"""`history` and `rollback` with the local ECR: what is recorded, how few calls it takes, and runs at one time."""

from __future__ import annotations

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ecr_tasks.errors import ExitCode
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.model.artifact import EMPTY_CONFIG, Artifact
from ecr_tasks.model.inventory import RELEASE
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.release import DOCUMENT, Release, TagPlace
from tests.local_ecr.http_client import OCI_MANIFEST, HttpClient, digest_of
from tests.local_ecr.shell import Shell
from tests.local_ecr.test_page import document

CONFIG = b'{"os": "linux", "architecture": "amd64"}'


def push(http: HttpClient, repository: str, *tags: str) -> dict[str, str]:
    """Push an image for each tag, as docker has them, and return their digests by tag."""
    return {tag: digest_of(http.push_image(repository, tag, tag.encode(), config=CONFIG)) for tag in tags}


def history(shell: Shell, *words: str) -> list[tuple[int, str, bool]]:
    """Return number, digest and whether it is recorded, of each image that `history` lists."""
    done = shell.inv("history", *words, "--json")
    assert done.returncode == 0, done.stderr
    (image,) = json.loads(done.stdout)["images"]
    return [(item["number"], item["digest"], item["record"] is not None) for item in image["history"]]


def tagged(api: Any, repository: str, tag: str) -> str:
    (image,) = api.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])["imageDetails"]
    return str(image["imageDigest"])


def test_the_first_record_brings_the_empty_layer_and_the_others_are_one_call(
    shell: Shell, api: Any, http: HttpClient, repository: str
) -> None:
    """Also where every tag is locked: a record has none."""
    digests = push(http, repository, "v1", "v2")
    exclusions = [{"filterType": "WILDCARD", "filter": "prod"}]
    api.put_image_tag_mutability(
        repositoryName=repository,
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=exclusions,
    )
    done, first = shell.calls("promote", "v1", "--tag", "prod")
    assert (done.returncode, "Warning" in done.stderr) == (0, False), done.stderr
    assert first["CompleteLayerUpload"] == 1
    done, second = shell.calls("promote", "v2", "--tag", "prod")
    assert second == {"DescribeImages": 2, "BatchGetImage": 1, "PutImage": 2, "GetCallerIdentity": 1}
    (record,) = api.list_image_referrers(repositoryName=repository, subjectId={"imageDigest": digests["v2"]})[
        "referrers"
    ]
    assert record["artifactType"] == RELEASE
    assert json.loads(record["annotations"][DOCUMENT])["tags"] == [{"tag": "prod", "was": digests["v1"]}]
    assert history(shell, "prod") == [(0, digests["v2"], True), (1, digests["v1"], True)]


def test_a_record_is_read_once(shell: Shell, ecr: LocalEcr, api: Any, http: HttpClient, repository: str) -> None:
    digests = push(http, repository, "v1", "v2")
    for tag in digests:
        assert shell.inv("promote", tag, "--tag", "prod").returncode == 0
    other = {"XDG_CACHE_HOME": str(shell.folder / "another-machine")}
    look = {"DescribeRepositories": 1, "DescribeImages": 1}
    assert shell.calls("history", "prod", **other)[1] == {**look, "BatchGetImage": 1}
    assert shell.calls("history", "prod", **other)[1] == look
    pulled = {item["imageDigest"] for item in details(api, repository) if "lastRecordedPullTime" in item}
    assert not pulled - {digests["v1"], digests["v2"], *records_of(api, repository)}


def details(api: Any, repository: str) -> list[Any]:
    return list(api.describe_images(repositoryName=repository)["imageDetails"])


def records_of(api: Any, repository: str) -> set[str]:
    return {item["imageDigest"] for item in details(api, repository) if item.get("artifactMediaType") == RELEASE}


def test_a_rollback_is_a_look_and_a_put(shell: Shell, api: Any, http: HttpClient, repository: str) -> None:
    digests = push(http, repository, "v1", "v2")
    for tag in digests:
        assert shell.inv("promote", tag, "--tag", "prod").returncode == 0
    done, calls = shell.calls("rollback", "prod")
    assert done.returncode == 0, done.stderr
    look = {"DescribeRepositories": 1, "DescribeImages": 3}  # the history, then the image and the tag
    assert calls == {**look, "PutImage": 2, "GetCallerIdentity": 1}
    assert tagged(api, repository, "prod") == digests["v1"]
    api.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": digests["v2"]}])
    gone = shell.inv("rollback", "prod")
    assert (gone.returncode, gone.stdout) == (5, "")
    assert f"{digests['v2']}, which team/app:prod was, is gone" in gone.stderr
    assert tagged(api, repository, "prod") == digests["v1"]


def test_a_deleted_image_takes_its_records_along_and_the_next_one_still_names_it(
    shell: Shell, api: Any, http: HttpClient, repository: str
) -> None:
    digests = push(http, repository, "v1", "v2", "v3")
    for tag in digests:
        assert shell.inv("promote", tag, "--tag", "prod").returncode == 0
    api.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": digests["v2"]}])
    assert history(shell, "prod") == [
        (0, digests["v3"], True),
        (1, digests["v2"], False),
        (2, digests["v1"], True),
    ]
    assert shell.inv("rollback", "prod", "--to", "2").returncode == 0
    assert tagged(api, repository, "prod") == digests["v1"]


@pytest.mark.parametrize("wanted", ["20", "250"])
def test_of_many_records_only_as_many_are_read_as_are_shown(
    shell: Shell, api: Any, http: HttpClient, repository: str, wanted: str
) -> None:
    images = []
    for tag in ("v1", "v2"):
        raw = http.push_image(repository, tag, tag.encode(), config=EMPTY_CONFIG)
        images.append(StoredImage(digest_of(raw), raw.decode(), OCI_MANIFEST))
    place = TagPlace("123456789012", "eu-west-1", repository)
    for number in range(230):
        image, other = images if number % 2 else images[::-1]
        release = Release(image.digest, place, {"prod": other.digest}, str(number), str(number))
        api.put_image(repositoryName=repository, imageManifest=release.artifact().manifest(image))
    api.put_image(repositoryName=repository, imageManifest=raw.decode(), imageTag="prod")
    done, calls = shell.calls("history", "prod", "--json", "--limit", wanted)
    (found,) = json.loads(done.stdout)["images"]
    assert (len(found["history"]), found["complete"]) == ((20, False) if wanted == "20" else (231, True))
    assert calls["BatchGetImage"] == (1 if wanted == "20" else 3)


def test_of_promotions_at_one_time_all_are_recorded_and_the_tags_image_is_first(
    shell: Shell, api: Any, http: HttpClient, repository: str
) -> None:
    digests = push(http, repository, *(f"v{number}" for number in range(6)))
    for _ in range(3):
        with ThreadPoolExecutor(6) as pool:
            runs = list(pool.map(lambda tag: shell.inv("promote", tag, "--tag", "prod"), digests))
        assert [run.returncode for run in runs] == [0] * 6
        (newest, *others) = history(shell, "prod", "--limit", "100")
        assert newest == (0, tagged(api, repository, "prod"), True)
        assert {digest for _, digest, recorded in (newest, *others) if recorded} == set(digests.values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_promotion_that_ends_while_a_tag_is_set_is_recorded_and_rolled_back(
    shell: Shell, ecr: LocalEcr, http: HttpClient, api: Any, repository: str, number: signal.Signals
) -> None:
    """By itself where it is interrupted, by the next run where it is killed."""
    digests = push(http, repository, "v1", "v2")
    assert shell.inv("promote", "v1", "--tag", "prod").returncode == 0
    before = ecr.requests()["GetCallerIdentity"]
    ecr.misbehave("PutImage", seconds=0.9, times=1)
    with shell.start("promote", "v2", "--tag", "prod") as process:
        while ecr.requests()["GetCallerIdentity"] == before:  # which is right before
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(number)
        process.communicate()
    assert process.returncode == (-number if number == signal.SIGKILL else ExitCode.INTERRUPTED)
    time.sleep(1)
    if number == signal.SIGKILL or tagged(api, repository, "prod") == digests["v1"]:  # on a very busy machine
        assert shell.inv("promote", "v2", "--tag", "prod").returncode == 0
    assert history(shell, "prod") == [(0, digests["v2"], True), (1, digests["v1"], True)]
    assert shell.inv("rollback", "prod").returncode == 0
    assert tagged(api, repository, "prod") == digests["v1"]


def test_another_types_empty_artifact_and_a_copied_record_are_no_history(
    shell: Shell, api: Any, http: HttpClient, repository: str
) -> None:
    digests = push(http, repository, "v1")
    assert shell.inv("promote", "v1", "--tag", "prod").returncode == 0
    raw = http.push_image(repository, None, b"x", config=CONFIG)
    image = StoredImage(digest_of(raw), raw.decode(), OCI_MANIFEST)
    foreign = Artifact("", (), {DOCUMENT: "{}"}).manifest(image).replace('"artifactType": "",', "")
    api.put_image(repositoryName=repository, imageManifest=foreign)
    elsewhere = Release(image.digest, TagPlace("210987654321", "us-east-1", "team/app"), {"prod": None}, "1", "")
    api.put_image(repositoryName=repository, imageManifest=elsewhere.artifact().manifest(image))
    assert history(shell, "prod") == [(0, digests["v1"], True)]
    assert "210987654321/us-east-1/team/app" in shell.inv("history", "prod").stderr


def test_a_missing_repository_and_the_page(shell: Shell, ecr: LocalEcr, http: HttpClient, repository: str) -> None:
    missing = shell.inv("history", "prod", ECR_REPOSITORY="team/none")
    assert (missing.returncode, missing.stdout) == (5, "")
    assert "repo.ensure" in missing.stderr
    push(http, repository, "v1")
    assert shell.inv("promote", "v1", "--tag", "prod").returncode == 0
    where = {"registry": f"{ecr.account}/{ecr.region}", "repository": repository}
    (image,) = document(ecr, "/_local/images", **where)["images"]
    assert [item["kind"] for item in image["attached"]] == ["release record"]
    listed = shell.inv("images", "--json")
    (shown,) = json.loads(listed.stdout)["repositories"][0]["images"]
    assert [item["kind"] for item in shown["referrers"]] == ["release"]
