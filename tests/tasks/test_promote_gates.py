"""promote with gates: nothing is set or copied before every gate is passed, and waiting ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.ports import Signing
from ecr_tasks.model.scan import Finding, ScanResult
from ecr_tasks.plan.gates import Waits
from tests.support.build import HOST, REVISION_B, digest, index, manifest, repository
from tests.tasks.conftest import CHANGES, Project

NEW = manifest("new")
AMD, ARM = manifest("amd64"), manifest("arm64")
INDEX = index(
    [
        ({"os": "linux", "architecture": "amd64"}, AMD.digest),
        ({"os": "linux", "architecture": "arm64"}, ARM.digest),
        ({"os": "unknown", "architecture": "unknown"}, digest("attestation")),
    ]
)
CLEAN = ScanResult("COMPLETE", counts={"LOW": 2})
BAD = ScanResult("COMPLETE", counts={"HIGH": 1}, findings=(Finding("HIGH", "CVE-2024-1"),))
RUNNING = ScanResult("IN_PROGRESS")
TO = ("--to", "210987654321/us-east-1/prod/app")
SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
ALL = ("--require-scan", "--require-signature", "--from-branch", "main")


class Clock:
    """Time that passes only when somebody sleeps; it notes for how long they did."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("ecr_tasks.plan.gates.WAITS", Waits(sleep=made.sleep, clock=lambda: made.now))
    return made


@pytest.fixture
def app(project: Project, clock: Clock) -> Project:
    """An image and an index of two platforms, of a commit that nobody knows, and an empty second repository."""
    project.registry.put("team/app", NEW, "v1")
    for image in (AMD, ARM):
        project.registry.put("team/app", image)
    project.registry.put("team/app", INDEX, "multi")
    project.registry.repositories["prod/app"] = repository(name="prod/app")
    project.registry.stored["prod/app"], project.registry.tags["prod/app"] = {}, {}
    return project


def signature(subject: str, artifact_type: str = SIGNATURE) -> StoredImage:
    text = f'{{"artifactType": "{artifact_type}", "subject": {{"digest": "{subject}"}}}}'
    return StoredImage(digest(text), text, NEW.media_type)


def ours(app: Project) -> StoredImage:
    """An image of the commit that is checked out, with everything that a gate wants."""
    image = manifest("ours", app.revision)
    app.registry.put("team/app", image, "ours")
    app.registry.put("team/app", signature(image.digest))
    app.registry.scans[image.digest] = [CLEAN]
    return image


@pytest.mark.parametrize("where", [(), TO])
def test_all_gates_passed_is_told(app: Project, where: tuple[str, ...]) -> None:
    image = ours(app)
    done = app.inv("promote", "ours", "--tag", "rc", *where, *ALL, "--json")
    assert done.code == 0, done.stderr
    (found,) = done.document["images"]
    scan, signed, branch = found["gates"]
    assert (scan["gate"], scan["level"], scan["passed"]) == ("require-scan", "critical", True)
    assert scan["scans"] == [
        {"platform": None, "digest": image.digest, "status": "COMPLETE", "findings": {"low": 2}},
    ]
    assert signed == {
        "gate": "require-signature",
        "passed": True,
        "signatures": [signature(image.digest).digest],
    }
    assert (branch["gate"], branch["branch"], branch["passed"]) == ("from-branch", "main", True)
    assert branch["revision"] == app.revision


def test_without_a_gate_nothing_more_is_asked(app: Project) -> None:
    (found,) = app.inv("promote", "v1", "--tag", "rc", "--json").document["images"]
    assert found["gates"] == []
    assert [call[0] for call in app.calls.log] == ["find", "set_tag"]


@pytest.mark.parametrize("where", [(), TO])
@pytest.mark.parametrize("dry", [(), ("--dry",)])
def test_every_failed_gate_is_named_and_nothing_changes(
    app: Project, where: tuple[str, ...], dry: tuple[str, ...]
) -> None:
    app.registry.scans = {AMD.digest: [CLEAN], ARM.digest: [BAD]}
    done = app.inv(*dry, "promote", "multi", "--tag", "rc", *where, "--require-scan=high", *ALL[1:])
    assert (done.code, done.stdout) == (6, "")
    assert "3 conditions" in done.stderr
    assert "(linux/arm64) found 1 high (CVE-2024-1)" in done.stderr
    assert "amd64" not in done.stderr
    assert "has no signature" in done.stderr
    assert "no commit that this clone knows" in done.stderr
    assert app.calls.named(*CHANGES, "copy") == []


