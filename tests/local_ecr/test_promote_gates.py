"""promote's gates against the local ECR: its scans, signatures by referrer and by tag, and the project's git."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ecr_tasks.errors import Refused
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.model.reference import ImageName
from ecr_tasks.model.scan import ScanRules
from ecr_tasks.plan import gates
from ecr_tasks.plan.gates import Gates, Waits
from ecr_tasks.runner.run import Run
from ecr_tasks.tasks.promote import promote_here
from tests.local_ecr.http_client import OCI_INDEX, OCI_MANIFEST, HttpClient, descriptor, digest_of, manifest_of
from tests.local_ecr.shell import RECORDED, Shell
from tests.local_ecr.test_scans import enhance

SIGNATURES = (
    "application/vnd.dev.cosign.artifact.sig.v1+json",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.cncf.notary.signature",
)


@pytest.fixture
def scanned(api: Any, repository: str) -> str:
    """The repository, whose images are scanned on push."""
    api.put_image_scanning_configuration(repositoryName=repository, imageScanningConfiguration={"scanOnPush": True})
    return repository


def push_two_platforms(http: HttpClient, repository: str, tag: str) -> tuple[str, str, str]:
    """An index with BuildKit's attestation beside two platforms; digests of index, amd64 and arm64."""
    names = ("amd64", "arm64", "unknown")
    children = {name: http.push_image(repository, None, name.encode()) for name in names}
    listed = [
        descriptor(
            raw, OCI_MANIFEST, platform={"os": "unknown" if name == "unknown" else "linux", "architecture": name}
        )
        for name, raw in children.items()
    ]
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}).encode()
    assert http.push_manifest(repository, tag, index, OCI_INDEX).status == 201
    return digest_of(index), digest_of(children["amd64"]), digest_of(children["arm64"])


def tagged(api: Any, repository: str) -> set[str]:
    return {item.get("imageTag", "") for item in api.list_images(repositoryName=repository)["imageIds"]} - {""}


def test_every_platform_of_an_index_is_judged(
    ecr: LocalEcr, shell: Shell, api: Any, http: HttpClient, scanned: str
) -> None:
    found = [{"name": f"CVE-2024-{number}", "severity": "HIGH"} for number in range(5)]
    arm = digest_of(manifest_of(b"{}", [b"arm64"]))
    ecr.set_findings([{"digest": arm, "findings": found}, {"severities": {"LOW": 1}}])
    assert push_two_platforms(http, scanned, "v1")[2] == arm
    words = ("promote", "v1", "--tag", "prod")
    done, calls = shell.calls(*words, "--require-scan=high")
    assert (done.returncode, done.stdout) == (6, "")
    assert f"team/app@{arm} (linux/arm64) found 5 high (CVE-2024-0, CVE-2024-1, CVE-2024-2 and 2 more)" in done.stderr
    assert "amd64" not in done.stderr
    assert calls == {"DescribeImages": 2, "BatchGetImage": 1, "DescribeImageScanFindings": 2}
    assert tagged(api, scanned) == {"v1"}
    done, calls = shell.calls(*words, "--require-scan")
    assert done.returncode == 0, done.stderr
    assert calls == {"DescribeImages": 2, "DescribeImageScanFindings": 2, **RECORDED}
    assert "linux/amd64: 1 low; linux/arm64: 5 high" in done.stderr


def test_a_running_scan_is_waited_for(ecr: LocalEcr, shell: Shell, http: HttpClient, scanned: str) -> None:
    ecr.set_findings([{"polls": 1, "severities": {"MEDIUM": 1}}])
    raw = http.push_image(scanned, "v1", b"layer")
    done, calls = shell.calls("promote", "v1", "--tag", "prod", "--require-scan")
    assert done.returncode == 0, done.stderr
    assert f"waiting for the scan of team/app@{digest_of(raw)[:19]} (IN_PROGRESS)\n" in done.stderr
    assert calls == {"DescribeImages": 4, "BatchGetImage": 1, "DescribeImageScanFindings": 2, **RECORDED}


def test_findings_come_in_pages(ecr: LocalEcr, shell: Shell, http: HttpClient, scanned: str) -> None:
    ecr.set_findings([{"severities": {"HIGH": 1, "LOW": 1400}}])
    http.push_image(scanned, "v1", b"layer")
    done, calls = shell.calls("promote", "v1", "--tag", "prod", "--require-scan=low")
    assert done.returncode == 6
    assert "found 1 high, 1400 low" in done.stderr
    assert calls["DescribeImageScanFindings"] == 2


