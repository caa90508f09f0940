"""Where else an image with the same inputs may be: under the tags of where a source came from."""

from __future__ import annotations

import pytest

from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tags.from_settings import tags_before
from tests.support.build import settings
from tests.tags.build import pull_request, push, pushed_tag

BEFORE, MERGED = "b" * 40, "c" * 40
MERGE = (BEFORE, MERGED)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (push("feature/x", parents=(BEFORE,)), ("main",)),
        (push("feature/x", parents=MERGE), ("main", "sha-ccccccc")),
        (push("main", parents=(BEFORE,)), ()),
        (push("main", parents=MERGE), ("sha-ccccccc",)),
        (push("feature/x", default_branch=None, parents=(BEFORE,)), ("main", "master", "sha-bbbbbbb")),
        (push("main", default_branch=None, parents=(BEFORE,)), ()),
        (pull_request(parents=MERGE), ("main", "sha-ccccccc")),
        (pull_request(base_ref="release/1"), ("release-1",)),
        (pushed_tag("v1.2.3", parents=MERGE), ()),
        (push("feature/x", dirty=True, parents=MERGE), ()),
        (SourceState(), ()),
    ],
)
def test_the_branch_and_what_is_merged(state: SourceState, expected: tuple[str, ...]) -> None:
    assert tags_before(settings(), state, {}) == expected


def test_the_rules_and_the_flavor_decide() -> None:
    rules = "type=raw,value=nightly\ntype=ref,event=branch\ntype=sha,format=long"
    given = settings(tags=rules, flavor="suffix=-alpine")
    merge = push("feature/x", parents=MERGE)
    assert tags_before(given, merge, {}) == ("main-alpine", f"sha-{MERGED}-alpine")
    assert tags_before(settings(tags="type=sha"), merge, {}) == ("sha-ccccccc",)
    assert tags_before(settings(tags="type=raw,value=1.0,kind=fixed"), push(parents=MERGE), {}) == ()
