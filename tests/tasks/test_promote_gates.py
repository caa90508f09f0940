"""Tests of the gates of `promote`: nothing is set or copied before every gate has passed, and waiting ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.scan import Finding, ScanResult
from ecr_tasks.model.signing import Signing
from ecr_tasks.plan.gates import Waits
from tests.support.build import HOST, REVISION_B, digest, index, manifest, repository
from tests.tasks.conftest import CHANGING_CALLS, Project

NEW_IMAGE = manifest("new")
AMD, ARM = manifest("amd64"), manifest("arm64")
INDEX = index(
    [
        ({"os": "linux", "architecture": "amd64"}, AMD.digest),
        ({"os": "linux", "architecture": "arm64"}, ARM.digest),
        ({"os": "unknown", "architecture": "unknown"}, digest("attestation")),
    ]
)
CLEAN_SCAN = ScanResult("COMPLETE", counts={"LOW": 2})
SCAN_WITH_HIGH = ScanResult("COMPLETE", counts={"HIGH": 1}, findings=(Finding("HIGH", "CVE-2024-1"),))
RUNNING_SCAN = ScanResult("IN_PROGRESS")
TO_OPTION = ("--to", "210987654321/us-east-1/prod/app")
SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
PROFILE = "arn:aws:signer:eu-central-1:123456789012:/signing-profiles/release"
SIGNED_BY = f"ECR_SIGNED_BY=key=cosign.pub,profile={PROFILE}\n"
ALL_GATES = ("--require-scan", "--require-signature", "--from-branch", "main")


class Clock:
    """A clock whose time passes only in ``sleep``. It records the pauses."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock of the gates."""
    clock = Clock()
    monkeypatch.setattr("ecr_tasks.plan.gates.WAITS", Waits(sleep=clock.sleep, clock=lambda: clock.now))
    return clock


@pytest.fixture
def app(project: Project, clock: Clock) -> Project:
    """Return a project whose repository has an image and an index of an unknown commit; a second one is empty."""
    project.write(".env", f"AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\n{SIGNED_BY}")
    project.registry.put("team/app", NEW_IMAGE, "v1")
    for image in (AMD, ARM):
        project.registry.put("team/app", image)
    project.registry.put("team/app", INDEX, "multi")
    project.registry.repositories["prod/app"] = repository(name="prod/app")
    project.registry.stored["prod/app"], project.registry.tags["prod/app"] = {}, {}
    return project


def signature(subject: str, artifact_type: str = SIGNATURE) -> StoredImage:
    """Return an artifact about a subject, a signature by default."""
    text = f'{{"artifactType": "{artifact_type}", "subject": {{"digest": "{subject}"}}}}'
    return StoredImage(digest(text), text, NEW_IMAGE.media_type)


def put_image_that_passes(app: Project) -> StoredImage:
    """Store an image of the current commit that passes all gates, and return it."""
    image = manifest("passing", app.revision)
    app.registry.put("team/app", image, "passing")
    app.registry.put("team/app", signature(image.digest))
    app.signatures.signed.add((image.digest, "key cosign.pub"))
    app.registry.scans[image.digest] = [CLEAN_SCAN]
    return image


@pytest.mark.parametrize("to_option", [(), TO_OPTION])
def test_passed_gates_are_in_the_json_document(app: Project, to_option: tuple[str, ...]) -> None:
    image = put_image_that_passes(app)
    result = app.inv("promote", "passing", "--tag", "rc", *to_option, *ALL_GATES, "--json")
    assert result.code == 0, result.stderr
    (image_json,) = result.document["images"]
    scan, signed, branch = image_json["gates"]
    assert (scan["gate"], scan["level"], scan["passed"]) == ("require-scan", "critical", True)
    assert scan["scans"] == [
        {"platform": None, "digest": image.digest, "status": "COMPLETE", "findings": {"low": 2}},
    ]
    assert signed == {
        "gate": "require-signature",
        "signers": "key cosign.pub, signing profile release",
        "passed": True,
        "signatures": [signature(image.digest).digest],
        "signed_by": "key cosign.pub",
        "checked_by": "cosign",
    }
    assert (branch["gate"], branch["branch"], branch["passed"]) == ("from-branch", "main", True)
    assert branch["revision"] == app.revision