def test_enhanced_findings_are_those_of_the_moment(
    ecr: LocalEcr, shell: Shell, api: Any, http: HttpClient, repository: str
) -> None:
    enhance(api, "CONTINUOUS_SCAN", "team/*")
    ecr.set_findings([{"findings": [{"name": "CVE-2024-1", "severity": "CRITICAL"}], "severities": {"LOW": 1100}}])
    http.push_image(repository, "v1", b"layer")
    words = ("promote", "v1", "--tag", "prod", "--require-scan")
    done, calls = shell.calls(*words)
    assert done.returncode == 6
    assert "1 critical (CVE-2024-1)" in done.stderr
    assert calls["DescribeImageScanFindings"] == 2
    ecr.set_findings([])
    assert shell.inv(*words).returncode == 0


@pytest.mark.parametrize("status", ["FAILED", "UNSUPPORTED_IMAGE", "FINDINGS_UNAVAILABLE"])
def test_a_scan_without_findings_lets_nothing_through(
    ecr: LocalEcr, shell: Shell, api: Any, http: HttpClient, scanned: str, status: str
) -> None:
    ecr.set_findings([{"status": status, "description": "as it is"}])
    http.push_image(scanned, "v1", b"layer")
    done = shell.inv("promote", "v1", "--tag", "prod", "--require-scan=undefined")
    assert done.returncode == 6
    assert f"{status}: as it is" in done.stderr
    assert tagged(api, scanned) == {"v1"}


