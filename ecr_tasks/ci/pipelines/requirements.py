"""The file ``requirements-ci.txt``, from which a CI job installs ecr-tasks, because it is on no package index yet."""

from __future__ import annotations

from importlib import metadata

from ecr_tasks import __version__
from ecr_tasks.documents import parse_json

FILE = "requirements-ci.txt"
DEFAULT_INSTALL = f"pip install -r {FILE}"
"""The shell command with which a pipeline installs ecr-tasks."""

WHEEL = f"ci/ecr_tasks-{__version__}-py3-none-any.whl"
_HEAD = "# What CI installs to run `inv build push`. ecr-tasks is on no package index yet"
_FROM_GIT = """\
{head}: it comes from where this was installed from.
# A CI job must be able to read that repository.
{requirement}
"""
_FROM_WHEEL = """\
{head}, so this repository brings it.
# Make the file once, and again for each new version, and commit it:
#
#   pip wheel --no-deps --wheel-dir ci PATH/TO/THE/CLONE/OF/ecr-tasks
#
# No file is needed where CI can read the clone's own repository; in place of the last line then:
#
#   ecr-tasks @ git+https://ADDRESS@COMMIT
#
./{wheel}
"""


def text() -> str:
    """Return the file's text. It names the git repository from which ecr-tasks was installed, or else a wheel."""
    requirement = _from_git(_direct_url())
    if requirement:
        return _FROM_GIT.format(head=_HEAD, requirement=requirement)
    return _FROM_WHEEL.format(head=_HEAD, wheel=WHEEL)


def _direct_url() -> str | None:
    """Return pip's record of the source of ecr-tasks (``direct_url.json``, PEP 610); None without one."""
    try:
        return metadata.distribution("ecr-tasks").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return None


def _from_git(direct_url: str | None) -> str | None:
    """Return a requirement for the repository and commit in ``direct_url``; None without a public git URL.

    A URL that could contain a password is not used.
    """
    try:
        document = parse_json(direct_url or "")
        url, commit = document["url"], document["vcs_info"]["commit_id"]
        is_git = document["vcs_info"]["vcs"] == "git"
    except (ValueError, KeyError, TypeError):
        return None
    is_remote = is_git and "://" in url and not url.startswith("file:")
    user = url.partition("://")[2].partition("/")[0].rpartition("@")[0]
    if not is_remote or (user and not url.startswith("ssh://")) or ":" in user:
        return None
    return f"ecr-tasks @ git+{url}@{commit}"