def test_without_a_gate_there_are_no_more_calls(app: Project) -> None:
    (image_json,) = app.inv("promote", "v1", "--tag", "rc", "--json").document["images"]
    assert image_json["gates"] == []
    assert [call[0] for call in app.calls.log] == ["find", "set_tag", "attach"]


@pytest.mark.parametrize("to_option", [(), TO_OPTION])
@pytest.mark.parametrize("dry", [(), ("--dry",)])
def test_every_failed_gate_is_named_and_nothing_changes(
    app: Project, to_option: tuple[str, ...], dry: tuple[str, ...]
) -> None:
    app.registry.scans = {AMD.digest: [CLEAN_SCAN], ARM.digest: [SCAN_WITH_HIGH]}
    result = app.inv(*dry, "promote", "multi", "--tag", "rc", *to_option, "--require-scan=high", *ALL_GATES[1:])
    assert (result.code, result.stdout) == (6, "")
    assert "3 conditions" in result.stderr
    assert "(linux/arm64) found 1 high (CVE-2024-1)" in result.stderr
    assert "amd64" not in result.stderr
    assert "has no signature" in result.stderr
    assert "no commit that this clone knows" in result.stderr
    assert app.calls.named(*CHANGING_CALLS, "copy") == []


def test_if_one_of_several_images_fails_none_is_tagged(app: Project) -> None:
    app.write(".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=x/\n")
    app.write("docker-bake.hcl", "")
    app.docker.bake_targets = {name: BuildDefinition(".") for name in "abc"}
    images = {name: manifest(name) for name in "abc"}
    for name, image in images.items():
        app.registry.repositories[f"x/{name}"] = repository(name=f"x/{name}")
        app.registry.stored[f"x/{name}"], app.registry.tags[f"x/{name}"] = {}, {}
        app.registry.put(f"x/{name}", image, "v1")
    app.registry.scans = {
        images["a"].digest: [CLEAN_SCAN],
        images["b"].digest: [RUNNING_SCAN, SCAN_WITH_HIGH],
        images["c"].digest: [ScanResult("UNSUPPORTED_IMAGE")],
    }
    result = app.inv("promote", "v1", "--tag", "rc", "--require-scan=high")
    assert result.code == 6
    assert "x/b@" in result.stderr
    assert "UNSUPPORTED_IMAGE" in result.stderr
    assert "x/a" not in result.stderr
    assert app.calls.named(*CHANGING_CALLS) == []


@pytest.mark.parametrize("to_option", [(), TO_OPTION])
def test_a_dry_run_checks_and_changes_nothing(app: Project, to_option: tuple[str, ...]) -> None:
    put_image_that_passes(app)
    result = app.inv("--dry", "promote", "passing", "--tag", "rc", *to_option, *ALL_GATES)
    assert (result.code, result.stdout) == (0, "")
    for gate in ("--require-scan passed", "--require-signature passed", "--from-branch passed"):
        assert gate in result.stderr
    assert app.calls.named(*CHANGING_CALLS, "copy") == []


def test_the_level_comes_from_the_flag_or_else_from_the_setting(app: Project) -> None:
    app.registry.scans = {NEW_IMAGE.digest: [SCAN_WITH_HIGH]}
    assert app.inv("promote", "v1", "--tag", "rc", "--require-scan").code == 0
    assert app.inv("promote", "v1", "--tag", "rc", "--require-scan", ECR_SCAN_FAIL_ON="High").code == 6
    assert app.inv("promote", "v1", "--tag", "rc", "--require-scan=critical", ECR_SCAN_FAIL_ON="high").code == 0
    assert app.inv("promote", "v1", "--tag", "rc", ECR_SCAN_FAIL_ON="high").code == 0


@pytest.mark.parametrize(
    "words", [("--require-scan=foo",), ("--require-scan=",), ("--from-branch", "mian"), ("--from-branch=",)]
)
def test_invalid_arguments_are_exit_code_2_before_any_call(app: Project, words: tuple[str, ...]) -> None:
    app.inv("promote", "v1", "--tag", "rc", *words).failed(2)
    assert app.calls.log == []


