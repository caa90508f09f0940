"""Where a page is opened, and where only its address is printed."""

from __future__ import annotations

import pytest

from ecr_tasks.tasks.web_page import has_browser


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({}, "darwin", True),
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, "linux", False),
        ({"SSH_TTY": "/dev/pts/0"}, "darwin", False),
        ({"BROWSER": "firefox", "SSH_TTY": "/dev/pts/0"}, "linux", True),
        ({"BROWSER": ""}, "linux", False),
    ],
)
def test_a_page_is_opened_where_the_user_sees_it(environ: dict[str, str], platform: str, expected: bool) -> None:
    assert has_browser(environ, platform) is expected
