"""Actions and images are pinned, in what is generated, in what is shown and in this repository's own workflows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PIPELINES = sorted(ROOT.glob("ecr_tasks/ci/*/pipeline.*"))
FILES = [*PIPELINES, ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/workflows/*.yml")]
# Images that can't be pinned by digest, each with the word of its file that says so.
UNPINNED = {
    "ubuntu-2404:current": "no digest to pin",
    "cimg/base:2026.03": "month",
    "woodpeckerci/plugin-git:2.9.3": "its version",
    "aws/codebuild/standard:7.0": "CodeBuild's own images have versions and no digests",
    "aws/codebuild/amazonlinux-aarch64-standard:3.0": "CodeBuild's own images have versions and no digests",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_actions_are_pinned_to_commits_with_their_versions(path: Path) -> None:
    for line in re.findall(r"uses: .*", path.read_text(encoding="utf-8")):
        assert re.fullmatch(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.parent.name)
def test_images_are_pinned_by_digest_and_the_file_says_how_to_renew_them(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    images = re.findall(r"^\s*(?:- name|image|- image): ([\w./-]+[:@]\S+)", text, re.MULTILINE)
    for image in images:
        if image in UNPINNED:
            assert UNPINNED[image] in text
        else:
            assert re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image), image
            assert "imagetools inspect" in text
    assert ("git ls-remote" in text) == ("uses:" in text)


def test_an_image_is_the_same_everywhere() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in PIPELINES)
    pins = dict(re.findall(r"([\w./-]+:[\w.-]+)@(sha256:[0-9a-f]{64})", text))
    assert set(pins) == {"docker:29.8.1-cli", "docker:29.8.1-dind", "alpine:3.24.2"}
    assert len(set(re.findall(r"\w+:[\w.-]+@sha256:[0-9a-f]{64}", text))) == len(pins)
