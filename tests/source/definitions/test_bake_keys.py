"""The keys of a bake file that buildx passes over in silence are named."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.source.definitions.bake_keys import KEYS, unused_keys


def unused(*lines: str) -> list[str]:
    """Return what is said of a target with these lines."""
    return list(unused_keys("\n".join(['target "app" {', *lines, "}"]), ()))


@pytest.mark.parametrize(
    ("line", "clause"),
    [
        ('platform = ["linux/arm64"]', "app's platform is no key of bake's (did you mean platforms?)"),
        ("secrets=[]", "app's secrets is no key of bake's (did you mean secret?)"),
        ("colour = 1", "app's colour is no key of bake's"),
        ("policy = [{}]", "app's policy needs a newer buildx"),
    ],
)
def test_a_key_that_does_nothing_is_named(line: str, clause: str) -> None:
    assert unused(line) == [clause]
    assert unused('args = { A = "1" }', f"  {line}", 'context = "."') == [clause]


@pytest.mark.parametrize(
    "line",
    [
        *("# colour = 1", "// colour = 1", "/* colour = 1\n colour = 2 */", 'tags = ["a = { b"]'),
        *('args = { colour = "1", "x" = V == "y" ? "1" : "2" }', "args = {\n  colour = 1\n}"),
        *('args = { A = "${upper("} colour = {")}" }', 'args = { A = "$${ colour = 1" }', 'args = { A = "\\" = 1" }'),
        *("dockerfile-inline = <<EOT\ncolour = 1 }\nEOT", 'dockerfile-inline = <<-EOT\n  colour = 1 "\n  EOT'),
        *(
            "tags = [for k, v in { a = 1 } : k]",
            'tags = notequal("", A) || "" != A ? [] : [A]',
            'matrix = { x = ["1"] }',
            'labels = { a = b["c"] }',
        ),
    ],
)
def test_what_only_looks_like_a_key_is_none(line: str) -> None:
    assert unused(line) == []
    assert unused(line, "colour = 1") == ["app's colour is no key of bake's"]


def test_other_blocks_have_keys_of_their_own() -> None:
    text = 'variable "v" {\n  colour = 1\n}\ngroup "g" {\n  colour = 1\n}\nfoo = 1\n'
    assert list(unused_keys(text, ())) == []


def test_a_json_file_has_the_same_keys() -> None:
    document = {
        "target": {"app": {"platform": ["x"], "args": {"colour": "1"}, "//": "a comment"}, "b": [{"colour": 1}]}
    }
    clauses = list(unused_keys(json.dumps(document), ()))
    assert clauses == [
        "app's platform is no key of bake's (did you mean platforms?)",
        "b's colour is no key of bake's",
    ]
    for text in ("{", "{}", '{"target": 1}', "[]", ""):
        assert list(unused_keys(text, ())) == []


def test_a_key_that_buildx_shows_is_used() -> None:
    assert list(unused_keys('target "app" {\n  policy = []\n}', {"policy"})) == []
    assert unused(*(f"{key} = 1" for key in sorted(KEYS - {"policy", "resources"}))) == []


@given(st.text(alphabet='ab ={}[]"$%\\\n#/<-', max_size=60))
def test_any_text_ends(text: str) -> None:
    """A file that is no HCL is buildx's to refuse."""
    list(unused_keys(text, ()))
    list(unused_keys(f'target "app" {{\n{text}', ()))
