"""Every pipeline is valid for its CI, by the vendors' schemas, linters, and parsers of their languages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import check_jsonschema
import pytest
import tree_sitter
import tree_sitter_groovy
import tree_sitter_kotlin
import yaml
from click.testing import CliRunner

from ecr_tasks.ci.pipelines.template import Values
from tests.ci.pipelines.generated import AMBIGUOUS, KNOWN, NATIVE, UNKNOWN, VARIANTS, Variant, jobs

TOOLS = Path(sys.executable).parent
ALL = pytest.mark.parametrize("variant", [*VARIANTS, *NATIVE], ids=str)
VALUES = (KNOWN, UNKNOWN, AMBIGUOUS)
SYSTEMS = tuple(dict.fromkeys(variant.system.name for variant in VARIANTS))
# The schemas that check-jsonschema brings along, so that nothing is downloaded. Two of them have patterns that only
# the older dialect of JavaScript's regular expressions takes.
SCHEMAS = {
    "github": ("vendor.github-workflows",),
    "gitlab": ("vendor.gitlab-ci", "--data-transform", "gitlab-ci"),
    "circleci": ("vendor.circle-ci",),
    "buildkite": ("vendor.buildkite",),
    "azure": ("vendor.azure-pipelines", "--data-transform", "azure-pipelines", "--regex-variant", "nonunicode"),
    "bitbucket": ("vendor.bitbucket-pipelines", "--regex-variant", "nonunicode"),
    "drone": ("vendor.drone-ci",),
    "woodpecker": ("vendor.woodpecker-ci",),
    "travis": ("vendor.travis",),
}
# AWS CodeBuild User Guide, "Build specification reference": what may stand in a buildspec, phase by phase.
BUILDSPEC = {"version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache"}
BUILDSPEC_ENV = {
    *("shell", "variables", "parameter-store", "secrets-manager", "exported-variables", "git-credential-helper"),
}
PHASES = {"install", "pre_build", "build", "post_build"}
PHASE = {"run-as", "on-failure", "runtime-versions", "commands", "finally"}
LANGUAGES = {"jenkins": tree_sitter_groovy.language, "teamcity": tree_sitter_kotlin.language}
# Jenkins, "Pipeline Syntax": the sections and directives of a declarative pipeline and of a stage.
PIPELINE = {"agent", "options", "environment", "stages", "post", "parameters", "triggers", "tools", "libraries"}
MATRIX = {"axes", "excludes", "agent", "environment", "input", "options", "post", "stages", "tools", "when"}
STAGE = {"agent", "options", "environment", "when", "steps", "post", "input", "tools", "stages", "parallel", "matrix"}


def run(*arguments: str | Path) -> str:
    """Run one of the development tools, which must find no fault; return its stdout."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_schema(name: str, *paths: Path) -> None:
    """Run check-jsonschema in this process, which must find no fault in the files of a system."""
    done = CliRunner().invoke(check_jsonschema.main, ["--builtin-schema", *SCHEMAS[name], *map(str, paths)])
    assert done.exit_code == 0, done.output


def write_file(folder: Path, variant: Variant, values: Values) -> Path:
    """Write the pipeline to the file that its CI looks for; return the path."""
    path = folder / variant.system.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(variant.text(values), encoding="utf-8")
    return path


def write_documents(folder: Path, variant: Variant, values: Values) -> list[Path]:
    """Write each YAML document of the pipeline to a file of its own, as a schema is for one; return the paths."""
    path = write_file(folder, variant, values)
    head, *documents = path.read_text(encoding="utf-8").split("\n---\n")
    if not documents or path.suffix != ".yml":
        return [path]
    parts = [path.with_name(f"{path.stem}-{number}.yml") for number in range(len(documents))]
    for part, document in zip(parts, documents, strict=True):
        part.write_text(f"{head}\n---\n{document}", encoding="utf-8")
    return parts


@pytest.mark.parametrize("name", SYSTEMS)
def test_all_of_them_fit_the_vendors_schema(name: str, tmp_path: Path) -> None:
    paths = [
        path
        for variant in (*VARIANTS, *NATIVE)
        if variant.system.name == name
        for number, values in enumerate(VALUES)
        for path in write_documents(tmp_path / f"{variant}-{number}", variant, values)
    ]
    if name in LANGUAGES:
        for path in paths:
            assert_parses(name, path)
    elif name == "codebuild":
        for path in paths:
            assert_buildspec(yaml.safe_load(path.read_text(encoding="utf-8")))
    else:
        check_schema(name, *paths)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_would_find_a_mistake(name: str, tmp_path: Path) -> None:
    variant = next(item for item in VARIANTS if item.system.name == name)
    path = tmp_path / "broken.yml"
    # A list where each of them wants a mapping at the top.
    path.write_text("- " + "\n  ".join(variant.text().splitlines()), encoding="utf-8")
    with pytest.raises(AssertionError):
        check_schema(name, path)


