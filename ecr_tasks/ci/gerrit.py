"""Gerrit's variables, which its triggers set in any CI system.

Sources: gerrit-trigger-plugin, GerritTriggerParameters.java; gerrit-code-review-plugin's README; the inputs of the
workflows that lfreleng-actions/gerrit_to_platform starts.
"""

from __future__ import annotations

from ecr_tasks.ci.change import Change, find_change
from ecr_tasks.ci.environ import Environ, Fact
from ecr_tasks.ci.facts import one_of


def is_merged(env: Environ, prefix: str = "") -> Fact | None:
    """Return the event if the change is in its branch already: then its other variables are set as well.

    A job of Jenkins that checks out GERRIT_REFSPEC builds the patchset even then. It need not be what the branch got
    (GERRIT_NEWREV): Gerrit may have rebased, picked or merged it.
    """
    event = env.get(f"{prefix}GERRIT_EVENT_TYPE", parse=one_of("change-merged", "ref-updated"))
    built, patchset = env.get("GIT_COMMIT"), env.get("GERRIT_PATCHSET_REVISION")
    merged = env.get("GERRIT_NEWREV")
    if built and patchset and merged and built.value == patchset.value != merged.value:
        return None
    return event


def gerrit_change(env: Environ, prefix: str = "") -> Change | None:
    """Return the change that Gerrit's variables name, each after ``prefix``; None for a merged one."""
    if is_merged(env, prefix):
        return None
    names = ("GERRIT_PATCHSET_NUMBER", "GERRIT_CHANGE_ID", "GERRIT_CHANGE_URL")
    return find_change(
        numbers=[env.get(f"{prefix}GERRIT_CHANGE_NUMBER")],
        refs=[env.get(f"{prefix}GERRIT_REFSPEC")],
        signs=[env.get(f"{prefix}{name}") for name in names],
    )
