"""What is inserted into a pipeline is read back as it was, whatever git and ECR allow in a name."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML  # check-jsonschema brings it

from ecr_tasks.ci.pipelines.template import Values
from ecr_tasks.ci.systems import SYSTEMS
from ecr_tasks.errors import SettingsError
from tests.ci.pipelines.generated import VARIANTS, Variant, groovy_text, jobs, load_yaml

ALL = pytest.mark.parametrize("variant", VARIANTS, ids=str)
WORDS = ["1.20", "1.10", "on", "no", "y", "null", "true", "1e3", "0o7", "0x1f", "1_000", "2026-01-31", "12.30"]
BRANCHES = [
    *("it's", 'a"b', "#x", "x#y", "%d", "@x", "!x", "&x", "+x", "x+", "a,b", "]", "{a,b}", "a`b", "a|b", ">", "<<x"),
    *(
        "$x",
        "$$",
        "${x}",
        "$(x)",
        "${{x}}",
        "<<a>>",
        "%%",
        "=",
        "a=b",
        "--",
        "a;b",
        "ü/é",
        "功能",
        "'",
        "''",
        '""',
        "%a%",
    ),
]
# The parts of names that mean something in one of the languages.
pieces = st.sampled_from([*WORDS, *BRANCHES, "/", "-", ".", "_"]) | st.text("abz019", min_size=1, max_size=3)
# git-check-ref-format(1), with --branch.
_NO_BRANCH = r"(?a)[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/]|[./]$|(^|/)\.|\.lock(/|$)"
branches = st.lists(pieces, min_size=1, max_size=4).map("".join).filter(lambda name: not re.search(_NO_BRANCH, name))
# ECR's API model, RepositoryName.
part = st.sampled_from(WORDS[:-3]) | st.from_regex(
    r"[a-z0-9]{1,4}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}", fullmatch=True
)
repositories = st.lists(part, min_size=1, max_size=3).map("/".join)

INSTALLS = [
    "pip install 'a b' \"c\"",
    "echo \\n $$ ${X} $(date) ${{ x }} << % %% '''",
    'echo """a"""',
    "# a comment",
    "a: b # c",
    "- x",
    "'\"",
]


def literal(pattern: str, specials: str) -> str:
    """Return the one text that a pattern matches. Raises AssertionError if it matches others, too."""
    assert not any(character in specials for character in re.sub(r"\\.", "", pattern)), pattern
    return re.sub(r"\\(.)", r"\1", pattern)


def travis_branch(document: Any) -> str:
    match = re.search(r"""branch = (["'])(.*?)\1\)$""", document["if"])
    assert match
    return match[2]


# Where each system reads the branch from.
READERS: dict[str, Callable[[Any], str]] = {
    "github": lambda document: document.get("on", document.get(True))["push"]["branches"][0],
    "circleci": lambda document: document["workflows"]["ecr"]["jobs"][0]["image"]["filters"]["branches"][
        "only"
    ].replace("\\<<", "<<"),
    "azure": lambda document: document["trigger"]["branches"]["include"][0],
    "bitbucket": lambda document: next(iter(document["pipelines"]["branches"])),
    "drone": lambda document: document["trigger"]["ref"][0].removeprefix("refs/heads/"),
    "woodpecker": lambda document: document["when"][1]["branch"],
    "travis": travis_branch,
}
# The characters that mean something in a branch's pattern, of those that a branch can have.
PATTERNS = {"github": "+!", "drone": "{}", "woodpecker": "{}"}
NAMED = [variant for variant in VARIANTS if variant.system.name in READERS]


def read_yaml(text: str) -> list[Any]:
    """Return the document as YAML 1.1 and as YAML 1.2 read it."""
    return [load_yaml(text), YAML(typ="safe", pure=True).load(io.StringIO(text))]


@pytest.mark.parametrize("variant", NAMED, ids=str)
@settings(max_examples=12, deadline=None)
@given(name=branches)
def test_the_branch_is_read_as_it_is_called(variant: Variant, name: str) -> None:
    check_branch(variant, name)


@pytest.mark.parametrize("variant", {variant.system.name: variant for variant in NAMED}.values(), ids=str)
def test_each_branch_with_a_meaning_is_read_as_it_is_called(variant: Variant) -> None:
    for name in [*BRANCHES, *WORDS]:
        if not re.search(_NO_BRANCH, name):
            check_branch(variant, name)


def check_branch(variant: Variant, name: str) -> None:
    """Assert that the pipeline is for this branch, as its system reads it, or that the system can't name it."""
    system = variant.system
    quotes = system.branch_quotes
    if any(text in name for text in system.branch_refused) or (quotes and all(quote in name for quote in quotes)):
        with pytest.raises(SettingsError, match=re.escape(repr(name))):
            variant.text(Values(branch=name))
        return
    text = variant.text(Values(branch=name))
    if system.name in ("drone", "woodpecker"):  # they replace variables first
        assert not re.search(r"(?<!\$)(\$\$)*\$\{", text)
        text = text.replace("$$", "$")
    for document in read_yaml(text):
        read = READERS[system.name](document)
        assert (literal(read, PATTERNS[system.name]) if system.name in PATTERNS else read) == name


@pytest.mark.parametrize("credentials", ["keys", "oidc"])
@settings(max_examples=30, deadline=None)
@given(name=branches)
def test_jenkins_compares_the_very_name(credentials: str, name: str) -> None:
    text = next(item for item in VARIANTS if str(item) == f"jenkins-{credentials}").text(Values(branch=name))
    match = re.search(r"branch pattern: '((?:[^'\\]|\\.)*)', comparator: 'EQUALS'\n", text)
    assert match
    assert groovy_text(match[1]) == name


@pytest.mark.parametrize("name", sorted(set(SYSTEMS) - set(READERS) - {"jenkins"}))
def test_the_others_ask_the_ci_which_branch_is_the_default_one(name: str) -> None:
    (variant, *_) = [item for item in VARIANTS if item.system.name == name]
    assert "a-branch-of-ours" not in variant.text(Values(branch="a-branch-of-ours"))


@ALL
@settings(max_examples=12, deadline=None)
@given(name=repositories)
def test_the_repository_is_a_text(variant: Variant, name: str) -> None:
    assume(len(name) > 1)
    values = Values("eu-central-1", "arn:aws:iam::123456789012:role/a+=,.@-_/x", name)
    (step, *_) = [step for step in jobs(variant, values)[0].steps if "inv build push" in step.script]
    exports = [shlex.split(line) for line in step.script.splitlines() if line.startswith("export ")]
    variables = {**step.environ, **dict(words[1].split("=", 1) for words in exports)}
    assert (variables["ECR_REPOSITORY"], variables["AWS_REGION"]) == (name, "eu-central-1")
    assert variables.get("ECR_ROLE_ARN") == (values.role if variant.credentials == "oidc" else None)


@ALL
@pytest.mark.parametrize("command", INSTALLS)
def test_the_install_command_reaches_the_shell(variant: Variant, command: str) -> None:
    scripts = [step.script for step in jobs(variant, Values(install=command))[0].steps]
    expected = command.replace("${{", "${{ '${{' }}") if variant.system.name in ("github", "azure") else command
    assert any(expected in map(str.strip, script.splitlines()) for script in scripts)


@pytest.mark.parametrize("name", [*BRANCHES, *WORDS, "a..b", "a b", "@", "-x", "x.lock", "a[b", "/a", "@{x"])
def test_git_agrees_which_branches_there_are(name: str) -> None:
    done = subprocess.run(["git", "check-ref-format", "--branch", name], capture_output=True, check=False)
    assert (done.returncode == 0) == (not re.search(_NO_BRANCH, name))


@pytest.mark.parametrize("name", ["a\u200bb", "a\u00a0b", "a\udcff"])
@ALL
def test_a_name_that_nobody_can_see_or_write_is_refused(variant: Variant, name: str) -> None:
    with pytest.raises(SettingsError, match="can't be printed"):
        variant.text(Values(branch=name))
