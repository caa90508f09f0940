"""The spinner is drawn only when work takes long, and makes way for what is printed."""

from __future__ import annotations

import io
import time

import pytest

from ecr_tasks.terminal import spinner
from ecr_tasks.terminal.spinner import paused, reminding, spinning


class Screen(io.StringIO):
    """A terminal, whose text can be waited for."""

    encoding = "utf-8"

    def wait_for(self, text: str) -> None:
        """Wait until a text is there."""
        for _ in range(3000):
            if text in self.getvalue():
                return
            time.sleep(0.01)
        raise AssertionError(self.getvalue())

    @property
    def line(self) -> str:
        """What the last line shows."""
        return self.getvalue().rpartition("\x1b[K")[2]


def test_quick_work_draws_nothing() -> None:
    screen = Screen()
    with spinning("asking", screen, 80):
        pass
    assert screen.getvalue() == ""


def test_it_says_what_goes_on_and_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spinner, "DELAY_SECONDS", 0.0)
    monkeypatch.setattr(spinner, "_FRAME_SECONDS", 0.001)
    screen = Screen()
    with spinning("asking the registry", screen, 80):
        screen.wait_for("asking the registry (")
        with paused():
            assert screen.line == ""
            screen.write("a message\n")
            written = screen.getvalue()
            time.sleep(0.05)
            assert screen.getvalue() == written
        with spinning("looking", screen, 80):
            screen.wait_for("looking (")
    assert screen.line == ""


def test_its_line_is_never_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spinner, "DELAY_SECONDS", 0.0)
    screen = Screen()
    with spinning("x" * 100, screen, 40):
        screen.wait_for("x" * 10)
    assert all(len(line) < 40 for line in screen.getvalue().split("\r\x1b[K"))


def test_a_log_gets_a_line_when_work_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with reminding(lambda: said.append("still")):
        pass
    assert said == []
    monkeypatch.setattr(spinner, "CALM_SECONDS", 0.0)
    with reminding(lambda: said.append("still")):
        for _ in range(3000):
            if said:
                break
            time.sleep(0.01)
    assert said == ["still"]
