"""The facts that TeamCity gives about a run.

Sources: TeamCity documentation, "List of Predefined Build Parameters" (server and branch parameters) and "Pull
Requests" (predefined build parameters for pull requests). Only some parameters are environment variables; the
others are in the file that a parameter of the build's properties file names.
"""

from __future__ import annotations

import re

from ecr_tasks.ci.change import find_change
from ecr_tasks.ci.environ import Environ, Fact
from ecr_tasks.ci.facts import Facts, branch_name, one_of, tag_name

_EVENTS = {"Git": "push", "Schedule Trigger": "schedule"}
"""The event for each teamcity.build.triggeredBy, a text for people; all others are unknown."""

_ENTRY = re.compile(r"((?:[^\\ \t\f=:]|\\.)*)[ \t\f]*[=:]?[ \t\f]*(.*)", re.DOTALL)
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def read_facts(env: Environ) -> Facts:
    """Return what TeamCity's parameters and variables say about the run.

    The VCS branch is the ref itself. The logical branch is the part of it that the branch specification selects. A
    personal build (a remote run) has somebody's uncommitted changes in it.
    """
    for file in ("TEAMCITY_BUILD_PROPERTIES_FILE", "teamcity.configuration.properties.file"):
        env = env.plus(_properties(env.file(file)))
    ref = _common_value(env, "teamcity.build.vcs.branch.")
    refs = [env.get(name) for name in sorted(env.variables) if name.startswith("teamcity.build.vcs.branch.")]
    logical = env.get("teamcity.build.branch", parse=lambda name: None if name == "<default>" else name)
    request = env.get("teamcity.pullRequest.number", "TEAMCITY_PULLREQUEST_NUMBER")
    source = env.get("teamcity.pullRequest.source.branch", "TEAMCITY_PULLREQUEST_SOURCE_BRANCH", parse=branch_name)
    target = env.get("teamcity.pullRequest.target.branch", "TEAMCITY_PULLREQUEST_TARGET_BRANCH", parse=branch_name)
    change = find_change(
        numbers=[request],
        refs=[*refs, logical],
        names=[] if ref else [logical],
        signs=[source, target, env.flag("BUILD_IS_PERSONAL", "build.is.personal")],
    )
    # Without a VCS branch, the logical branch is the branch.
    named = ref or logical
    branch = named and named.map(branch_name)
    commit = env.get("BUILD_VCS_NUMBER") or _common_value(env, "build.vcs.number.")
    merged = ref and ref.value.endswith("/merge")
    default = env.get("teamcity.build.branch.is_default", parse=one_of("true"))
    person = env.get("teamcity.build.triggeredBy.username", parse=lambda _: "manual")
    return Facts(
        cause=person or env.get("teamcity.build.triggeredBy", parse=_EVENTS.get),
        branch=branch,
        tag=(ref and ref.map(tag_name)) or (logical and logical.map(tag_name)),
        commit=commit,
        change=change,
        source_branch=source,
        head=None if merged else commit,
        base_ref=target,
        fork=_fork(env, source),
        build_number=env.get("BUILD_NUMBER", "build.number"),
        default_branch=Fact(branch.value, default.origin) if default and branch and not change else None,
        repository_url=env.get("vcsroot.url") or _common_value(env, "vcsroot.", ".url"),
        build_url=env.get("BUILD_URL"),
        actor=env.get("teamcity.build.triggeredBy.username", parse=lambda name: None if name == "n/a" else name),
    )


def _fork(env: Environ, source: Fact | None) -> Fact | None:
    """Return whether the source branch is missing, which is "provided only if the source repository is the same as
    the target one".
    """
    request = env.get("teamcity.pullRequest.number")
    return Fact("false" if source else "true", "teamcity.pullRequest.source.branch") if request else None


def _common_value(env: Environ, start: str, end: str = "") -> Fact | None:
    """Return the value that all parameters of this start and end share (one per VCS root); None if they differ."""
    names = sorted(name for name in env.variables if name.startswith(start) and name.endswith(end))
    facts = [fact for name in names if (fact := env.get(name))]
    return facts[0] if len({fact.value for fact in facts}) == 1 else None


def _properties(text: str) -> dict[str, str]:
    """Parse java.util.Properties' format: comments, continued lines, three separators, escapes."""
    properties: dict[str, str] = {}
    entry = ""
    for line in re.split(r"\r\n|\r|\n", text):
        entry += line.lstrip(" \t\f")
        comment = entry[:1] in ("#", "!")
        if (len(entry) - len(entry.rstrip("\\"))) % 2 and not comment:  # an escaped line break
            entry = entry[:-1]
            continue
        if entry and not comment and (parts := _ENTRY.fullmatch(entry)):
            properties[_unescape(parts[1])] = _unescape(parts[2])
        entry = ""
    return properties


def _unescape(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        code, other = match.groups()
        return chr(int(code, 16)) if code else _ESCAPES.get(other, other)

    plain = re.sub(r"\\(?:u([0-9a-fA-F]{4})|(.))", character, text, flags=re.DOTALL)
    # A character beyond the basic plane is written as two escapes.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
