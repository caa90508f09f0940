"""What is other in a pipeline that also runs every night, and builds anew where base images have moved."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ecr_tasks.ci.systems import Feature, System

NIGHTLY: Feature = "nightly"

_PUSH = ("inv build push", "inv push --outdated")
"""The command of every run: a plain push for a new commit, and for a published one whose bases have not moved."""

_SCHEDULES: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "github": (
            ("  workflow_dispatch:\n", '  workflow_dispatch:\n  schedule:\n    - cron: "17 3 * * *" # UTC\n'),
        ),
        "azure": (
            (
                "pr: none #",
                'schedules:\n  - cron: "17 3 * * *" # UTC\n    displayName: Nightly\n    branches:\n'
                '      include: ["@BRANCH@"]\n    always: "true"\npr: none #',
            ),
        ),
        "jenkins": (
            (
                "    environment {\n",
                "    // Every night, of a multibranch job this branch alone.\n"
                "    triggers {\n        cron(env.BRANCH_NAME in [null, '@BRANCH@'] ? 'H 3 * * *' : '')\n    }\n\n"
                "    environment {\n",
            ),
        ),
        "teamcity": (
            (
                "import jetbrains.buildServer.configs.kotlin.triggers.vcs\n",
                "import jetbrains.buildServer.configs.kotlin.triggers.schedule\n"
                "import jetbrains.buildServer.configs.kotlin.triggers.vcs\n",
            ),
            (
                '        vcs {\n            branchFilter = "+:<default>"\n        }\n',
                '        vcs {\n            branchFilter = "+:<default>"\n        }\n'
                "        schedule {\n            schedulingPolicy = daily {\n"
                "                hour = 3\n            }\n"
                '            branchFilter = "+:<default>"\n            triggerBuild = always()\n'
                "            withPendingChangesOnly = false\n        }\n",
            ),
        ),
        "woodpecker": (("event: [push, manual]", "event: [push, manual, cron]"),),
        "drone": (("event: [push, tag] #", "event: [push, tag, cron] #"),),
    }
)
"""The changes of a template that has the schedule, or lets its runs in: the text, and what is in its place."""

_BY_HAND: Mapping[str, str] = MappingProxyType(
    {
        "gitlab": "Build > Pipeline schedules, for the default branch",
        "circleci": "Project Settings > Triggers, a schedule for the default branch",
        "buildkite": "the pipeline's Settings > Schedules, for the default branch",
        "bitbucket": "Pipelines > Schedules, for the branch's pipeline",
        "codebuild": "a rule of EventBridge with a cron expression, whose target is the project",
        "drone": "the repository's Settings > Cron Jobs, @daily for the default branch",
        "woodpecker": "the repository's Settings > Crons, @daily for the default branch",
        "travis": "the repository's Settings > Cron Jobs, daily for the default branch, always",
    }
)
"""Where a person makes the schedule of those systems that don't take it from the pipeline."""


def with_nightly(system: System, template: str) -> str:
    """Return a template with its nightly runs. Raises ValueError for one that lacks what is replaced."""
    for old, new in (_PUSH, *_SCHEDULES.get(system.name, ())):
        if template.count(old) != 1:
            raise ValueError(f"the template of {system.name} has not one {old!r}")
        template = template.replace(old, new)
    return template


def what_to_schedule(system: System) -> str | None:
    """Return what a person has to do so that the pipeline runs every night; None where it does by itself."""
    place = _BY_HAND.get(system.name)
    return f"{system.title} takes no schedule from the pipeline: make one in {place}." if place else None
