"""Lists of names in a sentence."""

from __future__ import annotations

from ecr_tasks.model.wording import join_words, name_some


def test_the_last_word_comes_after_and() -> None:
    assert join_words(("a",)) == "a"
    assert join_words(("a", "b")) == "a and b"
    assert join_words(("a", "b", "c")) == "a, b and c"


def test_beyond_the_first_names_their_number_is_said() -> None:
    assert name_some(()) == ""
    assert name_some(("a", "b", "c")) == "a, b, c"
    assert name_some(("a", "b", "c", "d", "e")) == "a, b, c and 2 more"
