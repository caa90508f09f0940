"""Convert the URL of a git remote to the address of its web page."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

_SCP = r"(?:[^@/]+@)?(?P<host>[^:/@]+):(?P<path>[^:].*)"
"""``user@host:path``, git-clone(1): a colon before the first slash. ``helper::address`` is not of this form."""

_CODECOMMIT = r"codecommit::(?P<region>[a-z0-9-]+)://(?:[^@/]+@)?(?P<name>[\w.-]+)"
"""An address of git-remote-codecommit with a region; in an address without one, an AWS profile has the region."""

_SSH_SCHEMES = frozenset({"ssh", "git+ssh", "ssh+git", "git"})

_SSH_HOSTS = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
}
"""Hosts that accept ssh on the HTTPS port, for networks that allow only that port."""

_DOMAIN = r"([a-z0-9_-]+\.)+([a-z]{2,}|xn--[a-z0-9-]+|[0-9]{1,3})"
"""A host that is a domain name. Aliases in ~/.ssh/config, such as github.com-work, don't match."""


def web_url(remote: str) -> str | None:
    """Return the https (or http) address of a remote, without user, password, token, query or ``.git``.

    Returns None for a local path, for a transport without a web address, and for a malformed URL that could still
    contain a part of a password: the address becomes a public label.
    """
    if re.search(r"[\s\x00-\x1f\x7f\\]", remote):
        return None
    if codecommit := re.fullmatch(_CODECOMMIT, remote):
        return f"https://git-codecommit.{codecommit['region']}.amazonaws.com/v1/repos/{codecommit['name']}"
    if "://" in remote:
        return _from_url(remote)
    scp = re.fullmatch(_SCP, remote)
    return _from_ssh(scp["host"], scp["path"]) if scp else None


def _from_url(remote: str) -> str | None:
    try:
        parts = urlsplit(remote)
        host, port = parts.hostname, parts.port
    except ValueError:  # the port is no number: it may be the password of a malformed URL
        return None
    # An "@" after the host means that the password contains / ? or #, and that urlsplit took the user for the host.
    if not host or "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return None
    if parts.scheme in _SSH_SCHEMES:
        return _from_ssh(host, unquote(parts.path))
    if parts.scheme not in ("http", "https"):
        return None
    host = f"[{host}]" if ":" in host else host
    return _join(parts.scheme, f"{host}:{port}" if port else host, parts.path)


def _from_ssh(host: str, path: str) -> str | None:
    """Return the address for the host and path of an ssh URL, without the port; None for a path in a home folder."""
    host = host.lower()
    if host == "ssh.dev.azure.com":
        parts = path.strip("/").split("/")
        if len(parts) != 4:
            return None
        _, organisation, project, name = parts
        return f"https://dev.azure.com/{organisation}/{project}/_git/{name}"
    if path.startswith(("~", "/~")) or "@" in path or not re.fullmatch(_DOMAIN, host):
        return None
    return _join("https", _SSH_HOSTS.get(host, host), path)


def _join(scheme: str, host: str, path: str) -> str | None:
    path = path.strip("/").removesuffix(".git").rstrip("/")
    return f"{scheme}://{host}/{path}" if path else None
