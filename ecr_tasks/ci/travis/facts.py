"""The facts that Travis CI gives about a run. Source: Travis CI Docs, "Environment variables"."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ecr_tasks.ci.change import find_change
from ecr_tasks.ci.environ import Environ, Fact
from ecr_tasks.ci.facts import Facts, events, is_fork

_EVENTS = events(push="push", pull_request="pull_request", schedule="cron", manual="api")

_SERVERS = {"github": "https://github.com", "bitbucket": "https://bitbucket.org", "gitlab": "https://gitlab.com"}
"""The git server by the first part of the path in a build's address on app.travis-ci.com."""


def read_facts(env: Environ) -> Facts:
    """Return what Travis' variables say about the run.

    TRAVIS_BRANCH is the tag for a tag, and the target for a pull request. TRAVIS_COMMIT of a pull request is a merge
    commit.
    """
    source = env.get("TRAVIS_PULL_REQUEST_BRANCH")
    head = env.get("TRAVIS_PULL_REQUEST_SHA")
    return Facts(
        cause=env.get("TRAVIS_EVENT_TYPE", parse=_EVENTS.get),
        branch=env.get("TRAVIS_BRANCH"),
        tag=env.get("TRAVIS_TAG"),
        commit=env.get("TRAVIS_COMMIT"),
        change=find_change(
            numbers=[env.flag("TRAVIS_PULL_REQUEST")],  # "false" without a pull request
            refs=[env.get("TRAVIS_BRANCH")],
            signs=[source, head, env.get("TRAVIS_PULL_REQUEST_SLUG")],
        ),
        source_branch=source,
        head=head,
        base_ref=env.get("TRAVIS_BRANCH"),
        fork=is_fork(env.get("TRAVIS_PULL_REQUEST_SLUG"), env.get("TRAVIS_REPO_SLUG")),
        build_number=env.get("TRAVIS_BUILD_NUMBER"),
        repository_url=_repository(env),
        build_url=env.get("TRAVIS_BUILD_WEB_URL"),
    )


def _repository(env: Environ) -> Fact | None:
    """Return the repository's address: the slug, on the server that the build's address names.

    Returns None when the build is on another Travis than the public one.
    """
    build = env.get("TRAVIS_BUILD_WEB_URL")
    server = _server(build.value) if build else _SERVERS["github"]
    return env.get("TRAVIS_REPO_SLUG", parse=lambda slug: f"{server}/{slug}") if server else None


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
    return _SERVERS["github"]  # owner/name/builds/5, from when Travis knew only GitHub
