"""The Markdown summary: what happened, what was skipped and why, sizes, and how it is cut to a limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.ci.outputs.model import CopyOutput
from ecr_tasks.ci.outputs.summary import summary, truncate
from tests.ci.outputs.build import REFERENCE, output, outputs


def test_the_summary_says_what_happened() -> None:
    page = summary(outputs(output(platforms={"linux/amd64": 32_100_000, "linux/arm64": None}, size=62_100_000)))
    assert page.startswith("### `team/app`: published\n")
    assert f"| image | `{REFERENCE}` |" in page
    assert "| tags | `sha-a1b2c3d`, `1.2.3`, `main`, `latest` |" in page
    assert "| size | 62.1 MB (linux/amd64 32.1 MB, linux/arm64) |" in page
    assert "| time | 2.2 s |" in page
    assert "| source | `main` at `a1b2c3d4a1b2` |" in page
    assert "| built | no image is tagged sha-a1b2c3d yet |" in page


def test_the_summary_says_what_was_skipped_and_why() -> None:
    record = output(
        state="already-published", because="this commit is published as sha-a1b2c3d", platforms={}, size=None
    )
    page = summary(outputs(record, dirty=True))
    assert "published before, nothing to do" in page
    assert "| skipped | the build, as this commit is published as sha-a1b2c3d |" in page
    assert "with uncommitted changes" in page
    assert "| size |" not in page


def test_the_summary_of_a_build_alone() -> None:
    record = output(state="built", digest=None, tags=(), version=None, size=None, platforms={"linux/amd64": None})
    page = summary(outputs(record, revision=None))
    assert "built, not published" in page
    assert "| tags | none |" in page
    assert "| size | linux/amd64 |" in page
    assert "| source | no commit |" in page


def test_the_summary_has_a_line_for_every_destination() -> None:
    copies = (CopyOutput("eu/app@sha256:1", "pushed"), CopyOutput("us/app", "failed", "AWS does not allow it."))
    page = summary(outputs(output(copies=copies), complete=False))
    assert page.startswith("### `team/app`: published, but not in 1 of 2 destinations\n")
    assert "| destination | `eu/app@sha256:1`: published |" in page
    assert "| destination | `us/app`: **failed**, AWS does not allow it. |" in page


def test_a_failed_image_comes_first_with_its_cause_and_no_table() -> None:
    page = summary(outputs(output(), output(name="web"), failed={"web": "No *space*\nleft."}, complete=False))
    assert page.startswith("### `web`: **failed**\n\n")
    assert "*space*" not in page
    assert page.count("| image |") == 1
    assert "### `web`: published" not in page
    assert page.index("### `web`") < page.index("### `team/app`: published\n")


@pytest.mark.parametrize(
    ("size", "shown"), [(999, "999 B"), (1500, "1.5 kB"), (31_049_999, "31.0 MB"), (1_230_000_000, "1.23 GB")]
)
def test_sizes_are_dockers(size: int, shown: str) -> None:
    assert f"| size | {shown} (linux/amd64) |" in summary(outputs(output(size=size)))


@given(st.lists(st.text(max_size=20)), st.integers(-5, 300))
def test_a_text_is_cut_between_lines(lines: list[str], limit: int) -> None:
    text = "\n".join(lines)
    kept = truncate(text, limit)
    assert len(kept.encode("utf-8", "backslashreplace")) <= max(limit, 0)
    assert kept == text or kept == "" or kept.endswith("see the receipt.\n")
