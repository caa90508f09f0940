"""The value that each type of rule gives for an event, without prefix and suffix.

There is one function for each type; it returns a Value, or raises NoValue with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import nullcontext

from ecr_tasks.frozen import dataclass
from ecr_tasks.tags.event import Event
from ecr_tasks.tags.latest import LatestRelease, version_of
from ecr_tasks.tags.rules import Rule
from ecr_tasks.tags.versions import Scheme, Version, parse_version


@dataclass(frozen=True)
class Value:
    """A rule's text and the reason for it.

    ``fixed`` is whether the rule's type makes a fixed tag; ``latest`` is whether ``latest=auto`` gives `latest`, too.
    ``version`` is the version that `latest` would point to, if it can be compared with other releases; ``releases``
    are the versions of git's tags to compare it with. ``release`` is the release that the tag points to, if the tag
    moves to higher releases only.
    """

    text: str
    because: str
    fixed: bool = False
    latest: bool = False
    version: Version | None = None
    releases: tuple[str, ...] = ()
    release: LatestRelease | None = None


class NoValue(Exception):
    """A rule has no value for an event; ``str()`` is the reason in words."""


def value_of(rule: Rule, event: Event, *, forward: bool) -> Value:
    """Return a rule's value, or raise NoValue; RuleError for a pattern that takes too long.

    ``forward`` is whether a tag of a release line, such as `1.2`, moves to higher releases only.
    """
    with rule.regexp.limited() if rule.regexp else nullcontext():
        return _value_of(rule, event, forward=forward)


def _value_of(rule: Rule, event: Event, *, forward: bool) -> Value:
    if rule.type in ("semver", "pep440"):
        return _version(rule, event, rule.type, forward=forward)
    return {
        "schedule": _schedule,
        "match": _match,
        "edge": _edge,
        "ref": {"branch": _branch, "tag": _tag, "pr": _pull_request}.get(rule.event, _branch),
        "raw": _raw,
        "sha": _sha,
    }[rule.type](rule, event)


def is_one_release(tag: str) -> bool:
    """Return whether a git tag names one release: it has a digit and is not only a major version (``v1``)."""
    name = tag.rpartition("/")[2]
    return bool(re.search(r"[0-9]", name)) and not re.fullmatch(r"v?[0-9]{1,3}", name)


def _schedule(rule: Rule, event: Event) -> Value:
    if event.source.event != "schedule" or event.source.is_change:
        raise NoValue(f"this is no scheduled run but a {event.name}")
    return Value(event.render(rule.pattern), "a scheduled run")


def _version(rule: Rule, event: Event, scheme: Scheme, *, forward: bool) -> Value:
    git_tag = _text(rule, event)

    def version_in(name: str) -> tuple[str, _Rest]:
        taken = rule.regexp.split(name, 1) if rule.regexp else None
        if taken is None and rule.regexp and rule.regexp.match(name):
            return "", _NOTHING  # the group has no part in the match
        # As in metadata-action, a text that doesn't match is used unchanged.
        before, text, after = taken or ("", name, "")
        return text.replace("/", "-"), _rest(before, after)

    text, rest = version_in(git_tag.text)
    version = parse_version(text, scheme)
    if version is None:
        standard = "semantic version (semver.org)" if scheme == "semver" else "Python version (PEP 440)"
        raise NoValue(f"{text!r} is no {standard}")
    tag = version.render(rule.pattern)
    fixed = version.is_unique_in(rule.pattern)
    releases = _alike(event, version_in, rest)
    release = None if fixed or not forward else LatestRelease(version, rule.pattern)
    higher = release.higher(releases) if release else None
    if higher is not None:
        raise NoValue(f"{tag} stays with the higher release {higher.tag}")
    return Value(
        tag, git_tag.because, fixed, latest=version.final, version=version, releases=releases, release=release
    )


def _match(rule: Rule, event: Event) -> Value:
    git_tag = _text(rule, event)
    match = rule.regexp.match(git_tag.text) if rule.regexp else None
    if match is None:
        raise NoValue(f"the pattern does not match {git_tag.text!r}")
    group = match[rule.group] if rule.group < len(match) else None
    if group is None:
        raise NoValue(f"the match of {git_tag.text!r} has no group {rule.group}")
    # The part of a git tag from its first digit on distinguishes it from other tags.
    number = re.search(r"[0-9].*", git_tag.text.rpartition("/")[2])
    fixed = number is not None and group.endswith(number[0]) and is_one_release(git_tag.text)

    def version_in(name: str) -> tuple[str, _Rest]:
        taken = rule.regexp.split(name, rule.group) if rule.regexp and version_of(name) is None else None
        before, text, after = taken or ("", name, "")
        if version_of(text + after):  # the pattern may take a part of the version, such as its first two numbers
            return text + after, _rest(before, "")
        return text, _rest(before, after)

    text, rest = version_in(git_tag.text)
    releases = _alike(event, version_in, rest)
    return Value(group, git_tag.because, fixed=fixed, latest=True, version=version_of(text), releases=releases)


_Rest = tuple[str, str]
"""What a git tag has before and after its version. Tags with the same are releases of one thing."""

_NOTHING = ("", "")


def _rest(before: str, after: str) -> _Rest:
    """Return the rest of a git tag; a ``v`` right before the version belongs to that."""
    return before[:-1] if before[-1:] in ("v", "V") else before, after


def _alike(event: Event, version_in: Callable[[str], tuple[str, _Rest]], rest: _Rest) -> tuple[str, ...]:
    """Return the versions in those of git's tags that have the same rest, such as ``app@2.0.0`` and ``app@1.9.0``."""
    names = {*event.source.release_tags, *event.source.repository_tags}
    return tuple(text for text, other in map(version_in, sorted(names)) if other == rest)