def test_a_running_scan_is_waited_for_with_growing_pauses(app: Project, clock: Clock) -> None:
    app.registry.scans = {NEW_IMAGE.digest: [None, ScanResult("PENDING"), *[RUNNING_SCAN] * 6, CLEAN_SCAN]}
    result = app.inv("promote", "v1", "--tag", "rc", "--require-scan")
    assert result.code == 0
    assert clock.slept == [2, 3, 4.5, 6.75, 10, 10, 10, 10]
    waiting = [line for line in result.stderr.splitlines() if line.startswith("waiting")]
    assert [line.rpartition("(")[2] for line in waiting[1:]] == ["PENDING)", "IN_PROGRESS)"]


@pytest.mark.parametrize("scan", [RUNNING_SCAN, ScanResult("PENDING")])
def test_waiting_ends_after_five_minutes(app: Project, clock: Clock, scan: ScanResult) -> None:
    app.registry.scans = {NEW_IMAGE.digest: [scan]}
    assert scan.status in app.inv("promote", "v1", "--tag", "rc", "--require-scan").failed(6)
    assert clock.now == pytest.approx(300, abs=1)
    assert app.calls.named(*CHANGING_CALLS) == []


def test_a_scan_that_never_begins_is_waited_for_a_minute(app: Project, clock: Clock) -> None:
    assert "There is no scan of" in app.inv("promote", "v1", "--tag", "rc", "--require-scan").failed(6)
    assert clock.now == pytest.approx(60, abs=10)


def test_the_missing_scan_of_an_old_image_is_not_waited_for(app: Project, clock: Clock) -> None:
    app.registry.pushed[NEW_IMAGE.digest] = datetime.now(timezone.utc) - timedelta(days=1)
    assert "There is no scan of" in app.inv("promote", "v1", "--tag", "rc", "--require-scan").failed(6)
    assert clock.slept == []


def test_the_checked_image_is_promoted_although_its_tag_moved(app: Project) -> None:
    app.registry.scans = {NEW_IMAGE.digest: [RUNNING_SCAN, CLEAN_SCAN]}
    other = manifest("pushed meanwhile")
    app.calls.after["scan"] = lambda: app.registry.put("team/app", other, "v1")
    assert app.inv("promote", "v1", "--tag", "rc", "--require-scan").stdout == f"{HOST}/team/app@{NEW_IMAGE.digest}\n"
    assert app.tags["rc"] == NEW_IMAGE.digest
    assert app.tags["v1"] == other.digest


def test_a_fixed_tag_that_another_run_set_while_we_waited_is_not_moved(app: Project) -> None:
    app.registry.scans = {NEW_IMAGE.digest: [RUNNING_SCAN, CLEAN_SCAN]}
    other = manifest("another's release", REVISION_B)
    app.calls.after["scan"] = lambda: app.registry.put("team/app", other, "1.2.3")
    assert other.digest in app.inv("promote", "v1", "--tag", "1.2.3", "--require-scan").failed(6)
    assert app.tags["1.2.3"] == other.digest


def test_a_signature_that_appears_while_we_wait_is_copied(app: Project) -> None:
    app.registry.signings = {NEW_IMAGE.digest: [[Signing("IN_PROGRESS")], [Signing("COMPLETE", "", PROFILE)]]}
    signed = signature(NEW_IMAGE.digest, "application/vnd.cncf.notary.signature")
    app.calls.after["signing_statuses"] = lambda: app.registry.put("team/app", signed)
    assert app.inv("promote", "v1", *TO_OPTION, "--require-signature").code == 0
    assert set(app.registry.stored["prod/app"]) >= {NEW_IMAGE.digest, signed.digest}


def sign_by_referrer(app: Project) -> None:
    app.registry.put("team/app", signature(INDEX.digest))


def sign_by_cosign_tag(app: Project) -> None:
    app.registry.put("team/app", manifest("signed"), INDEX.digest.replace(":", "-") + ".sig")


def sign_by_referrers_tag(app: Project) -> None:
    text = f'{{"manifests": [{{"digest": "{digest("s")}", "artifactType": "{SIGNATURE}"}}]}}'
    listing = StoredImage(digest(text), text, INDEX.media_type)
    app.registry.put("team/app", listing, INDEX.digest.replace(":", "-"))


def sign_by_managed_signing(app: Project) -> None:
    app.registry.signings[INDEX.digest] = [[Signing("COMPLETE", "", PROFILE)]]


