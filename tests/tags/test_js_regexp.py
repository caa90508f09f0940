"""Regular expressions that JavaScript and Python read in the same way, and the constructs that are refused."""

from __future__ import annotations

import re
import signal

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.tags.js_regexp import Regexp, UnsupportedPattern
from tests.tags.build import apply, problem, pushed_tag


@pytest.mark.parametrize(
    ("source", "text", "matches"),
    [
        # docker/metadata-action's README and tests
        ("\\d.\\d.\\d", "v2.0.8-beta.67", ["2.0.8"]),
        ("^v(\\d.\\d.\\d)$", "v1.2.3", ["v1.2.3", "1.2.3"]),
        ("^v(\\d.\\d.\\d)$", "v1.2.3-rc1", None),
        ("\\d.\\d.\\d-(alpha|beta).\\d+", "v2.0.8-beta.67", ["2.0.8-beta.67", "beta"]),
        ("v(.*)-beta.(.*)", "v2.0.8-beta.67", ["v2.0.8-beta.67", "2.0.8", "67"]),
        ("/^v(\\d.\\d.\\d)$/ig", "V1.2.3", ["V1.2.3"]),
        ("p1/v(\\d.\\d)", "p1/v1.0.0", ["p1/v1.0", "1.0"]),
        ("^release\\d{1,2}", "release1", ["release1"]),
        ("^\\d+-RC\\d{1,2}", "20200110-RC2", ["20200110-RC2"]),
        ("(.*)-RC", "20200110-RC2", ["20200110-RC", "20200110"]),
        ("\\d{8}", "20200110-RC2", ["20200110"]),
        # Characters and classes
        ("\\d.\\d", "v1.2", ["1.2"]),
        ("\\d", "٣", None),
        ("\\D+", "٣a", ["٣a"]),
        ("\\w+", "é_1", ["_1"]),
        ("\\W", "aé", ["é"]),
        ("[\\d\\w-]+", "a-1 é", ["a-1"]),
        ("[\\D]+[\\W]", "a.1", ["a."]),
        ("a$", "a\n", None),
        ("/a.b/s", "a\nb", ["a\nb"]),
        ("/A/i", "a", ["a"]),
        ("/a/g", "aba", ["a", "a"]),
        ("/a/g", "b", None),
        ("/|b/g", "ab", ["", "", ""]),
        ("/a/du", "a", ["a"]),
        ("/a", "/a", ["/a"]),
        ("a\\/b", "a/b", ["a/b"]),
        ("(a)|(b)", "b", ["b", None, "b"]),
        ("(?:a)(?=b)(?!c)(?<=a)(?<!b)b", "ab", ["ab"]),
        ("a{2}{", "aa{", ["aa{"]),
        ("a{1,}?", "aa", ["a"]),
        ("x}]", "x}]", ["x}]"]),
        ("\\bv", "-v1", ["v"]),
        ("[\\b$]+", "\b$", ["\b$"]),
        ("\\x41\\u0042\\t", "AB\t", ["AB\t"]),
        ("\\-\\_\\\\c", "-_\\c", ["-_\\c"]),
        ("\\++", "++", ["++"]),
    ],
)
def test_matches(source: str, text: str, matches: list[str | None] | None) -> None:
    assert Regexp.parse(source).match(text) == matches


@pytest.mark.parametrize(
    ("source", "construct"),
    [
        ("a\\s", "\\s"),
        ("[^\\S]", "\\S"),
        ("v\\B", "\\B"),
        ("\\A1", "\\A"),
        ("1\\z", "\\z"),
        ("1\\Z", "\\Z"),
        ("\\e", "\\e"),
        ("\\0", "\\0"),
        ("(\\d)\\1", "\\1"),
        ("\\cJ", "\\c"),
        ("\\u{43}", "\\u{"),
        ("\\p{L}", "\\p"),
        ("(?:\\k<n>)", "\\k"),
        ("(?<n>\\d)", "(?<n>"),
        ("(?P<n>a)", "(?P<n>"),
        ("(?<1>a)", "(?<1>"),
        ("(?i)a", "(?i"),
        ("(?>a)", "(?>"),
        ("[^]+", "[^]"),
        ("[]", "[]"),
        ("a{,2}", "{,2}"),
        ("a++", "++"),
        ("a{2}+", "{2}+"),
        ("/a$/m", "the flag 'm'"),
        ("/a/y", "the flag 'y'"),
        ("/a/gy", "the flag 'y'"),
        ("/a/x", "the flag 'x'"),
        ("/a/gg", "the flag 'g'"),
        ("/é/i", "the flag 'i' with letters that are not ASCII"),
    ],
)
def test_what_python_reads_otherwise_is_refused_by_name(source: str, construct: str) -> None:
    with pytest.raises(UnsupportedPattern, match=f"^it has {re.escape(construct)}"):
        Regexp.parse(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("(", "missing \\)"),
        ("[a", "unterminated character set"),
        ("a\\", "bad escape"),
        ("a**", "multiple repeat"),
        ("*", "nothing to repeat"),
        ("(?<=a+)b", "look-behind requires fixed-width"),
        ("a{99999999999}", "too large"),
        ("[b-a]", "bad character range"),
        ("[\\d-a]", "bad character range"),
        ("[[a]+", "nested set"),
        ("\\x4", "incomplete escape"),
    ],
)
def test_what_can_not_be_used(source: str, message: str) -> None:
    with pytest.raises(UnsupportedPattern, match=f"is not a regular expression that can be used: .*{message}"):
        Regexp.parse(source)


def test_a_refused_construct_is_named_with_its_rule() -> None:
    assert problem("type=match,pattern=\\cJ") == (
        "ECR_TAGS: rule 1 (type=match,pattern=\\cJ), column 20: has a pattern= that can't be used: "
        "it has \\c, which Python reads otherwise or not at all: write it without."
    )


def test_groups_are_counted() -> None:
    assert Regexp("(a)(?:b)(c)").groups == 2


def test_a_pattern_that_would_take_years_is_refused_with_its_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecr_tasks.tags.js_regexp.SECONDS", 0.2)
    tag = "a" * 60 + "!"
    for rule in ("type=match,pattern=(a+)+$", "type=semver,pattern={{version}},match=^(a|a)*$"):
        with pytest.raises(SettingsError, match="takes too long"):
            apply(rule, pushed_tag(tag))
        assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)
    assert signal.getsignal(signal.SIGVTALRM) == signal.SIG_DFL
