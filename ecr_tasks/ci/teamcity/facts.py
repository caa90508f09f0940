"""The facts that TeamCity gives about a run.

Sources: TeamCity documentation, "List of Predefined Build Parameters" (server and branch parameters) and "Pull
Requests" (predefined build parameters for pull requests). Only some parameters are environment variables; the
others are in the file that a parameter of the build's properties file names.
"""

from __future__ import annotations

import re

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, branch_name, event_of, fact, make_context, pull_number, tag_name

_EVENTS = {"Git": "push", "Schedule Trigger": "schedule"}
"""The event for each teamcity.build.triggeredBy, a text for people; all others are unknown."""

_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def marker(env: Environ) -> Fact | None:
    """Return TEAMCITY_VERSION, which is set in every build."""
    return env.get("TEAMCITY_VERSION")


def read_context(env: Environ, provider: Fact) -> CiContext:
    """Return what TeamCity's parameters and variables say about the run.

    The VCS branch is the ref itself. The logical branch is the part of it that the branch specification selects.
    """
    parameters = _Parameters(env)
    ref = parameters.only("teamcity.build.vcs.branch.")
    logical = parameters.get("teamcity.build.branch")
    logical_branch = logical and logical.map(_logical_branch)
    request = (
        parameters.get("teamcity.pullRequest.number")
        or env.get("TEAMCITY_PULLREQUEST_NUMBER")
        or (ref and ref.map(pull_number))
    )
    tag = (ref and ref.map(tag_name)) or (logical and logical.map(tag_name))
    source = parameters.get("teamcity.pullRequest.source.branch") or env.get("TEAMCITY_PULLREQUEST_SOURCE_BRANCH")
    # Without a VCS branch, the logical branch is the branch, unless the run is for a tag or a pull request.
    branch = source if request else None if tag else (ref and ref.map(branch_name)) or logical_branch
    commit = env.get("BUILD_VCS_NUMBER") or parameters.only("build.vcs.number.")
    merged = ref is not None and ref.value.endswith("/merge")
    default = parameters.get("teamcity.build.branch.is_default")
    is_default = default is not None and default.value == "true" and not request
    return make_context(
        provider,
        event=_event(parameters, request, tag),
        branch=branch,
        tag=tag,
        sha=None if request and merged else commit,
        checkout=commit if request and merged else None,
        pull_request=request,
        base_ref=parameters.get("teamcity.pullRequest.target.branch")
        or env.get("TEAMCITY_PULLREQUEST_TARGET_BRANCH"),
        fork=_fork(parameters, source),
        build_number=env.get("BUILD_NUMBER") or parameters.get("build.number"),
        default_branch=Fact(branch.value, default.origin) if is_default and default and branch else None,
        repository_url=parameters.get("vcsroot.url") or parameters.only("vcsroot.", ".url"),
        build_url=env.get("BUILD_URL"),
    )


def _logical_branch(name: str) -> str | None:
    return None if name == "<default>" or name.startswith("refs/tags/") else name


def _event(parameters: _Parameters, request: Fact | None, tag: Fact | None) -> Fact | None:
    person = parameters.get("teamcity.build.triggeredBy.username")
    if person:
        return Fact("manual", person.origin)
    return event_of(parameters.get("teamcity.build.triggeredBy"), _EVENTS, request, tag)


def _fork(parameters: _Parameters, source: Fact | None) -> Fact | None:
    """Return whether the source branch is missing: it is "provided only if the source repository is the same as the
    target one".
    """
    request = parameters.get("teamcity.pullRequest.number")
    return Fact("false" if source else "true", "teamcity.pullRequest.source.branch") if request else None


class _Parameters:
    """The parameters of the build's properties file, and of the configuration's file that the first one names."""

    def __init__(self, env: Environ) -> None:
        build = _properties(env.file(env.get("TEAMCITY_BUILD_PROPERTIES_FILE")))
        name = "teamcity.configuration.properties.file"
        configuration = _properties(env.file(fact(build.get(name), name)))
        self._values = {**build, **configuration}

    def get(self, name: str) -> Fact | None:
        return fact(self._values.get(name), name)

    def only(self, start: str, end: str = "") -> Fact | None:
        """Return the value that all parameters of such a name have: there is one for each VCS root."""
        facts = [
            item
            for name in sorted(self._values)
            if name.startswith(start) and name.endswith(end) and (item := self.get(name))
        ]
        return facts[0] if len({item.value for item in facts}) == 1 else None


def _properties(text: str | None) -> dict[str, str]:
    """Parse java.util.Properties' format: comments, continued lines, three separators, escapes."""
    properties: dict[str, str] = {}
    entry = ""
    for line in re.split(r"\r\n|\r|\n", text or ""):
        entry += line.lstrip(" \t\f")
        comment = entry[:1] in ("#", "!")
        if (len(entry) - len(entry.rstrip("\\"))) % 2 and not comment:  # an escaped line break
            entry = entry[:-1]
            continue
        if entry and not comment:
            key, value = _entry(entry)
            properties[key] = value
        entry = ""
    return properties


def _entry(line: str) -> tuple[str, str]:
    split = re.fullmatch(r"((?:[^\\ \t\f=:]|\\.)*)[ \t\f]*[=:]?[ \t\f]*(.*)", line, re.DOTALL)
    return (_unescape(split[1]), _unescape(split[2])) if split else (line, "")


def _unescape(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        code, other = match.groups()
        return chr(int(code, 16)) if code else _ESCAPES.get(other, other)

    plain = re.sub(r"\\(?:u([0-9a-fA-F]{4})|(.))", character, text, flags=re.DOTALL)
    # A character beyond the basic plane is written as two escapes.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