def sign_one_platform_only(app: Project) -> None:
    app.registry.put("team/app", signature(AMD.digest))
    app.registry.put("team/app", manifest("signed"), AMD.digest.replace(":", "-") + ".sig")


def attach_an_sbom(app: Project) -> None:
    app.registry.put("team/app", signature(INDEX.digest, "application/spdx+json"))


def fail_managed_signing(app: Project) -> None:
    app.registry.signings[INDEX.digest] = [[Signing("FAILED", "The profile is gone", PROFILE)]]


def sign_by_another_key(app: Project) -> None:
    app.registry.put("team/app", signature(INDEX.digest))
    app.signatures.signed.add((INDEX.digest, "key other.pub"))


def sign_by_another_profile(app: Project) -> None:
    app.registry.signings[INDEX.digest] = [[Signing("COMPLETE", "", PROFILE + "2")]]


@pytest.mark.parametrize(
    "sign", [sign_by_referrer, sign_by_cosign_tag, sign_by_referrers_tag, sign_by_managed_signing]
)
def test_these_signatures_pass_the_gate(app: Project, sign: Callable[[Project], None]) -> None:
    sign(app)
    app.signatures.signed.add((INDEX.digest, "key cosign.pub"))
    assert app.inv("promote", "multi", "--tag", "rc", "--require-signature").code == 0


@pytest.mark.parametrize(
    "sign",
    [
        sign_one_platform_only,
        attach_an_sbom,
        fail_managed_signing,
        sign_by_another_key,
        sign_by_another_profile,
    ],
)
def test_these_artifacts_do_not_pass_the_gate(app: Project, sign: Callable[[Project], None]) -> None:
    sign(app)
    error = app.inv("promote", "multi", "--tag", "rc", "--require-signature").failed(6)
    assert ("The profile is gone" in error) is (sign is fail_managed_signing)
    assert app.calls.named(*CHANGING_CALLS) == []


def test_a_required_signature_without_an_expected_signer_is_refused(app: Project) -> None:
    sign_by_referrer(app)
    app.write(".env", "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\n")
    error = app.inv("promote", "multi", "--tag", "rc", "--require-signature").failed(2)
    assert "ECR_SIGNED_BY" in error
    assert app.calls.log == []


def test_a_missing_program_is_named_before_any_call(app: Project) -> None:
    app.signatures.missing = {"cosign"}
    assert "cosign" in app.inv("promote", "multi", "--tag", "rc", "--require-signature").failed(2)
    assert app.calls.log == []


def test_an_index_in_an_index_is_checked_and_an_empty_index_is_refused(app: Project) -> None:
    text = f'{{"manifests": [{{"mediaType": "{INDEX.media_type}", "digest": "{INDEX.digest}"}}]}}'
    outer = StoredImage(digest(text), text, INDEX.media_type)
    app.registry.put("team/app", outer, "outer")
    app.registry.put("team/app", index([]), "empty")
    app.registry.scans = {AMD.digest: [CLEAN_SCAN], ARM.digest: [SCAN_WITH_HIGH]}
    assert "(linux/arm64)" in app.inv("promote", "outer", "--tag", "rc", "--require-scan=high").failed(6)
    assert app.inv("promote", "outer", "--tag", "rc", "--require-scan").code == 0
    assert "holds no image" in app.inv("promote", "empty", "--tag", "rc", "--require-scan").failed(6)


@pytest.mark.parametrize("to_option", [(), TO_OPTION])
def test_a_failure_at_any_call_of_the_gates_sets_no_tag_and_a_second_run_finishes(
    app: Project, to_option: tuple[str, ...]
) -> None:
    image = put_image_that_passes(app)
    words = ("promote", "passing", "--tag", "rc", *to_option, *ALL_GATES)
    assert app.inv(*words).code == 0
    call_names = [call[0] for call in app.calls.log]
    last = max(call_names.index(name) for name in ("scan", "list_attached"))
    target_tags = app.registry.tags["prod/app" if to_option else "team/app"]
    for step in range(last + 1):
        target_tags.pop("rc")
        app.calls.fail_at = step
        assert app.inv(*words).code == 5
        assert "rc" not in target_tags
        app.calls.fail_at = None
        assert app.inv(*words).code == 0
        assert target_tags["rc"] == image.digest
