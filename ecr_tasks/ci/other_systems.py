"""CI systems without an adapter: how they say that a run is for a proposed change.

Nothing else of them is read. Many check a change out as a local branch ``main``, or merge it into that, so that git
alone would take it for a push. Sources: each system's list of environment variables.
"""

from __future__ import annotations

from ecr_tasks.ci.change import find_change
from ecr_tasks.ci.context import NO_CI, CiContext
from ecr_tasks.ci.environ import Environ
from ecr_tasks.ci.facts import one_of
from ecr_tasks.ci.gerrit import gerrit_change

_ROWS = (
    ("AGOLA_GIT_REF", "AGOLA_PULL_REQUEST_ID"),
    ("AWS_APP_ID", "AWS_PULL_REQUEST_ID"),  # Amplify
    ("APPVEYOR", "APPVEYOR_PULL_REQUEST_NUMBER"),
    ("bamboo_planKey", "bamboo_repository_pr_key"),
    ("BITRISE_IO", "BITRISE_PULL_REQUEST"),
    ("BUDDY_WORKSPACE_ID", "BUDDY_RUN_PR_NO"),
    ("BUDDY_WORKSPACE_ID", "BUDDY_EXECUTION_PULL_REQUEST_NO"),
    ("CIRRUS_CI", "CIRRUS_PR"),
    ("CF_BUILD_ID", "CF_PULL_REQUEST_NUMBER"),  # Codefresh
    ("CM_BUILD_ID", "CM_PULL_REQUEST_NUMBER"),  # Codemagic
    ("CNB", "CNB_PULL_REQUEST_IID"),  # Tencent's Cloud Native Build
    ("NETLIFY", "REVIEW_ID"),
    ("PROW_JOB_ID", "PULL_NUMBER"),
    ("RENDER", "IS_PULL_REQUEST"),  # true or false
    ("SCREWDRIVER", "SD_PULL_REQUEST"),
    ("SCRUTINIZER", "SCRUTINIZER_PR_NUMBER"),
    ("SEMAPHORE", "SEMAPHORE_GIT_PR_NUMBER"),
    ("JOB_URL", "PATCHSET_ID"),  # sourcehut
    ("VELA", "VELA_PULL_REQUEST"),
    ("VERCEL", "VERCEL_GIT_PULL_REQUEST_ID"),
    ("ZUUL_UUID", "ZUUL_CHANGE"),  # Zuul 2; later versions set no variables
)
"""A variable that only this system sets, and the variable with the change's number."""

_OTHERS = ("CI_NAME", "CONTINUOUS_INTEGRATION", "HARNESS_BUILD_ID", "TASKCLUSTER_ROOT_URL", "GO_PIPELINE_LABEL")
"""What more systems set in every run: Codeship and sourcehut, several, Harness, Taskcluster, GoCD."""

_PROW_BATCH = "batch"
"""JOB_TYPE of a run for several pull requests, which Prow merges together."""


def in_other_ci(env: Environ) -> bool:
    """Return whether this is a run of such a system, for a change or not; some of them don't set CI."""
    return any(env.get(marker) for marker, _ in _ROWS) or bool(env.flag(*_OTHERS))


def other_run(env: Environ) -> CiContext:
    """Return a run of a system without an adapter if it is for a change, else NO_CI."""
    numbers = [env.flag(name) for marker, name in _ROWS if env.get(marker)]
    batch = env.get("JOB_TYPE", parse=one_of(_PROW_BATCH))
    change = find_change(numbers=numbers, queue=batch if env.get("PROW_JOB_ID") else None)
    change = change or gerrit_change(env)
    if change is None:
        return NO_CI
    number = change.number
    origins = {"change": change.origin, **({"pull_request": number.origin} if number else {})}
    return CiContext(change=change.kind, pull_request=number.value if number else None, origins=origins)
