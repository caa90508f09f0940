"""Tests of plan/prune/rules: the language of ECR_PRUNE, and what is said of its mistakes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.plan.prune.rules import PruneRule
from tests.plan.prune.inventories import rules


def test_rules_on_lines_and_with_semicolons() -> None:
    lines = rules("# old ones\ntype=untagged,older=2w\ntype=tags,pattern=sha-*,newest=50\n")
    assert lines == rules("type=untagged,older=2w;type=tags,pattern=sha-*,newest=50")
    assert lines == (
        PruneRule("type=untagged,older=2w", "untagged", older=timedelta(days=14)),
        PruneRule("type=tags,pattern=sha-*,newest=50", "tags", pattern="sha-*", newest=50),
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "No rule says what may go"),
        ("type=keep,pattern=prod", "No rule says what may go"),
        ("untagged,older=14d", "which is no key"),
        ("older=14d", "no type="),
        ("type=untaged,older=14d", "did you mean untagged?"),
        ("type=untagged,oldr=14d", "did you mean older=?"),
        ("type=untagged", "no older= or newest="),
        ("type=untagged,older=14", "14d"),
        ("type=untagged,older=14d,older=1d", "twice"),
        ("type=untagged,older=14d,pattern=a", "does nothing with type=untagged"),
        ("type=tags,older=14d", "no pattern="),
        ("type=tags,pattern=a", "no older= or newest="),
        ("type=tags,pattern=a b,newest=3", "characters of a tag"),
        ("type=tags,pattern=a,newest=0", "from 1 on"),
        ("type=gone,pattern=*", "every tag fits"),
        ("type=gone,pattern=a*", "every tag fits"),
        ("type=gone,pattern=pr-7", "without *"),
        ("type=archived,older=89d", "90 days"),
        ("type=keep;type=untagged,older=1d", "no pattern= or pulled= or releases="),
        ("type=keep,pulled=1d,releases=3;type=untagged,older=1d", "write two rules"),
        ("type=keep,releases=-1;type=untagged,older=1d", "from 0 on"),
        ("type=tags,pattern=a,releases=3", "does nothing with type=tags"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        rules(text)
    assert sentence in f"{caught.value}"
