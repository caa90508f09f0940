"""Where a person makes the schedule of a pipeline that runs every night, if the file itself does not have it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ecr_tasks.ci.systems import Feature, System

NIGHTLY: Feature = "nightly"

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


def what_to_schedule(system: System) -> str | None:
    """Return what a person has to do so that the pipeline runs every night; None where it does by itself."""
    place = _BY_HAND.get(system.name)
    return f"{system.title} takes no schedule from the pipeline: make one in {place}." if place else None
