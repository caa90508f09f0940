"""What each type of rule makes of a source, before prefix and suffix are put around it.

One function a type; each gives a Value, or says why it gives none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ecr_tasks.tags.event import Facts
from ecr_tasks.tags.latest import Forward, higher_release, version_of
from ecr_tasks.tags.rules import Rule
from ecr_tasks.tags.versions import Scheme, Version, parse


@dataclass(frozen=True)
class Value:
    """A rule's text and why; ``fixed`` by its type alone, ``latest`` is what the flavor's auto makes of it.

    ``version`` is what `latest` would move to, where it can be compared with the other releases; ``forward`` is
    what the text stands for, where it only moves forward.
    """

    text: str
    because: str
    fixed: bool = False
    latest: bool = False
    version: Version | None = None
    forward: Forward | None = None


@dataclass(frozen=True)
class NoValue:
    """Why a rule gives nothing."""

    because: str


def value_of(rule: Rule, facts: Facts, *, forward: bool) -> Value | NoValue:
    """What a rule makes of a source."""
    if rule.type in ("semver", "pep440"):
        return _version(rule, facts, rule.type, forward=forward)
    return {
        "schedule": _schedule,
        "match": _match,
        "edge": _edge,
        "ref": {"branch": _branch, "tag": _tag, "pr": _pull_request}.get(rule.event, _branch),
        "raw": _raw,
        "sha": _sha,
    }[rule.type](rule, facts)


def names_one_thing(tag: str) -> bool:
    """Whether a git tag is one release's own: it has a digit in it and is more than a major version (``v1``)."""
    name = tag.rpartition("/")[2]
    return bool(re.search(r"[0-9]", name)) and not re.fullmatch(r"v?[0-9]{1,3}", name)


def _schedule(rule: Rule, facts: Facts) -> Value | NoValue:
    if facts.source.event != "schedule" or facts.source.is_pull_request:
        return NoValue(f"this is no scheduled run but a {facts.event}")
    return Value(facts.render(rule.pattern) if rule.pattern else "", "a scheduled run")


def _version(rule: Rule, facts: Facts, scheme: Scheme, *, forward: bool) -> Value | NoValue:
    given = _given(rule, facts)
    if isinstance(given, NoValue) or rule.pattern is None:
        return given if isinstance(given, NoValue) else NoValue("it has no pattern")
    text, because = given.text, given.because
    if rule.regexp is not None:
        found = rule.regexp.match(text)
        # As in metadata-action, a text that doesn't match is taken as it is.
        text = text if found is None else found[1] or ""
    version = parse(text.replace("/", "-"), scheme)
    if version is None:
        standard = "semantic version (semver.org)" if scheme == "semver" else "Python version (PEP 440)"
        return NoValue(f"{text!r} is no {standard}")
    tag = version.render(rule.pattern)
    fixed = version.is_unique_in(rule.pattern)
    comparable = version if text == given.text else None
    moves_to: Forward | None = None
    if forward and not fixed and comparable is not None:
        moves_to = Forward(version, rule.pattern)
        pattern = rule.pattern
        higher = higher_release(version, facts.source, lambda other: other.render(pattern) == tag)
        if higher is not None:
            return NoValue(f"{tag} stays with the higher release {higher}")
    return Value(tag, because, fixed=fixed, latest=version.final, version=comparable, forward=moves_to)


def _match(rule: Rule, facts: Facts) -> Value | NoValue:
    given = _given(rule, facts)
    if isinstance(given, NoValue) or rule.regexp is None:
        return given if isinstance(given, NoValue) else NoValue("it has no pattern")
    found = rule.regexp.match(given.text)
    if found is None:
        return NoValue(f"the pattern does not match {given.text!r}")
    group = found[rule.group] if rule.group < len(found) else None
    if group is None:
        return NoValue(f"the match of {given.text!r} has no group {rule.group}")
    # From its first digit on, a git tag's name is what tells it from the others.
    number = re.search(r"[0-9].*", given.text.rpartition("/")[2])
    fixed = number is not None and group.endswith(number[0]) and names_one_thing(given.text)
    return Value(group, given.because, fixed=fixed, latest=True, version=version_of(given.text))


def _given(rule: Rule, facts: Facts) -> Value | NoValue:
    """The text that semver, pep440 and match work on: their ``value=``, else the git tag."""
    if rule.value is not None:
        return Value(facts.render(rule.value), "its value=")
    if facts.tag is None:
        return NoValue(f"no git tag was pushed: this is a {facts.event}")
    return Value(facts.tag, f"git tag {facts.tag}{facts.origin('tag')}")


def _edge(rule: Rule, facts: Facts) -> Value | NoValue:
    branch = rule.branch or facts.source.default_branch
    if facts.branch is None:
        return NoValue(f"no branch was pushed: this is a {facts.event}")
    if not branch:
        return NoValue("the default branch is not known: name it with branch=")
    if facts.branch != branch:
        return NoValue(f"branch {facts.branch}{facts.origin('branch')} is not {branch}")
    return Value("edge", f"branch {branch}{facts.origin('branch')}")


def _branch(rule: Rule, facts: Facts) -> Value | NoValue:
    if facts.branch is None:
        return NoValue(f"no branch was pushed: this is a {facts.event}")
    return Value(facts.branch, f"branch {facts.branch}{facts.origin('branch')}")


def _tag(rule: Rule, facts: Facts) -> Value | NoValue:
    if facts.tag is None:
        return NoValue(f"no git tag was pushed: this is a {facts.event}")
    because = f"git tag {facts.tag}{facts.origin('tag')}"
    return Value(facts.tag, because, names_one_thing(facts.tag), latest=True, version=version_of(facts.tag))


def _pull_request(rule: Rule, facts: Facts) -> Value | NoValue:
    if facts.pull_request is None:
        return NoValue(f"this is no pull request but a {facts.event}")
    return Value(facts.pull_request, f"pull request {facts.pull_request}{facts.origin('pull_request')}")


def _raw(rule: Rule, facts: Facts) -> Value | NoValue:
    return Value(facts.render(rule.value) if rule.value else "", "its value=")


def _sha(rule: Rule, facts: Facts) -> Value | NoValue:
    revision = facts.revision
    if not revision:
        return NoValue("there is no git commit")
    because = f"commit {revision}{facts.origin('revision')}"
    if not facts.tells_sources:
        because = f"the pull request's head {revision}, of which {facts.source.revision} is a merge"
    return Value(revision if rule.long else facts.short, because, fixed=facts.tells_sources)
