"""Travis CI.

Source: Travis CI Docs, "Environment variables", default environment variables.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, context, why

_EVENTS = {"push": "push", "pull_request": "pull_request", "cron": "schedule", "api": "manual"}

_FORGES = {"github": "https://github.com", "bitbucket": "https://bitbucket.org", "gitlab": "https://gitlab.com"}
"""The first part of a build's address on app.travis-ci.com."""


def here(env: Environ) -> Fact | None:
    """TRAVIS is true in every job."""
    return env.flag("TRAVIS")


def read(env: Environ, provider: Fact) -> CiContext:
    """TRAVIS_BRANCH is the tag on a tag and a pull request's target; TRAVIS_COMMIT of one is a merge commit."""
    request = env.flag("TRAVIS_PULL_REQUEST")
    tag = env.get("TRAVIS_TAG")
    built = env.get("TRAVIS_COMMIT")
    return context(
        provider,
        event=why(env.get("TRAVIS_EVENT_TYPE"), _EVENTS, request, tag),
        branch=env.get("TRAVIS_PULL_REQUEST_BRANCH") if request else None if tag else env.get("TRAVIS_BRANCH"),
        tag=tag,
        sha=env.get("TRAVIS_PULL_REQUEST_SHA") if request else built,
        checkout=built if request else None,
        pull_request=request,
        base_ref=env.get("TRAVIS_BRANCH"),
        fork=_fork(env),
        build_number=env.get("TRAVIS_BUILD_NUMBER"),
        repository_url=_repository(env),
        build_url=env.get("TRAVIS_BUILD_WEB_URL"),
    )


def _fork(env: Environ) -> Fact | None:
    theirs, ours = env.get("TRAVIS_PULL_REQUEST_SLUG"), env.get("TRAVIS_REPO_SLUG")
    if theirs is None or ours is None:
        return None
    return Fact("false" if theirs.value.lower() == ours.value.lower() else "true", theirs.origin)


def _repository(env: Environ) -> Fact | None:
    """The slug has no server; the build's address names the forge, and an enterprise's own is unknown."""
    slug, build = env.get("TRAVIS_REPO_SLUG"), env.get("TRAVIS_BUILD_WEB_URL")
    forge = _forge(build.value) if build else _FORGES["github"]
    return Fact(f"{forge}/{slug.value}", slug.origin) if slug and forge else None


def _forge(build: str) -> str | None:
    try:
        parts = urlsplit(build)
        host = parts.hostname or ""
    except ValueError:
        return None
    if not re.fullmatch(r"(?:app\.)?travis-ci\.(?:com|org)", host):
        return None
    first, _, rest = parts.path.strip("/").partition("/")
    if rest.count("/") >= 3:  # FORGE/owner/name/builds/5
        return _FORGES.get(first)
    return _FORGES["github"]  # owner/name/builds/5: the only forge there was
