"""Rules with a mistake: the message and the place of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.settings.load import load
from ecr_tasks.tags.from_settings import tag_set
from ecr_tasks.tags.labels import at_levels
from tests.tags.build import apply, problem, push


@pytest.mark.parametrize(
    ("rule", "column", "message"),
    [
        ("type=semvr", 6, "has the type 'semvr', which isn't one: did you mean semver?"),
        ("type=", 6, "has the type '', which isn't one: did you mean raw?"),
        ("type=raw", 1, "has no value=: a raw rule is type=raw,value=… or just the tag."),
        ("type=semver", 1, "has no pattern=: write for example type=semver,pattern={{version}}."),
        ("type=pep440", 1, "has no pattern=: write for example type=pep440,pattern={{version}}."),
        ("type=match", 1, "has no pattern=: write for example type=match,pattern=v(.*),group=1."),
        ("type=match,pattern=(", 20, "has a pattern= that can't be used: '(' is not a regular expression"),
        ("type=match,pattern=v,group=x", 28, "has the group 'x', which is not a number."),
        ("type=semver,pattern={{raw}},match=v", 35, "has a match= that can't be used: it has no group"),
        ("type=semver,pattern={{branch}}", 23, "has {{branch}}, which nothing gives here: here there are version"),
        ("type=ref", 1, "has no event=, which must be branch, tag or pr."),
        ("type=ref,event=push", 16, "has the event 'push': it must be branch, tag or pr."),
        ("type=sha,format=medium", 17, "has the format 'medium': it must be short or long."),
        ("type=sha,kind=solid", 15, "has the kind 'solid': it must be fixed or moving."),
        ("type=sha,forward=maybe", 18, "has the forward 'maybe': it must be true or false."),
        ("type=sha,priority=high", 19, "has the priority 'high', which is not a number."),
        ("type=sha,priority=nan", 19, "has the priority 'nan', which is not a number."),
        ("type=sha,prefx=a", 16, "has the key 'prefx', which no rule has: did you mean prefix=?"),
        ("type=sha,enable=yes", 1, "has an enable= that gives 'yes': it must be true or false."),
        ("type=sha,enable=", 1, "has an enable= that gives '': it must be true or false."),
        ("foo,enable=${{ github.ref }}", 12, "has an expression of GitHub Actions"),
        (
            "foo,enable=${{ github.ref == format('refs/heads/{0}', \"main\") }}",
            12,
            "has an expression of GitHub Actions",
        ),
        ("type=sha,type=ref,event=branch", 15, "has type= twice: write one rule a line, or ; between rules."),
        ("foo,bar", 5, "has value= twice: write one rule a line, or ; between rules."),
        ("latest,type=sha", 1, "has value=, which does nothing with type=sha: write one rule a line, or ; between"),
        ("type=raw,value=a,value=b", 24, "has value= twice: keep one."),
        ("type=sha,event=branch", 16, "has event=, which does nothing with type=sha: take it out."),
        ("type=ref,event=branch,format=long", 30, "has format=, which does nothing with type=ref: take it out."),
        ("foo,suffix={{date 'Y' tz='Mars'}}", 14, "can't be used: 'Mars' is not a time zone"),
    ],
)
def test_a_bad_rule(rule: str, column: int, message: str) -> None:
    assert problem(f"type=edge\n\n# next\n{rule}").startswith(
        f"ECR_TAGS: rule 2 ({rule}), column {column}: {message}"
    )


@pytest.mark.parametrize(
    ("entry", "column", "message"),
    [
        ("latest", 1, "has 'latest' without a key: write for example latest=auto."),
        ("latest=yes", 8, "has latest=yes: it must be auto or true or false."),
        ("lastest=true", 9, "has the key 'lastest', which a flavor hasn't: did you mean latest=?"),
        ("onlatest=true", 10, "has onlatest= where no prefix= or suffix= stands before it."),
        ("prefix=a,onlatest=x", 19, "has onlatest=x: it must be true or false."),
        ("forward=1", 9, "has forward=1: it must be true or false."),
        ("prefix={{version}}", 10, "has {{version}}, which nothing gives here"),
        ('prefix="a"', 8, "has a quote inside a field"),
        ("latest=${{ github.ref == 'a,b' }}", 8, "has an expression of GitHub Actions"),
        ("forward=true,forward=true", 22, "has forward=, which was given before: keep one."),
        ("latest=false", 8, "has latest=, which was given before: keep one."),
    ],
)
def test_a_bad_flavor(entry: str, column: int, message: str) -> None:
    cause = problem(None, flavor=f"latest=auto\n{entry}")
    assert cause.startswith(f"ECR_FLAVOR: entry 2 ({entry}), column {column}: {message}")


def loaded(folder: Path, text: str, environ: dict[str, str]) -> str:
    """Return the error for the tag rules of a .env."""
    (folder / ".env").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        tag_set(load(folder, environ=environ), push(), environ)
    return caught.value.cause


def test_the_place_is_the_rules_own_line_of_the_file(tmp_path: Path) -> None:
    text = "AWS_REGION=eu-west-1\nECR_TAGS='\n  type=sha\n  # note\n  type=rev\n'\n"
    assert loaded(tmp_path, text, {}).startswith(".env:5: ECR_TAGS: rule 2 (type=rev), column 6: ")


def test_the_place_may_be_the_environment(tmp_path: Path) -> None:
    cause = loaded(tmp_path, "ECR_TAGS=type=sha", {"ECR_TAGS": "type=rev"})
    assert cause.startswith("Environment variable ECR_TAGS: rule 1 (type=rev), column 6: ")


def test_the_place_may_be_invokes_configuration(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^ECR_TAGS \(Invoke configuration ecr.tags\): rule 1 "):
        tag_set(load(tmp_path, environ={}, config={"tags": ["type=rev"]}), push(), {})


@pytest.mark.parametrize("rules", ["type=sha,enable=false", "type=schedule", "{{tag}}", "-", "type=raw,value="])
def test_no_tag_at_all_is_an_error_that_says_why_when_one_is_needed(rules: str) -> None:
    result = apply(rules)
    assert (result.version, result.tags, result.publishing) == (None, (), None)
    with pytest.raises(SettingsError) as caught:
        _ = result.in_publishing_order
    assert f"{rules}: {result.rules[0].because}" in caught.value.cause
    assert "type=sha" in caught.value.remedy


@pytest.mark.parametrize("text", ["x", "0", "-1", "1.5", "\u0667"])
def test_a_short_length_that_is_none(text: str) -> None:
    cause = problem("type=sha", environ={"DOCKER_METADATA_SHORT_SHA_LENGTH": text})
    assert "DOCKER_METADATA_SHORT_SHA_LENGTH must be a number above 0" in cause


def test_annotation_levels_are_metadata_actions_variable() -> None:
    environ = {"DOCKER_METADATA_ANNOTATIONS_LEVELS": "manifest, index"}
    given = {"a": "1", "index:b": "2", "com.example:c": "3"}
    assert at_levels(given, {}, index=True) == given
    assert list(at_levels(given, environ, index=True)) == [
        "manifest,index:a",
        "index:b",
        "manifest,index:com.example:c",
    ]
    assert list(at_levels({"a": "1"}, environ, index=False)) == ["manifest:a"]
    assert at_levels({"a": "1"}, {"DOCKER_METADATA_ANNOTATIONS_LEVELS": "index"}, index=False) == {"a": "1"}
    with pytest.raises(SettingsError, match="which is no level"):
        at_levels(given, {"DOCKER_METADATA_ANNOTATIONS_LEVELS": "layer"}, index=True)
