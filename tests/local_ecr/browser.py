"""A headless Chromium, and pages that fail a test for anything that a browser complains about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.scripts import script

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
TIMEOUT = 60_000
"""Milliseconds for which a page may take to show something; a loaded machine is slow."""

Scheme = Literal["light", "dark"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium, which script/browser brings."""
    program = script("browser").strip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"], timeout=TIMEOUT)
        yield browser
        browser.close()


@contextmanager
def page(browser: Browser, width: int = 1600, scheme: Scheme = "light") -> Iterator[Page]:
    """Open a window; afterwards assert that its console is empty, and that no request has left the local ECR."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(TIMEOUT)
    window = context.new_page()
    complaints: list[str] = []
    window.on("console", lambda message: complaints.append(message.text))
    window.on("pageerror", lambda error: complaints.append(str(error)))
    window.on("dialog", lambda dialog: complaints.append(dialog.message))
    hosts: set[str] = set()
    window.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    yield window
    assert complaints == []
    assert len(hosts) <= 1
    context.close()


_RUN_AXE = """async rules => {
    const options = { runOnly: rules, resultTypes: ["violations"], selectors: false };
    const { passes, violations } = await axe.run(document, options);
    return [passes.length, violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])];
}"""
"""Nothing is worked out about the elements that break no rule, which would take most of the time."""


def violations(window: Page) -> list[tuple[str, list[str]]]:
    """Return each rule of axe that the page breaks, with the elements."""
    if not window.evaluate("'axe' in window"):
        window.evaluate(f"{AXE}; 0")
    passed, broken = window.evaluate(_RUN_AXE, list(RULES))
    assert passed > 10
    return [(rule, elements) for rule, elements in broken]


def overflow(window: Page) -> int:
    """Return by how many pixels something is wider than the window or than its card."""
    boxes = "[document.documentElement, ...document.querySelectorAll('.card, dialog')]"
    width: int = window.evaluate(f"Math.max(...{boxes}.map((box) => box.scrollWidth - box.clientWidth))")
    return width