def test_of_several_images_none_is_tagged_when_one_fails(app: Project) -> None:
    app.write(".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=x/\n")
    app.write("docker-bake.hcl", "")
    app.docker.bake_targets = {name: BuildDefinition(".") for name in "abc"}
    images = {name: manifest(name) for name in "abc"}
    for name, image in images.items():
        app.registry.repositories[f"x/{name}"] = repository(name=f"x/{name}")
        app.registry.stored[f"x/{name}"], app.registry.tags[f"x/{name}"] = {}, {}
        app.registry.put(f"x/{name}", image, "v1")
    app.registry.scans = {
        images["a"].digest: [CLEAN],
        images["b"].digest: [RUNNING, BAD],
        images["c"].digest: [ScanResult("UNSUPPORTED_IMAGE")],
    }
    done = app.inv("promote", "v1", "--tag", "rc", "--require-scan=high")
    assert done.code == 6
    assert "x/b@" in done.stderr
    assert "UNSUPPORTED_IMAGE" in done.stderr
    assert "x/a" not in done.stderr
    assert app.calls.named(*CHANGES) == []


@pytest.mark.parametrize("where", [(), TO])
def test_a_dry_run_checks_and_changes_nothing(app: Project, where: tuple[str, ...]) -> None:
    ours(app)
    done = app.inv("--dry", "promote", "ours", "--tag", "rc", *where, *ALL)
    assert (done.code, done.stdout) == (0, "")
    for gate in ("--require-scan passed", "--require-signature passed", "--from-branch passed"):
        assert gate in done.stderr
    assert app.calls.named(*CHANGES, "copy") == []


def test_the_level_is_the_settings_where_the_flag_has_none(app: Project) -> None:
    app.registry.scans = {NEW.digest: [BAD]}
    assert app.inv("promote", "v1", "--tag", "rc", "--require-scan").code == 0
    assert app.inv("promote", "v1", "--tag", "rc", "--require-scan", ECR_SCAN_FAIL_ON="High").code == 6
    assert app.inv("promote", "v1", "--tag", "rc", "--require-scan=critical", ECR_SCAN_FAIL_ON="high").code == 0
    assert app.inv("promote", "v1", "--tag", "rc", ECR_SCAN_FAIL_ON="high").code == 0


@pytest.mark.parametrize(
    "words", [("--require-scan=foo",), ("--require-scan=",), ("--from-branch", "mian"), ("--from-branch=",)]
)
def test_bad_words_are_settings_and_open_no_gate(app: Project, words: tuple[str, ...]) -> None:
    app.inv("promote", "v1", "--tag", "rc", *words).failed(2)
    assert app.calls.log == []


def test_a_running_scan_is_waited_for_with_longer_and_longer_pauses(app: Project, clock: Clock) -> None:
    app.registry.scans = {NEW.digest: [None, ScanResult("PENDING"), *[RUNNING] * 6, CLEAN]}
    done = app.inv("promote", "v1", "--tag", "rc", "--require-scan")
    assert done.code == 0
    assert clock.slept == [2, 3, 4.5, 6.75, 10, 10, 10, 10]
    waiting = [line for line in done.stderr.splitlines() if line.startswith("waiting")]
    assert [line.rpartition("(")[2] for line in waiting[1:]] == ["PENDING)", "IN_PROGRESS)"]


@pytest.mark.parametrize("scan", [RUNNING, ScanResult("PENDING"), ScanResult("COMPLETE", complete=False)])
def test_waiting_ends_after_five_minutes(app: Project, clock: Clock, scan: ScanResult) -> None:
    app.registry.scans = {NEW.digest: [scan]}
    assert scan.status in app.inv("promote", "v1", "--tag", "rc", "--require-scan").failed(6)
    assert clock.now == pytest.approx(300, abs=1)
    assert app.calls.named(*CHANGES) == []


def test_a_scan_that_never_begins_is_waited_for_a_minute(app: Project, clock: Clock) -> None:
    assert "There is no scan of" in app.inv("promote", "v1", "--tag", "rc", "--require-scan").failed(6)
    assert clock.now == pytest.approx(60, abs=10)


def test_of_an_old_image_it_is_not_waited_for(app: Project, clock: Clock) -> None:
    app.registry.pushed[NEW.digest] = datetime.now(timezone.utc) - timedelta(days=1)
    assert "There is no scan of" in app.inv("promote", "v1", "--tag", "rc", "--require-scan").failed(6)
    assert clock.slept == []


def test_what_was_checked_is_what_is_promoted(app: Project) -> None:
    app.registry.scans = {NEW.digest: [RUNNING, CLEAN]}
    other = manifest("pushed meanwhile")
    app.calls.after["scan"] = lambda: app.registry.put("team/app", other, "v1")
    assert app.inv("promote", "v1", "--tag", "rc", "--require-scan").stdout == f"{HOST}/team/app@{NEW.digest}\n"
    assert app.tags["rc"] == NEW.digest
    assert app.tags["v1"] == other.digest


