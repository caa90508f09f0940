"""The web address of every spelling of a remote, and never a part of a password."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_tasks.ci.web_url import web_url


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://github.com/team/app.git", "https://github.com/team/app"),
        ("https://github.com/team/app/", "https://github.com/team/app"),
        ("HTTPS://GitHub.com/team/App", "https://github.com/team/App"),
        ("https://user@github.com/team/app", "https://github.com/team/app"),
        ("https://user:pass@github.com/team/app", "https://github.com/team/app"),
        ("https://x-access-token:ghs_1@github.com/team/app.git", "https://github.com/team/app"),
        ("https://git.example.com:8443/team/app.git", "https://git.example.com:8443/team/app"),
        ("http://localhost:3000/team/app.git", "http://localhost:3000/team/app"),
        ("https://[::1]:8443/team/app", "https://[::1]:8443/team/app"),
        ("https://example.com/team/app?token=1#x", "https://example.com/team/app"),
        ("git@github.com:team/app.git", "https://github.com/team/app"),
        ("github.com:team/app", "https://github.com/team/app"),
        ("git@gitlab.example.com:group/sub/app.git", "https://gitlab.example.com/group/sub/app"),
        ("git@example.com:/team/app.git/", "https://example.com/team/app"),
        ("git@10.0.0.7:team/app", "https://10.0.0.7/team/app"),
        ("ssh://git@example.com/team/app.git", "https://example.com/team/app"),
        ("ssh://git@example.com:2222/team/app.git", "https://example.com/team/app"),
        ("git+ssh://git@example.com/team/app", "https://example.com/team/app"),
        ("git://example.com/team/app.git", "https://example.com/team/app"),
        ("ssh://git@ssh.github.com:443/team/app.git", "https://github.com/team/app"),
        ("git@ssh.dev.azure.com:v3/org/project/app", "https://dev.azure.com/org/project/_git/app"),
        ("https://org@dev.azure.com/org/project/_git/app", "https://dev.azure.com/org/project/_git/app"),
        (
            "codecommit::eu-west-1://profile@app",
            "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app",
        ),
        (
            "ssh://APKAEXAMPLE@git-codecommit.eu-west-1.amazonaws.com/v1/repos/app",
            "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app",
        ),
    ],
)
def test_the_web_address(remote: str, expected: str) -> None:
    assert web_url(remote) == expected


@pytest.mark.parametrize(
    "remote",
    [
        "",
        "/srv/git/app.git",
        "../app",
        "./a:b",
        "app",
        "file:///srv/git/app.git",
        "C:/git/app",
        r"C:\git\app",
        "codecommit://profile@app",
        "ext::ssh host %S /app",
        "s3::bucket",
        "ftp://example.com/app",
        "https://",
        "https://example.com",
        "https://example.com/.git",
        "https://example.com:port/app",
        "git@github.com-work:team/app.git",
        "work:team/app.git",
        "git@example.com:~me/app.git",
        "ssh://example.com/~me/app",
        "git@ssh.dev.azure.com:v3/org",
        "https://example.com/a b",
        "https://example.com/a\nb",
    ],
)
def test_what_has_none(remote: str) -> None:
    assert web_url(remote) is None


@pytest.mark.parametrize(
    "remote",
    [
        "https://user:pa/ssword@example.com/app",
        "https://user:1#ssword@example.com/app",
        "https://user:1?ssword@example.com/app",
        "https://tok/en@example.com/app",
        "https://tok?en@example.com/app",
        "ssh://git:1/ssword@example.com/app",
    ],
)
def test_a_badly_quoted_password(remote: str) -> None:
    assert web_url(remote) is None


@settings(deadline=None)
@given(
    st.sampled_from(["https", "http", "ssh", "git+ssh"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="XQ"), max_size=8),
)
def test_no_part_of_a_secret_shows(scheme: str, noise: str) -> None:
    for remote in (f"{scheme}://u:XQ{noise}QX@example.com/team/app", f"{scheme}://XQ{noise}QX@example.com/a"):
        assert not any(secret in (web_url(remote) or "") for secret in ("XQ", "QX", "xq", "qx"))