def test_an_image_that_nobody_scans_is_refused_when_the_wait_is_over(
    ecr: LocalEcr, api: Any, http: HttpClient, repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**ecr.environment(), "ECR_REPOSITORY": repository}.items():
        monkeypatch.setenv(name, value)
    now = [0.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(gates, "WAITS", Waits(sleep=sleep, clock=lambda: now[0]))
    raw = http.push_image(repository, "v1", b"layer")
    with pytest.raises(Refused, match="There is no scan of team/app@sha256") as caught:
        promote_here(Run(tmp_path, {}), ImageName("v1"), ["prod"], (), Gates(ScanRules("critical")))
    assert f"`inv scan {digest_of(raw)}`" in caught.value.remedy
    assert 50 < sum(slept) < 80
    assert tagged(api, repository) == {"v1"}


def test_a_gate_waits_as_long_as_it_is_told(
    ecr: LocalEcr, shell: Shell, api: Any, http: HttpClient, scanned: str
) -> None:
    ecr.set_findings([{"status": "IN_PROGRESS"}])
    for name in ("v0", "v1"):
        http.push_image(scanned, name, name.encode())
        assert shell.inv("promote", name, "--tag", "prod").returncode == 0
    for words in (("promote", "v1", "--tag", "live"), ("rollback", "prod")):
        done = shell.inv(*words, "--require-scan", "--timeout=1s")
        assert (done.returncode, done.stdout) == (6, ""), done.stderr
        assert "did not end while we waited" in done.stderr
    for more, sentence in (
        (("--timeout=1m",), "neither is required"),
        (("--timeout=1m", "--from-branch=main"), "neither is required"),
        (("--timeout=soon", "--require-scan"), "is no time"),
    ):
        done = shell.inv("promote", "v1", "--tag", "live", *more)
        assert (done.returncode, done.stdout) == (2, "")
        assert sentence in done.stderr
    assert tagged(api, scanned) == {"v0", "v1", "prod"}


@pytest.mark.usefixtures("signing_programs")
@pytest.mark.parametrize("artifact_type", SIGNATURES)
def test_what_only_looks_like_the_images_signature_lets_nothing_through(
    shell: Shell, api: Any, http: HttpClient, repository: str, artifact_type: str
) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (shell.folder / "cosign.pub").write_bytes(pem)
    index, amd, _ = push_two_platforms(http, repository, "v1")
    words = ("promote", "v1", "--tag", "prod", "--require-signature")
    expected = {"ECR_SIGNED_BY": "key=cosign.pub"}
    about = {"mediaType": OCI_MANIFEST, "size": 2, "digest": amd}
    http.push_image(repository, None, b"a platform's", artifactType=artifact_type, subject=about)
    http.push_image(
        repository, None, b"sbom", artifactType="application/spdx+json", subject={**about, "digest": index}
    )
    done, calls = shell.calls(*words, **expected)
    assert done.returncode == 6
    assert f"{index} has no signature" in done.stderr
    assert calls == {"DescribeImages": 4, "ListImageReferrers": 1, "DescribeImageSigningStatus": 1}
    on_index = {**about, "mediaType": OCI_INDEX, "digest": index}
    http.push_image(repository, None, b"no signature", artifactType=artifact_type, subject=on_index)
    done = shell.inv(*words, **expected)
    assert done.returncode == 6
    assert "by key cosign.pub" in done.stderr
    http.push_image(repository, index.replace(":", "-") + ".sig", b"no signature either")
    assert shell.inv(*words, **expected).returncode == 6
    assert "prod" not in tagged(api, repository)


class Clone:
    """The shell's project under git."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def git(self, *words: str) -> str:
        who = {f"GIT_{role}_{key}": "a@example.com" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env={**os.environ, **who}, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, name: str) -> str:
        (self.folder / name).write_text(name, encoding="utf-8")
        self.git("add", name)
        self.git("commit", "--quiet", "--message", name)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Clone:
    (tmp_path / "origin").mkdir()
    made = Clone(tmp_path / "origin")
    made.git("init", "--quiet", "--initial-branch=main")
    return made


def clone(shell: Shell, origin: Clone, *options: str) -> Shell:
    """A shell in a clone."""
    folder = shell.folder.parent / "clone"
    origin.git("clone", "--quiet", *options, origin.folder.as_uri(), str(folder))
    return Shell(shell.ecr, folder)


def push_of(http: HttpClient, repository: str, tag: str, revision: str) -> None:
    annotations = {"org.opencontainers.image.revision": revision}
    http.push_image(repository, tag, tag.encode(), annotations=annotations)


def test_commits_on_a_branch_and_beside_it(
    shell: Shell, api: Any, http: HttpClient, repository: str, origin: Clone
) -> None:
    push_of(http, repository, "first", origin.commit("first"))
    push_of(http, repository, "second", origin.commit("second"))
    origin.git("checkout", "--quiet", "-b", "feature")
    feature = origin.commit("feature")
    push_of(http, repository, "feature", feature)
    push_of(http, repository, "elsewhere", "a" * 40)
    http.push_image(repository, "silent", b"silent")
    origin.git("checkout", "--quiet", "main")
    whole = clone(shell, origin)
    for tag, branch, code in (
        ("first", "main", 0),
        ("first", "feature", 0),
        ("feature", "feature", 0),
        ("feature", "main", 6),
        ("elsewhere", "main", 6),
        ("silent", "main", 6),
        ("first", "release", 2),
    ):
        done = whole.inv("promote", tag, "--tag", f"{tag}-{branch}", "--from-branch", branch)
        assert done.returncode == code, done.stderr
        assert (f"{tag}-{branch}" in tagged(api, repository)) is (code == 0)
    done = whole.inv("promote", "feature", "--tag", "x", "--from-branch", "main")
    assert f"{feature}, and that commit is not on main (origin/main)" in done.stderr
    _, calls = whole.calls("promote", "first", "--tag", "prod", "--from-branch", "main")
    assert calls == {"DescribeImages": 2, **RECORDED}


def test_a_shallow_clone_says_what_it_cant_tell(
    shell: Shell, api: Any, http: HttpClient, repository: str, origin: Clone
) -> None:
    push_of(http, repository, "first", origin.commit("first"))
    push_of(http, repository, "second", origin.commit("second"))
    shallow = clone(shell, origin, "--depth=1")
    words = ("--tag", "prod", "--from-branch", "main")
    assert shallow.inv("promote", "second", *words).returncode == 0
    done = shallow.inv("promote", "first", *words)
    assert done.returncode == 6
    assert "--unshallow" in done.stderr
    Clone(shallow.folder).git("fetch", "--quiet", "--unshallow")
    assert shallow.inv("promote", "first", *words).returncode == 0


def test_a_project_that_is_under_no_git_cant_tell_a_branch(shell: Shell, http: HttpClient, repository: str) -> None:
    http.push_image(repository, "v1", b"layer")
    done, calls = shell.calls(
        *("promote", "v1", "--tag", "prod", "--from-branch", "main"), GIT_CEILING_DIRECTORIES=str(shell.folder.parent)
    )
    assert (done.returncode, calls) == (2, {})
    assert "no git repository" in done.stderr


def test_a_level_that_is_none_is_a_setting(shell: Shell, http: HttpClient, repository: str) -> None:
    done, calls = shell.calls("promote", "v1", "--tag", "prod", "--require-scan=foo")
    assert (done.returncode, calls) == (2, {})
    assert "critical, high, medium, low, informational or undefined" in done.stderr
