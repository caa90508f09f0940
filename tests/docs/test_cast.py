"""The picture of the README: how it is drawn, and that it shows what is there today (script/cast records it)."""

from __future__ import annotations

import re
import runpy
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

import ecr_tasks
from tests.support.shell_blocks import CHECKOUT

cast = SimpleNamespace(**runpy.run_path(str(CHECKOUT / "script/lib/cast.py")))
SVG = "{http://www.w3.org/2000/svg}"
COMMITTED = (CHECKOUT / "docs/demo.svg").read_text("utf-8")


def record(*outputs: tuple[bytes, float]) -> str:
    """Return the picture of a terminal that is given these outputs, each so many seconds after the one before."""
    recorder = cast.Recorder()
    for output, seconds in outputs:
        recorder.feed(output, seconds)
    picture: str = cast.picture(recorder.frames)
    return picture


def texts(picture: str) -> list[tuple[str, str, str]]:
    """Return each text with its class and its style."""
    root = ElementTree.fromstring(picture)  # noqa: S314 - our own
    return [
        ("".join(text.itertext()), text.get("class", ""), text.get("style", "")) for text in root.iter(f"{SVG}text")
    ]


def test_a_line_is_shown_from_its_time_on_and_one_that_is_overwritten_only_for_its_time() -> None:
    picture = record((b"$ inv\r\n", 0), (b"1 of 2", 0.5), (b"\r\x1b[K2 of 2 <done>", 0.25))
    assert texts(picture) == [
        ("$ inv", "", ""),
        ("1 of 2", "gone", "animation:show 0.25s 0.50s"),
        ("2 of 2 <done>", "", "animation:hide 0.75s"),
    ]


def test_a_long_pause_is_a_short_one() -> None:
    assert "animation:hide 1.00s" in record((b"a\r\n", 0), (b"b", 42.0))


def test_colours_follow_the_readers_and_nothing_moves_for_those_who_want_that() -> None:
    picture = record((b"\x1b[32mgreen \x1b[1mbold\x1b[0m", 0))
    assert 'class="green"' in picture
    assert 'class="green bold"' in picture
    assert "prefers-color-scheme:dark" in picture
    assert "prefers-reduced-motion:reduce" in picture


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", [*cast.COLOURS, "text"])
def test_every_colour_is_readable(name: str, theme: int) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 at least."""
    colour = (cast.COLOURS | {"text": cast.TEXT})[name][theme]
    lighter, darker = sorted((luminance(colour), luminance(cast.BACKGROUND[theme])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_readmes_picture_loads_nothing() -> None:
    assert not re.search(r"href|url\(|@import|@font-face|<script|<image", COMMITTED)


def test_the_readmes_picture_is_of_the_commands_that_are_recorded() -> None:
    title = ElementTree.fromstring(COMMITTED).findtext(f"{SVG}title")  # noqa: S314 - our own
    assert title == f"A terminal: {', '.join(cast.COMMANDS)}", "script/cast records it anew"
    assert cast.COMMANDS[1] in "\n".join(text for text, _, _ in texts(COMMITTED))


def test_the_tasks_that_are_recorded_exist() -> None:
    names = {*ecr_tasks.ns.task_names, *ecr_tasks.ns.collections}
    assert {word for command in cast.COMMANDS for word in command.split()[1:]} <= names
