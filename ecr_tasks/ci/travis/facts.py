"""The facts that Travis CI gives about a run.

Source: Travis CI Docs, "Environment variables", default environment variables.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.facts import Environ, Fact, event_of, make_context

_EVENTS = {"push": "push", "pull_request": "pull_request", "cron": "schedule", "api": "manual"}

_SERVERS = {"github": "https://github.com", "bitbucket": "https://bitbucket.org", "gitlab": "https://gitlab.com"}
"""The server for each first part of the path of a build's address on app.travis-ci.com."""


def marker(env: Environ) -> Fact | None:
    """Return TRAVIS, which is true in every job."""
    return env.flag("TRAVIS")


def read_context(env: Environ, provider: Fact) -> CiContext:
    """Return what Travis' variables say about the run.

    TRAVIS_BRANCH is the tag for a tag, and the target for a pull request. TRAVIS_COMMIT of a pull request is a merge
    commit.
    """
    request = env.flag("TRAVIS_PULL_REQUEST")
    tag = env.get("TRAVIS_TAG")
    checkout = env.get("TRAVIS_COMMIT")
    return make_context(
        provider,
        event=event_of(env.get("TRAVIS_EVENT_TYPE"), _EVENTS, request, tag),
        branch=env.get("TRAVIS_PULL_REQUEST_BRANCH") if request else None if tag else env.get("TRAVIS_BRANCH"),
        tag=tag,
        sha=env.get("TRAVIS_PULL_REQUEST_SHA") if request else checkout,
        checkout=checkout if request else None,
        pull_request=request,
        base_ref=env.get("TRAVIS_BRANCH"),
        fork=_fork(env),
        build_number=env.get("TRAVIS_BUILD_NUMBER"),
        repository_url=_repository(env),
        build_url=env.get("TRAVIS_BUILD_WEB_URL"),
    )


def _fork(env: Environ) -> Fact | None:
    source, target = env.get("TRAVIS_PULL_REQUEST_SLUG"), env.get("TRAVIS_REPO_SLUG")
    if source is None or target is None:
        return None
    return Fact("false" if source.value.lower() == target.value.lower() else "true", source.origin)


def _repository(env: Environ) -> Fact | None:
    """Return the repository's address: the slug, on the server that the build's address names.

    Returns None when the build is on another Travis than the public one.
    """
    slug, build = env.get("TRAVIS_REPO_SLUG"), env.get("TRAVIS_BUILD_WEB_URL")
    server = _server(build.value) if build else _SERVERS["github"]
    return Fact(f"{server}/{slug.value}", slug.origin) if slug and server else None


def _server(build: str) -> str | None:
    try:
        parts = urlsplit(build)
        host = parts.hostname or ""
    except ValueError:
        return None
    if not re.fullmatch(r"(?:app\.)?travis-ci\.(?:com|org)", host):
        return None
    first, _, rest = parts.path.strip("/").partition("/")
    if rest.count("/") >= 3:  # github/owner/name/builds/5
        return _SERVERS.get(first)
    return _SERVERS["github"]  # owner/name/builds/5 is from when there was GitHub only
