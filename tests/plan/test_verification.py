"""What `verify` says of a published image: each check alone, right and wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ecr_tasks.errors import ExitCode
from ecr_tasks.model.finding import State
from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.plan.gates import Failed, Passed, Pending
from ecr_tasks.plan.replication_gate import APPEARS_SECONDS, judge_replication
from ecr_tasks.plan.verification import (
    check_digest,
    check_media_type,
    check_platforms,
    check_tags,
    gate_finding,
    replication_finding,
    section_of,
)
from ecr_tasks.settings.schema import Preset
from tests.support.build import MANIFEST, digest, index, manifest, repository

SECTION = section_of("host/team/app")
IMAGE = manifest("app")
AMD, ARM = ({"os": "linux", "architecture": name} for name in ("amd64", "arm64"))
BOTH = index([(AMD, digest("amd")), (ARM, digest("arm"))])
HERE, FAR = ("123456789012", "eu-west-1"), ("123456789012", "us-west-2")


@pytest.mark.parametrize(
    ("detail", "state", "words"),
    [
        (ImageDetail(IMAGE.digest, MANIFEST), "fine", IMAGE.digest),
        (None, "wrong", "there is no"),
        (ImageDetail(IMAGE.digest, MANIFEST, status="ARCHIVED"), "wrong", "nobody can pull it"),
    ],
)
def test_the_registry_must_have_the_image(detail: ImageDetail | None, state: State, words: str) -> None:
    finding = check_digest(SECTION, IMAGE.digest, detail)
    assert (finding.state, words in finding.text) == (state, True)
    if state == "wrong":
        assert (finding.code, bool(finding.remedy)) == (ExitCode.REFUSED, True)


def test_each_tag_must_be_on_the_image() -> None:
    assert check_tags(SECTION, IMAGE.digest, {"1.2.3": IMAGE.digest}).state == "fine"
    finding = check_tags(SECTION, IMAGE.digest, {"1.2.3": IMAGE.digest, "main": digest("newer"), "1.2": None})
    assert finding.state == "wrong"
    assert "main is on sha256:" in finding.text
    assert "1.2 is missing" in finding.text
    assert "1.2.3" not in finding.text


@pytest.mark.parametrize(
    ("expected", "existing", "state", "words"),
    [
        (("linux/amd64", "linux/arm64/v8"), ("amd", "arm"), "fine", "linux/amd64, linux/arm64"),
        ((), ("amd", "arm"), "fine", "linux/amd64"),
        (("linux/amd64", "linux/s390x"), ("amd", "arm"), "wrong", "linux/s390x is missing"),
        ((), ("amd",), "wrong", "manifest of linux/arm64 is missing"),
    ],
)
def test_each_platform_must_be_there_with_its_manifest(
    expected: tuple[str, ...], existing: tuple[str, ...], state: State, words: str
) -> None:
    finding = check_platforms(SECTION, BOTH, expected, [digest(name) for name in existing], BOTH.children)
    assert (finding.state, words in finding.text) == (state, True), finding


def test_the_platform_of_a_single_image_is_its_configurations() -> None:
    assert check_platforms(SECTION, IMAGE, ("linux/arm64",), (), [("linux/arm64", IMAGE.digest)]).state == "fine"
    assert check_platforms(SECTION, IMAGE, ("linux/arm64",), (), [("linux/amd64", IMAGE.digest)]).state == "wrong"
    assert check_platforms(SECTION, IMAGE, ("linux/arm64",), (), [("", IMAGE.digest)]).state == "unknown"


@pytest.mark.parametrize(
    ("media_type", "preset", "state"),
    [
        (BOTH.media_type, "default", "fine"),
        (BOTH.media_type, "lambda", "wrong"),
        (MANIFEST, "lambda", "fine"),
        ("application/vnd.cncf.helm.config.v1+json", "default", "wrong"),
        ("", "default", "wrong"),
    ],
)
def test_the_media_type_must_be_one_that_the_preset_is_for(media_type: str, preset: Preset, state: State) -> None:
    assert check_media_type(SECTION, replace(IMAGE, media_type=media_type), preset).state == state


def test_every_failed_gate_is_told_and_each_remedy_once() -> None:
    failed: list[Passed | Failed] = [
        Failed("The first is bad.", "Mend it."),
        Failed("So is the second.", "Mend it."),
        Passed("the third"),
    ]
    finding = gate_finding(SECTION, "scan", failed)
    assert (finding.state, finding.text) == ("wrong", "The first is bad. So is the second")
    assert finding.remedy == "Mend it."
    assert gate_finding(SECTION, "scan", [Passed("no findings"), Passed("none")]).text == "no findings; none"


@pytest.mark.parametrize(
    ("statuses", "verdict", "state", "words"),
    [
        ({HERE: "COMPLETE", FAR: "COMPLETE"}, Passed, "fine", "123456789012/us-west-2"),
        ({HERE: "COMPLETE", FAR: "FAILED"}, Failed, "wrong", "123456789012/us-west-2 FAILED"),
        ({HERE: "IN_PROGRESS", FAR: "FAILED"}, Failed, "wrong", "us-west-2 FAILED"),
        ({HERE: "COMPLETE", FAR: "IN_PROGRESS"}, Pending, "wrong", "us-west-2 IN_PROGRESS"),
        ({HERE: "COMPLETE", FAR: None}, Pending, "warning", "none to 123456789012/us-west-2"),
        ({HERE: "FAILED", FAR: None}, Failed, "wrong", "eu-west-1 FAILED"),
    ],
)
def test_replication_must_have_reached_every_place(
    statuses: Mapping[tuple[str, str], str | None], verdict: type, state: State, words: str
) -> None:
    judged = judge_replication(repository(), IMAGE.digest, statuses)
    assert isinstance(judged, verdict)
    if isinstance(judged, Pending):  # what ECR says nothing of is not waited for as long as what is under way
        assert judged.within == (None if "IN_PROGRESS" in statuses.values() else APPEARS_SECONDS)
        assert "us-west-2" in judged.otherwise.cause
    finding = replication_finding(SECTION, statuses)
    assert finding is not None
    assert (finding.state, words in finding.text) == (state, True), finding


def test_without_a_rule_there_is_no_word_of_replication() -> None:
    assert replication_finding(SECTION, {}) is None


def test_a_copy_makes_up_for_a_replication_that_failed() -> None:
    statuses: dict[tuple[str, str], str | None] = {HERE: "COMPLETE", FAR: "FAILED"}
    finding = replication_finding(SECTION, statuses, {FAR})
    assert finding is not None
    assert (finding.state, finding.text) == (
        "fine",
        "123456789012/eu-west-1, 123456789012/us-west-2 (copied by push)",
    )
    elsewhere = replication_finding(SECTION, statuses, {HERE})
    assert elsewhere is not None
    assert elsewhere.state == "wrong"
