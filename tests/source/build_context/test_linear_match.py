"""Patterns that take ``re`` hours are matched at once, and all patterns mean the same as in ``re``."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_tasks.source.build_context import dockerignore_pattern
from ecr_tasks.source.build_context.dockerignore_pattern import matcher

PARTS = [
    *("a", "b", "ab", "/", "/", "*", "*", "**", "**/", "?", "[a-c]", "[^a]", "|", "^", "c", "\\*", "é"),
    *("{2}", "{0,2}", "{1,}", "{0}"),
]


@settings(deadline=None, max_examples=500)
@given(
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=8).map("".join),
    st.lists(st.text(st.sampled_from("aabbc//*é\n"), max_size=7), min_size=5, max_size=5),
)
def test_every_pattern_matches_as_the_regular_expression_does(pattern: str, texts: list[str]) -> None:
    tokens = list(dockerignore_pattern._tokens(pattern))
    try:
        expression = re.compile(rf"(?:\A){''.join(map(dockerignore_pattern._to_python, tokens))}\Z")
    except re.error:
        with pytest.raises(dockerignore_pattern._Ambiguous):
            dockerignore_pattern._linear(tokens)
        return
    alternatives = dockerignore_pattern._linear(tokens)
    for text in texts:
        assert any(one.matches(text) for one in alternatives) is (expression.search(text) is not None), text


@pytest.mark.parametrize("count", [1, 2, 3, 6, 30])
@pytest.mark.parametrize("wildcard", ["*", "**", "**/*", "[a]{0,200}", "?{0,200}*"])
def test_no_pattern_takes_long_for_a_long_path(wildcard: str, count: int) -> None:
    matches = matcher(f"{f'{wildcard}a' * count}b*")
    name = "a" * 250
    for _ in range(20):
        assert matches("/".join([name] * 16)) is False
        assert matches(name) is False
    assert matches("/".join([*["a"] * (count - 1), "ab"])) is (wildcard.startswith("**") or count == 1)
    assert matches("a" * count + "b") is True


@pytest.mark.parametrize("pattern", ["[a]" * 10_001, "[a]{1000}" * 11, "[a]{1001}", f"[a]{{{'9' * 5000}}}", "*{2}"])
def test_what_go_refuses_and_what_is_too_long_is_unknown(pattern: str) -> None:
    assert matcher(pattern)("a") is None
