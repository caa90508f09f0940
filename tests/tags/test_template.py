"""Expressions in braces: their values, and texts that are no expressions."""

from __future__ import annotations

import pytest

from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tags.syntax import RuleError
from ecr_tasks.tags.template import parse_template
from tests.support.build import settings, source
from tests.tags.build import apply, names, problem, pull_request, push, pushed_tag

EVENTS = {
    "push": push("a/b", base_ref="main"),
    "main": push(),
    "tag": pushed_tag("v1.2.3"),
    "tag of main": pushed_tag("v1.2.3", base_ref="main"),
    "pr": pull_request(),
}


@pytest.mark.parametrize(
    ("expression", "event", "value"),
    [
        ("branch", "push", "a-b"),
        ("branch", "tag", ""),
        ("branch", "pr", ""),
        ("tag", "push", ""),
        ("tag", "tag", "v1.2.3"),
        ("sha", "push", "a1b2c3d"),
        ("base_ref", "push", ""),
        ("base_ref", "pr", "main"),
        ("base_ref", "tag", ""),
        ("base_ref", "tag of main", "main"),
        ("is_default_branch", "push", "false"),
        ("is_default_branch", "main", "true"),
        ("is_default_branch", "tag", "false"),
        ("is_default_branch", "pr", "false"),
        ("is_not_default_branch", "push", "true"),
        ("is_not_default_branch", "main", "false"),
        ("date 'YYYYMMDD'", "main", "20240506"),
        ("date 'YYYYMMDD' tz='Asia/Tokyo'", "main", "20240507"),
        ('date "YYYY"', "main", None),
        ("commit_date 'HHmmss'", "main", "070809"),
        ("commit_date HHmmss", "main", "2024-05-06T07-08-09Z"),
    ],
)
def test_global_expressions(expression: str, event: str, value: str | None) -> None:
    rule = f"x-{{{{{expression}}}}}"
    if value is None:  # CSV has no quotes inside a field
        assert "quote inside a field" in problem(rule)
        assert names(f'"x-{{{{{expression.replace(chr(34), chr(34) * 2)}}}}}"', EVENTS[event]) == ["x-2024"]
    else:
        assert names(rule, EVENTS[event], "latest=false") == [f"x-{value}"]


def test_a_schedule_is_on_the_default_branch_unless_we_know_better() -> None:
    states = [push(event="schedule"), push(event="schedule", default_branch=None), push("dev", event="schedule")]
    assert [names("{{is_default_branch}}", state) for state in states] == [["true"], ["true"], ["false"]]


def test_without_a_commit_time_there_is_the_clock() -> None:
    assert names("{{commit_date 'HHmm'}}", source(commit_time=None)) == ["2208"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ x }}", "X"),
        ("a {{~ x ~}} b", "aXb"),
        ("{{{x}}}{{&x}}{{ & x}}", "XXX"),
        ("\\{{x}}-{{x}}", "{{x}}-X"),
        ("\\\\{{x}}", "\\X"),
        ("{{! comment }}{{x}}{{!-- }} --}}", "X"),
        ("{x} } {", "{x} } {"),
        ("", ""),
    ],
)
def test_the_ways_to_write_an_expression(text: str, value: str) -> None:
    assert parse_template(text, 1, ["x"]).render(lambda expression: expression.name.upper()) == value


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("ab{{x", "without }}", 3),
        ("{{x}}}", "one } too many", 6),
        ("{{}}", "only {{name}}", 3),
        ("{{#if x}}", "only {{name}}", 3),
        ("{{/if}}", "only {{name}}", 3),
        ("{{else}}", "only {{name}}", 3),
        ("{{> x}}", "only {{name}}", 3),
        ("{{x (d 'a')}}", "only {{name}}", 3),
        ("{{'x'}}", "only {{name}}", 3),
        ("{{x 'a'}}", "takes none", 3),
        ("-{{ y}}", "which nothing gives here", 5),
        ("{{d}}", "0 formats", 3),
        ("{{d 'a' 'b'}}", "2 formats", 3),
        ("{{d 'a' t='b'}}", "its one option is tz=", 3),
        ("{{d 'a}}", "can't be read", 4),
    ],
)
def test_everything_else_is_an_error_with_its_place(text: str, message: str, column: int) -> None:
    with pytest.raises(RuleError, match=message) as caught:
        parse_template(text, 1, ["x"], ["d"])
    assert caught.value.column == column


def test_quotes_in_formats_are_escaped_by_backslashes() -> None:
    (expression,) = parse_template("{{d 'it\\'s' tz=\"a\\\"b\"}}", 1, [], ["d"]).expressions
    assert (expression.argument, expression.options) == ("it's", {"tz": 'a"b'})


@pytest.mark.parametrize("state", [push("R&D"), push("a<b>'=`")])
def test_nothing_is_escaped_for_html(state: SourceState) -> None:
    assert "amp" not in names("{{branch}}", state)[0]
    assert "x3D" not in names("{{branch}}", state)[0]


def test_labels_and_annotations_have_the_same_expressions() -> None:
    labels = {"built": "{{commit_date 'YYYY'}}={{sha}}", "plain": "\\{{x}} {{branch}}", "none": "a }} b"}
    result = apply(None, labels=labels, annotations={"index:{{branch}}": "{{is_default_branch}}"})
    assert result.labels["built"] == "2024=a1b2c3d"
    assert result.labels["plain"] == "{{x}} main"
    assert result.labels["none"] == "a }} b"
    assert result.annotations["index:main"] == "true"
    assert settings().labels == {}


def test_a_wrong_label_is_an_error_that_says_how_to_keep_the_braces() -> None:
    assert problem(None, labels={"a": "{{brnch}}"}) == (
        "ECR_LABELS: has {{brnch}}, which nothing gives here: did you mean {{branch}}?"
    )