def test_a_fixed_tag_that_was_set_while_we_waited_stays(app: Project) -> None:
    app.registry.scans = {NEW.digest: [RUNNING, CLEAN]}
    other = manifest("another's release", REVISION_B)
    app.calls.after["scan"] = lambda: app.registry.put("team/app", other, "1.2.3")
    assert other.digest in app.inv("promote", "v1", "--tag", "1.2.3", "--require-scan").failed(6)
    assert app.tags["1.2.3"] == other.digest


def test_a_signature_that_comes_while_we_wait_is_copied_too(app: Project) -> None:
    app.registry.signings = {NEW.digest: [[Signing("IN_PROGRESS")], [Signing("COMPLETE")]]}
    signed = signature(NEW.digest, "application/vnd.cncf.notary.signature")
    app.calls.after["signing"] = lambda: app.registry.put("team/app", signed)
    assert app.inv("promote", "v1", *TO, "--require-signature").code == 0
    assert set(app.registry.stored["prod/app"]) == {NEW.digest, signed.digest}


def by_referrer(app: Project) -> None:
    app.registry.put("team/app", signature(INDEX.digest))


def by_cosigns_tag(app: Project) -> None:
    app.registry.put("team/app", manifest("signed"), INDEX.digest.replace(":", "-") + ".sig")


def by_the_referrers_tag(app: Project) -> None:
    text = f'{{"manifests": [{{"digest": "{digest("s")}", "artifactType": "{SIGNATURE}"}}]}}'
    listing = StoredImage(digest(text), text, INDEX.media_type)
    app.registry.put("team/app", listing, INDEX.digest.replace(":", "-"))


def by_managed_signing(app: Project) -> None:
    app.registry.signings[INDEX.digest] = [[Signing("COMPLETE")]]


def of_a_platform_alone(app: Project) -> None:
    app.registry.put("team/app", signature(AMD.digest))
    app.registry.put("team/app", manifest("signed"), AMD.digest.replace(":", "-") + ".sig")


def by_an_sbom(app: Project) -> None:
    app.registry.put("team/app", signature(INDEX.digest, "application/spdx+json"))


def by_failed_signing(app: Project) -> None:
    app.registry.signings[INDEX.digest] = [[Signing("FAILED", "The profile is gone")]]


@pytest.mark.parametrize("sign", [by_referrer, by_cosigns_tag, by_the_referrers_tag, by_managed_signing])
def test_what_counts_as_a_signature(app: Project, sign: Callable[[Project], None]) -> None:
    sign(app)
    assert app.inv("promote", "multi", "--tag", "rc", "--require-signature").code == 0


@pytest.mark.parametrize("sign", [of_a_platform_alone, by_an_sbom, by_failed_signing])
def test_what_does_not(app: Project, sign: Callable[[Project], None]) -> None:
    sign(app)
    said = app.inv("promote", "multi", "--tag", "rc", "--require-signature").failed(6)
    assert ("The profile is gone" in said) is (sign is by_failed_signing)
    assert app.calls.named(*CHANGES) == []


def test_an_index_within_an_index_is_looked_into_and_an_empty_one_is_refused(app: Project) -> None:
    text = f'{{"manifests": [{{"mediaType": "{INDEX.media_type}", "digest": "{INDEX.digest}"}}]}}'
    outer = StoredImage(digest(text), text, INDEX.media_type)
    app.registry.put("team/app", outer, "outer")
    app.registry.put("team/app", index([]), "empty")
    app.registry.scans = {AMD.digest: [CLEAN], ARM.digest: [BAD]}
    assert "(linux/arm64)" in app.inv("promote", "outer", "--tag", "rc", "--require-scan=high").failed(6)
    assert app.inv("promote", "outer", "--tag", "rc", "--require-scan").code == 0
    assert "holds no image" in app.inv("promote", "empty", "--tag", "rc", "--require-scan").failed(6)


@pytest.mark.parametrize("where", [(), TO])
def test_a_call_that_fails_anywhere_leaves_no_tag_and_a_second_run_finishes(
    app: Project, where: tuple[str, ...]
) -> None:
    image = ours(app)
    words = ("promote", "ours", "--tag", "rc", *where, *ALL)
    assert app.inv(*words).code == 0
    asked = [call[0] for call in app.calls.log]
    last = max(asked.index(name) for name in ("scan", "signatures"))
    place = app.registry.tags["prod/app" if where else "team/app"]
    for step in range(last + 1):
        place.pop("rc")
        app.calls.fail_at = step
        assert app.inv(*words).code == 5
        assert "rc" not in place
        app.calls.fail_at = None
        assert app.inv(*words).code == 0
        assert place["rc"] == image.digest
