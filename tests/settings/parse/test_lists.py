"""The grammar of lists: what is joined can be split, and commas that belong to an entry stay in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse import lists

SPLITTERS = [
    lists.split_plain,
    lists.split_secrets,
    lists.split_ssh,
    lists.split_contexts,
    lists.split_annotations,
]

anything = st.text(max_size=20)
on_a_line = anything.map(str.strip).filter(lambda text: text and "\n" not in text and text[0] != "#")
word = st.text("abcXYZ019_-./", min_size=1, max_size=8)


@pytest.mark.parametrize("split", SPLITTERS)
@given(expected=st.lists(on_a_line, max_size=4))
def test_what_is_joined_can_be_split(split: Callable[[str], tuple[str, ...]], expected: list[str]) -> None:
    assert split(lists.join(expected)) == tuple(expected)


@pytest.mark.parametrize("split", SPLITTERS)
def test_lines_of_comments_alone_are_no_entries(split: Callable[[str], tuple[str, ...]]) -> None:
    assert split("# one, two\n\n") == ()


@given(expected=st.lists(anything.filter(lambda text: text and "\n" not in text), max_size=4))
def test_entries_in_csv_quotes_keep_their_commas_quotes_and_spaces(expected: list[str]) -> None:
    text = ", ".join('"' + entry.replace('"', '""') + '"' for entry in expected)
    assert lists.split_plain(text) == tuple(expected)


secret = st.builds(
    lambda kind, name, rest: f"{kind}id={name}{rest}",
    st.sampled_from(["", "type=env,", "type=file,"]),
    word,
    st.lists(st.builds(lambda key, value: f",{key}={value}", st.sampled_from(["src", "source", "env"]), word)).map(
        "".join
    ),
)


@given(expected=st.lists(secret, max_size=4))
def test_secrets_come_apart_at_the_commas_between_them(expected: list[str]) -> None:
    assert lists.split_secrets(",".join(expected)) == tuple(expected)


ssh = st.builds(lambda name, paths: name + "=" + ",".join(paths), word, st.lists(word, min_size=1, max_size=3))


@given(alone=st.lists(word, max_size=3), with_keys=st.lists(ssh, max_size=3))
def test_ssh_keys_stay_with_their_id(alone: list[str], with_keys: list[str]) -> None:
    assert lists.split_ssh(",".join(alone + with_keys)) == tuple(alone + with_keys)


def has_words(text: str) -> bool:
    """Whether anything but separators and comments is there."""
    if "\n" in text:
        return any(line.strip() and line.strip()[0] != "#" for line in text.split("\n"))
    return bool(text.strip(', "'))


@given(text=st.text(st.sampled_from('a,=" \n#i d'), max_size=30), split=st.sampled_from(SPLITTERS))
def test_any_text_gives_entries_without_outer_commas_or_is_refused(
    text: str, split: Callable[[str], tuple[str, ...]]
) -> None:
    try:
        entries = split(text)
    except Malformed:
        assert '"' in text
        return
    assert all(entries)
    # A quoted space is an entry and no word.
    assert bool(entries) or not has_words(text)


def test_the_documented_example_of_two_secrets() -> None:
    assert lists.split_secrets("id=a,src=b,id=c,env=D") == ("id=a,src=b", "id=c,env=D")


def test_a_type_after_the_id_belongs_to_the_same_secret() -> None:
    assert lists.split_secrets("id=a,type=env,env=B") == ("id=a,type=env,env=B",)


def test_a_secrets_own_quotes_stay_for_buildx() -> None:
    assert lists.split_secrets('id=a,"src=b,c",id=d') == ('id=a,"src=b,c"', "id=d")


def test_lines_keep_commas_and_quotes_and_skip_comments_and_blanks() -> None:
    assert lists.split_plain('\n  A="1,2"\n# no\n\n  B=#3\r\n') == ('A="1,2"', "B=#3")


def test_annotation_types_stay_with_their_key() -> None:
    text = "index,manifest[linux/amd64]:a=1,b=2"
    assert lists.split_annotations(text) == ("index,manifest[linux/amd64]:a=1", "b=2")


def test_a_context_may_have_a_comma_in_its_value() -> None:
    assert lists.split_contexts("a=dir,b=docker-image://x") == ("a=dir", "b=docker-image://x")
    assert lists.split_contexts("a=one,two,b=3") == ("a=one,two", "b=3")


def test_json_can_be_a_value_as_long_as_no_comma_makes_it_ambiguous() -> None:
    assert lists.split_plain('A={"a": 1}') == ('A={"a": 1}',)
    with pytest.raises(Malformed, match="one entry a line"):
        lists.split_plain('A={"a": 1, "b": 2}')


@pytest.mark.parametrize("text", ['"A=1', '"A=1"x,B=2', 'A=1,"'])
def test_a_quote_that_is_not_closed_properly_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="quote"):
        lists.split_plain(text)


@pytest.mark.parametrize("entry", ["", "a\nb", "#a", " a", "a "])
def test_what_no_line_can_hold_is_not_joined(entry: str) -> None:
    with pytest.raises(ValueError, match="entry 2"):
        lists.join(["ok", entry])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.key", [("a.key", "", "")]),
        ("a.key,b.key", [("a.key", "", ""), ("b.key", "", "")]),
        ("a.key: one, and two,b.key: three", [("a.key", "one, and two", ""), ("b.key", "three", "")]),
        ("private-key a b.key: one", [("a b.key", "one", "private-key")]),
        ("my file.key: one", [("my file.key", "one", "")]),
        (
            "github-token build-arg:A: one\nlabel:B: two: three, four\n",
            [
                ("build-arg:A", "one", "github-token"),
                ("label:B", "two: three, four", ""),
            ],
        ),
        ("private-key a.key:", [("a.key", "", "private-key")]),
    ],
)
def test_what_is_allowed_has_a_guard_and_a_reason(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert [tuple(entry) for entry in lists.split_allowed(text)] == expected
