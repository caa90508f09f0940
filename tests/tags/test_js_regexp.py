"""JavaScript's regular expressions, where they are not Python's."""

from __future__ import annotations

import pytest

from ecr_tasks.tags.js_regexp import NotTranslatable, Regexp


@pytest.mark.parametrize(
    ("source", "text", "found"),
    [
        ("\\d.\\d", "v1.2", ["1.2"]),
        ("\\d", "٣", None),
        ("\\D+", "٣a", ["٣a"]),
        ("\\w+", "é_1", ["_1"]),
        ("\\W", "aé", ["é"]),
        ("\\s\\S", "a\ufeffb", ["\ufeffb"]),
        ("[\\d\\w\\s-]+", "a-1 é", ["a-1 "]),
        ("[\\D]+[\\W]", "a.1", ["a."]),
        ("[^]+", "a\nb", ["a\nb"]),
        ("[]", "a", None),
        ("[[a]+", "[a[", ["[a["]),
        ("a$", "a\n", None),
        ("/a$/m", "a\nb", ["a"]),
        ("/a.b/s", "a\nb", ["a\nb"]),
        ("/A/i", "a", ["a"]),
        ("/a/g", "aba", ["a", "a"]),
        ("/a/g", "b", None),
        ("/a/y", "ba", None),
        ("/a/gy", "aaba", ["a", "a"]),
        ("/a", "/a", ["/a"]),
        ("a\\/b", "a/b", ["a/b"]),
        ("(?<n>\\d)\\k<n>", "122", ["22", "2"]),
        ("(\\d)\\1", "122", ["22", "2"]),
        ("(a)|(b)", "b", ["b", None, "b"]),
        ("(?:a)(?=b)(?!c)(?<=a)(?<!b)b", "ab", ["ab"]),
        ("a{2}{", "aa{", ["aa{"]),
        ("a{,2}", "a{,2}", ["a{,2}"]),
        ("a{1,}?", "aa", ["a"]),
        ("x}]", "x}]", ["x}]"]),
        ("\\bv\\B", "-v1", ["v"]),
        ("[\\b]", "\b", ["\b"]),
        ("\\x41\\u0042\\u{43}\\cJ\\t\\0", "ABC\n\t\0", ["ABC\n\t\0"]),
        ("\\A\\z\\-\\e", "Az-e", ["Az-e"]),
        ("\\++", "++", ["++"]),
    ],
)
def test_matches(source: str, text: str, found: list[str | None] | None) -> None:
    assert Regexp.parse(source).match(text) == found


@pytest.mark.parametrize(
    "source",
    [
        *("(", "[a", "a\\", "a++", "a**", "*", "(?i)a", "(?P<n>a)", "(?>a)", "/a/x", "/a/gg"),
        *("\\p{L}", "(?<=a+)b", "\\2", "(?<1>a)", "a{99999999999}", "[b-a]"),
    ],
)
def test_what_can_not_be_used(source: str) -> None:
    with pytest.raises(NotTranslatable):
        Regexp.parse(source)


def test_groups_are_counted() -> None:
    assert Regexp("(a)(?:b)(?<c>c)").groups == 2