def _text(rule: Rule, event: Event) -> Value:
    """Return the input of a semver, pep440 or match rule: its ``value=``, else the git tag."""
    if rule.value is not None:
        return Value(event.render(rule.value), "the rule's own value")
    return _tag(rule, event)


def _edge(rule: Rule, event: Event) -> Value:
    pushed = _branch(rule, event)
    branch = rule.branch or event.source.default_branch
    if not branch:
        raise NoValue("the default branch is not known: name it with branch=")
    if pushed.text != branch:
        raise NoValue(f"{pushed.because} is not {branch}")
    return Value("edge", pushed.because)


def _branch(rule: Rule, event: Event) -> Value:
    if event.branch is None:
        raise NoValue(f"no branch was pushed: this is a {event.name}")
    return Value(event.branch, f"branch {event.branch}{event.origin('branch')}")


def _tag(rule: Rule, event: Event) -> Value:
    if event.tag is None:
        raise NoValue(f"no git tag was pushed: this is a {event.name}")
    because = f"git tag {event.tag}{event.origin('tag')}"
    releases = _alike(event, lambda name: (name, _NOTHING), _NOTHING)
    fixed = is_one_release(event.tag)
    return Value(event.tag, because, fixed, latest=True, version=version_of(event.tag), releases=releases)


def _pull_request(rule: Rule, event: Event) -> Value:
    if event.pull_request is None and event.source.change == "pull_request":
        raise NoValue(f"the pull request's number is not known{event.origin('change')}")
    if event.pull_request is None:
        raise NoValue(f"this is no pull request but a {event.name}")
    return Value(event.pull_request, f"pull request {event.pull_request}{event.origin('pull_request')}")


def _raw(rule: Rule, event: Event) -> Value:
    return Value(event.render(rule.value) if rule.value else "", "the rule's own value")


def _sha(rule: Rule, event: Event) -> Value:
    revision = event.revision
    if not revision:
        raise NoValue("there is no git commit")
    because = f"commit {revision}{event.origin('revision')}"
    if not event.builds_revision:
        because = f"the pull request's head {revision}, of which {event.source.revision} is a merge"
    return Value(revision if rule.long else event.short_revision, because, fixed=event.builds_revision)