@pytest.mark.parametrize("variant", [item for item in (*VARIANTS, *NATIVE) if item.system.name == "github"], ids=str)
def test_zizmor_finds_no_weakness_in_the_workflow(variant: Variant, tmp_path: Path) -> None:
    path = write_file(tmp_path, variant, KNOWN)
    run(TOOLS / "zizmor", "--offline", "--no-progress", path)


@ALL
def test_shellcheck_finds_nothing_in_the_scripts(variant: Variant, tmp_path: Path) -> None:
    for number, step in enumerate(step for job in jobs(variant) for step in job.steps):
        (tmp_path / f"{number}.sh").write_text(f"#!/bin/sh\n{step.script}\n", encoding="utf-8")
    # SC1091: the files to source come into being when the job runs. SC2154: the CI sets variables.
    run(TOOLS / "shellcheck", "--exclude", "SC1091,SC2154", *tmp_path.iterdir())


def test_the_jenkinsfile_has_the_sections_of_a_declarative_pipeline(tmp_path: Path) -> None:
    variants = [item for item in (*VARIANTS, *NATIVE) if item.system.name == "jenkins"]
    assert len(variants) == 4
    for variant in variants:
        sections = blocks(write_file(tmp_path, variant, KNOWN).read_text(encoding="utf-8"))
        (pipeline,) = [names for name, names in sections if name == "pipeline"]
        assert set(pipeline) <= PIPELINE
        assert {"agent", "stages"} <= set(pipeline)
        stages = [names for name, names in sections if name == "stage"]
        assert len(stages) == (6 if variant.features else 5)
        for names in stages:
            assert set(names) <= STAGE
            assert len({"steps", "matrix"} & set(names)) == 1
        for names in (names for name, names in sections if name == "matrix"):
            assert set(names) <= MATRIX
            assert {"axes", "stages"} <= set(names)


def blocks(groovy: str) -> list[tuple[str, list[str]]]:
    """Return each ``name … { … }`` of a Groovy file with the names of its content, by braces and indentation."""
    sections: list[tuple[str, list[str]]] = []
    for number, line in enumerate(lines := groovy.splitlines()):
        if not line.rstrip().endswith("{") or line.lstrip().startswith("//"):
            continue
        depth = len(line) - len(line.lstrip())
        inner = []
        for other in lines[number + 1 :]:
            indentation = len(other) - len(other.lstrip())
            if other.strip() and indentation <= depth:
                break
            if indentation == depth + 4 and not other.strip().startswith(("//", "}")):
                inner.append(other.split()[0].partition("(")[0])
        sections.append((line.split()[0].partition("(")[0], inner))
    return sections


def assert_parses(name: str, path: Path) -> None:
    """Assert that the whole file is in the language's grammar."""
    parser = tree_sitter.Parser(tree_sitter.Language(LANGUAGES[name]()))
    root = parser.parse(path.read_bytes()).root_node
    assert not root.has_error, str(root)


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_parser_would_find_a_mistake(name: str, tmp_path: Path) -> None:
    variant = next(item for item in VARIANTS if item.system.name == name)
    path = tmp_path / "broken"
    path.write_text(variant.text().rstrip().removesuffix("}").removesuffix("})"), encoding="utf-8")
    with pytest.raises(AssertionError):
        assert_parses(name, path)


def assert_buildspec(document: dict[str, object]) -> None:
    """Assert names and types by the reference of the buildspec."""
    assert set(document) <= BUILDSPEC
    assert document["version"] == 0.2
    env, phases = document["env"], document["phases"]
    assert isinstance(env, dict)
    assert isinstance(phases, dict)
    assert set(env) <= BUILDSPEC_ENV
    assert all(isinstance(value, str) for value in env["variables"].values())
    assert set(phases) <= PHASES
    for phase in phases.values():
        assert set(phase) <= PHASE
        assert all(isinstance(command, str) for command in phase["commands"])
