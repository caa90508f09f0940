"""The shell scripts of wrappers/, in the order in which their CI runs them, with the parameters filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

WRAPPERS = Path(__file__).parents[2] / "wrappers"


def gitlab_documents() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the component's header and its pipeline."""
    spec, pipeline = yaml.safe_load_all((WRAPPERS / "gitlab/templates/push.yml").read_text("utf-8"))
    return spec, pipeline


def github(values: Mapping[str, str]) -> list[str]:
    action = yaml.safe_load((WRAPPERS / "github/action.yml").read_text("utf-8"))
    scripts = []
    for step in action["runs"]["steps"]:
        variables = [f"{name}='{value}'" for name, value in step.get("env", {}).items()]
        text = "\n".join([*(f"export {variable}" for variable in variables), step["run"]])
        scripts.append(text.replace("${{ inputs.tasks }}", values["tasks"]))
    return scripts


def gitlab(values: Mapping[str, str]) -> list[str]:
    (job,) = gitlab_documents()[1].values()
    text = "\n".join([*job["before_script"], *job["script"]])
    return [re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda match: values[match[1]], text)]


def jenkins(values: Mapping[str, str]) -> list[str]:
    groovy = (WRAPPERS / "jenkins/vars/ecrPush.groovy").read_text("utf-8")
    script = re.search(r"script: '''(.*?)'''", groovy, re.DOTALL)
    assert script
    return [f"export TASKS='{values['tasks']}' INSTALL_COMMAND='{values['install']}'\n{script[1]}"]


def circleci(values: Mapping[str, str]) -> list[str]:
    orb = yaml.safe_load((WRAPPERS / "circleci/orb.yml").read_text("utf-8"))
    runs = [step["run"]["command"] for step in orb["commands"]["push"]["steps"]]
    return [re.sub(r"<< parameters\.(\w+) >>", lambda match: values[match[1]], text) for text in runs]


SCRIPTS = {"github": github, "gitlab": gitlab, "jenkins": jenkins, "circleci": circleci}
