"""Open a web page in the user's browser, or print its address where there is none."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ecr_tasks.console import data, say

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run


def show_page(run: Run, address: str, *, only_print: bool = False) -> None:
    """Open a page in the browser and name it on stderr; where nobody would see it, print its address on stdout."""
    if run.dry:
        say(f"would open {address}")
        return
    is_seen = not only_print and not run.in_ci and sys.stdout is not None and sys.stdout.isatty()
    if is_seen and has_browser(os.environ, sys.platform) and _open(address):
        say(f"opened {address} in the browser")
    else:
        data(address)


def has_browser(environ: Mapping[str, str], platform: str) -> bool:
    """Return whether a browser would show a page on the screen in front of the user.

    Over SSH it would be another machine's screen, and without a display only a browser in the terminal could start,
    without the JavaScript that these pages need. Who sets BROWSER, which Python's webbrowser reads, wants that one.
    """
    if environ.get("BROWSER"):
        return True
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        return False
    return platform in ("darwin", "win32", "cygwin") or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def _open(address: str) -> bool:
    import webbrowser

    try:
        return webbrowser.open(address)
    except (OSError, webbrowser.Error):
        return False
