"""Every pipeline that `ci.init` can write, and its shell scripts in the order in which the CI runs them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from ecr_tasks.ci.pipelines.template import Values
from ecr_tasks.ci.pipelines.write import pipeline
from ecr_tasks.ci.systems import SYSTEMS, Credentials, Feature, System

KNOWN = Values(region="eu-central-1", role="arn:aws:iam::123456789012:role/push", repository="team/app")
UNKNOWN = Values()
AMBIGUOUS = Values("eu-central-1", "arn:aws:iam::123456789012:role/no", "1.10", branch="#on,it's%a&$$x-!+@<<%%")
"""Values that mean something else where they aren't quoted."""


@dataclass(frozen=True)
class Variant:
    """A system with one kind of credentials, and features."""

    system: System
    credentials: Credentials
    features: tuple[Feature, ...] = ()

    def __str__(self) -> str:
        return "-".join((self.system.name, self.credentials, *self.features))

    def text(self, values: Values = KNOWN) -> str:
        """Return the pipeline."""
        return pipeline(self.system, self.credentials, replace(values, features=self.features))


VARIANTS = [Variant(system, kind) for system in SYSTEMS.values() for kind in system.credentials]
NATIVE = [replace(variant, features=("native",)) for variant in VARIANTS]


@dataclass(frozen=True)
class Step:
    """A script that the CI runs in one shell, with the variables that the pipeline sets for it."""

    script: str
    environ: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """The steps that share a workspace; ``python``: the CI has set up a Python and put it on PATH."""

    name: str
    steps: tuple[Step, ...]
    python: bool = False


def jobs(variant: Variant, values: Values = KNOWN) -> list[Job]:
    """Return the jobs that a push to the default branch starts: the image's first, then the deployment."""
    return list(_READERS[variant.system.name](variant.text(values)))


def _texts(variables: dict[str, Any]) -> dict[str, str]:
    """Return the variables whose values are in the file, all of them texts; the others are the CI's secrets."""
    texts = {name: value for name, value in variables.items() if not isinstance(value, dict)}
    assert all(isinstance(value, str) for value in texts.values()), texts
    return texts


def load_yaml(text: str) -> Any:
    """Return the document as YAML 1.1 reads it, by libyaml, which takes a tenth of the time."""
    return yaml.load(text, Loader=yaml.CSafeLoader)


def load_all_yaml(text: str) -> list[Any]:
    """Return all documents of a file, as YAML 1.1 reads them."""
    return list(yaml.load_all(text, Loader=yaml.CSafeLoader))


def _lines(commands: list[str]) -> str:
    return "\n".join(commands)


def _github(text: str) -> Iterator[Job]:
    document = load_yaml(text)
    shared = _texts(document["env"])
    for name in ("image", "deploy"):
        steps = [step for step in document["jobs"][name]["steps"] if "run" in step]
        yield Job(name, tuple(Step(step["run"], shared | _texts(step.get("env", {}))) for step in steps), python=True)


def _gitlab(text: str) -> Iterator[Job]:
    document = load_yaml(text)
    for name in ("build-and-push", "deploy"):
        job = document[name]
        yield Job(name, (Step(_lines(job.get("before_script", []) + job["script"]), _texts(job["variables"])),))


def _jenkins(text: str) -> Iterator[Job]:
    declared = text[text.index("environment {") : text.index("stages {")]
    shared = {name: groovy_text(text) for name, text in re.findall(r"^ +(\w+) = '(.*)'$", declared, re.MULTILINE)}
    scripts = {}
    for stage in text.split("stage('")[1:]:
        match = re.search(r"(?:sh|script:) '''(.*?)'''|sh '(.*?)'", stage, re.DOTALL)
        if match:
            script = groovy_text(match[1] or match[2])
            scripts[stage.partition("'")[0]] = Step(script, shared)
    assert list(scripts) == ["Install", "Build", "Build and push", "Deploy"]
    yield Job("image", (scripts["Install"], scripts["Build and push"]))
    yield Job("deploy", (scripts["Deploy"],))


