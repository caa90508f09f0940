"""The wrappers for those who want their CI's own form: valid for it, and with the same defaults everywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_groovy
import yaml

from tests.support.wrappers import SCRIPTS, WRAPPERS, gitlab_documents

TOOLS = Path(sys.executable).parent
DEFAULTS = {"tasks": "build push", "install": "pip install -r requirements-ci.txt"}


def run(*arguments: str | Path) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "file"), [("vendor.github-actions", "github/action.yml"), ("vendor.circle-ci", "circleci/orb.yml")]
)
def test_it_fits_the_vendors_schema(schema: str, file: str) -> None:
    run(TOOLS / "check-jsonschema", "--builtin-schema", schema, WRAPPERS / file)


def test_the_component_fits_gitlabs_schema(tmp_path: Path) -> None:
    """A component has two documents, of which the schema knows the second."""
    spec, pipeline = gitlab_documents()
    path = tmp_path / "pipeline.yml"
    path.write_text(yaml.safe_dump(pipeline), "utf-8")
    run(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", path)
    assert all({"default", "description"} <= set(item) for item in spec["spec"]["inputs"].values())


def test_the_shared_library_is_groovy() -> None:
    source = (WRAPPERS / "jenkins/vars/ecrPush.groovy").read_bytes()
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_groovy.language()))
    assert not parser.parse(source).root_node.has_error


def test_zizmor_finds_no_weakness_in_the_action() -> None:
    run(TOOLS / "zizmor", "--offline", "--no-progress", WRAPPERS / "github")


@pytest.mark.parametrize("name", SCRIPTS)
def test_shellcheck_finds_nothing_in_the_scripts(name: str, tmp_path: Path) -> None:
    path = tmp_path / "script.sh"
    path.write_text("#!/bin/sh\n" + "\n".join(SCRIPTS[name](DEFAULTS)), "utf-8")
    # SC1091: the file to source comes into being when it runs. SC2154: the CI sets variables.
    run(TOOLS / "shellcheck", "--exclude", "SC1091,SC2154", path)


def test_all_have_the_same_defaults() -> None:
    action = yaml.safe_load((WRAPPERS / "github/action.yml").read_text("utf-8"))["inputs"]
    inputs = gitlab_documents()[0]["spec"]["inputs"]
    orb = yaml.safe_load((WRAPPERS / "circleci/orb.yml").read_text("utf-8"))
    groovy = (WRAPPERS / "jenkins/vars/ecrPush.groovy").read_text("utf-8")
    assert action["tasks"]["default"] == DEFAULTS["tasks"]
    for name, value in DEFAULTS.items():
        assert inputs[name]["default"] == value
        assert orb["commands"]["push"]["parameters"][name]["default"] == value
        assert orb["jobs"]["push"]["parameters"][name]["default"] == value
        assert f"options?.{name} ?: '{value}'" in groovy