def groovy_text(literal: str) -> str:
    """Return a string in single quotes as Groovy reads it."""
    return re.sub(r"\\(.)", r"\1", literal)


def _circleci(text: str) -> Iterator[Job]:
    document = load_yaml(text)
    for name in ("image", "deploy"):
        job = document["jobs"][name]
        runs = [step["run"] for step in job["steps"] if isinstance(step, dict) and "run" in step]
        yield Job(
            name,
            tuple(Step(run["command"].replace("\\<<", "<<"), _texts(job.get("environment", {}))) for run in runs),
        )


def _buildkite(text: str) -> Iterator[Job]:
    document = load_yaml(text)
    for step in document["steps"]:
        yield Job(step["label"], (Step(step["command"].replace("$$", "$"), _texts(document["env"])),))


def _azure(text: str) -> Iterator[Job]:
    document = load_yaml(text)
    shared = _texts({item["name"]: item["value"] for item in document["variables"] if "name" in item})
    for job in document["jobs"]:
        steps = [step for step in job["steps"] if "script" in step]
        yield Job(
            job["job"],
            tuple(Step(step["script"], shared | _texts(step.get("env", {}))) for step in steps),
            python=True,
        )


def _bitbucket(text: str) -> Iterator[Job]:
    document = load_yaml(text)
    (steps,) = document["pipelines"]["branches"].values()
    for item in (entry for step in steps for entry in step.get("parallel", [step])):
        yield Job(item["step"]["name"], (Step(_lines(item["step"]["script"])),))


def _codebuild(text: str) -> Iterator[Job]:
    document = load_yaml(text)
    commands = [line for name in ("install", "build", "post_build") for line in document["phases"][name]["commands"]]
    yield Job("build", (Step(_lines(commands), _texts(document["env"]["variables"])),))


def _drone(text: str) -> Iterator[Job]:
    # The server replaces variables in the whole file before it reads it; the pipelines use none.
    for step in (step for document in load_all_yaml(text.replace("$$", "$")) for step in document["steps"]):
        yield Job(step["name"], (Step(_lines(step["commands"]), _texts(step.get("environment", {}))),))


def _teamcity(text: str) -> Iterator[Job]:
    parameters = re.findall(r'param\("env\.(\w+)", "(.*)"\)', text)
    shared = {name: re.sub(r"\\(.)", r"\1", literal).replace("%%", "%") for name, literal in parameters}
    for part in re.split(r"^(?:object|open class) ", text, flags=re.MULTILINE)[1:]:
        literals = re.findall(r'scriptContent = (?:"""(.*?)"""|"(.*?)"$)', part, re.DOTALL | re.MULTILINE)
        scripts = [_teamcity_text(long or short) for long, short in literals]
        if scripts:  # an object of a class has those of the class
            yield Job(re.split(r"\W", part)[0], tuple(Step(script, shared) for script in scripts))


def _teamcity_text(text: str) -> str:
    """Return a string as Kotlin and then TeamCity read it."""
    text = (
        text.replace('${"\\"\\"\\""}', '"""')
        .replace("${'$'}", "$")
        .replace("%system.teamcity.build.tempDir%", "$TEMP_DIR")
    )
    return text.replace("%%", "%")


def _travis(text: str) -> Iterator[Job]:
    document = load_yaml(text)
    shared = dict(line.split("=", 1) for line in document["env"]["global"])
    for job in document["jobs"]["include"]:
        install = [] if job["install"] == "skip" else job["install"]
        yield Job(job["stage"], (Step(_lines(install + job["script"]), shared),), python=True)


_READERS: dict[str, Callable[[str], Iterator[Job]]] = {
    "github": _github,
    "gitlab": _gitlab,
    "jenkins": _jenkins,
    "circleci": _circleci,
    "buildkite": _buildkite,
    "azure": _azure,
    "bitbucket": _bitbucket,
    "codebuild": _codebuild,
    "drone": _drone,
    "woodpecker": _drone,
    "teamcity": _teamcity,
    "travis": _travis,
}
