"""Runs commands in a terminal and draws what it shows as an animated SVG.

    cast.py PROJECT FILE    a copy of the project's folder, in a repository of its own, is where they run

The picture has no script, no font and no address of anybody's; it follows the reader's light or dark colours, and
stands still where they want no motion.
"""

from __future__ import annotations

import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass
from fcntl import ioctl
from html import escape
from itertools import groupby
from pathlib import Path

import pyte

COMMANDS = ("inv local plan", "inv local build push", "inv local images")
COLUMNS, ROWS = 104, 30
CHARACTER, LINE, MARGIN = 8.4, 18, 16
LONGEST_PAUSE = 1.0
"""Seconds; what takes longer is shortened in the picture."""
SHORTEST_FRAME = 0.1
"""Seconds; nobody sees what is gone before."""
READING_SECONDS = 1.5
"""How long the screen stands still after a command."""

BACKGROUND = ("#f6f8fa", "#0d1117")
TEXT = ("#1f2328", "#e6edf3")
# Light and dark, each readable on its background; GitHub's own palette.
COLOURS = {
    "black": ("#57606a", "#8b949e"),
    "red": ("#cf222e", "#ff7b72"),
    "green": ("#116329", "#3fb950"),
    "brown": ("#7d4e00", "#d29922"),
    "blue": ("#0969da", "#58a6ff"),
    "magenta": ("#8250df", "#bc8cff"),
    "cyan": ("#1b7c83", "#39c5cf"),
    "white": ("#57606a", "#b1bac4"),
}

Run = tuple[int, str, str]
"""A piece of a line: its column, its CSS classes, its text."""
Line = tuple[Run, ...]


@dataclass(frozen=True)
class Frame:
    """What the terminal showed from a moment on, in seconds since the beginning."""

    time: float
    lines: tuple[Line, ...]


class Recorder:
    """A terminal of which a frame is kept whenever it shows something else."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.frames: list[Frame] = []
        self.clock = 0.0

    def feed(self, output: bytes, seconds: float) -> None:
        """Show a program's output, so many seconds after the last one."""
        self.clock += min(seconds, LONGEST_PAUSE)
        self.stream.feed(output)
        lines = tuple(self._line(row) for row in range(ROWS))
        if self.frames and self.clock - self.frames[-1].time < SHORTEST_FRAME:
            self.frames[-1] = Frame(self.frames[-1].time, lines)
        elif not self.frames or self.frames[-1].lines != lines:
            self.frames.append(Frame(self.clock, lines))

    def pause(self, seconds: float) -> None:
        self.clock += seconds

    def _line(self, row: int) -> Line:
        cells = [self.screen.buffer[row][column] for column in range(COLUMNS)]
        runs = []
        for style, group in groupby(enumerate(cells), key=lambda item: _classes(item[1])):
            members = list(group)
            text = "".join(cell.data for _, cell in members)
            if text.strip():
                runs.append((members[0][0], style, text.rstrip()))
        return tuple(runs)


def _classes(cell: pyte.screens.Char) -> str:
    colour = cell.fg.removeprefix("bright")
    names = [colour] if colour in COLOURS else []
    if cell.bold:
        names.append("bold")
    return " ".join(names)


def record(project: Path) -> list[Frame]:
    """Return what a terminal shows while the commands run in a copy of the project."""
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / project.name
        shutil.copytree(project, folder, ignore=shutil.ignore_patterns(".ecr-tasks", "__pycache__"))
        environ = {
            **os.environ,
            "XDG_DATA_HOME": f"{scratch}/data",
            "TERM": "xterm-256color",
            "COLUMNS": str(COLUMNS),
            "LINES": str(ROWS),
            # What earlier recordings have left in the engine is no part of a first push.
            "ECR_KEEP_LOCAL": "all",
        }
        for name in ("NO_COLOR", "CI"):
            environ.pop(name, None)
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        for arguments in (
            ("init", "--quiet", "--initial-branch=main"),
            ("add", "--all"),
            ("commit", "--quiet", "-m", "x"),
        ):
            subprocess.run(["git", *identity, *arguments], cwd=folder, check=True)
        # Its start is no part of what the picture is about.
        subprocess.run(["inv", "local.up"], cwd=folder, env=environ, check=True, capture_output=True)
        try:
            for command in COMMANDS:
                _run(recorder, command, folder, environ)
        finally:
            subprocess.run(["inv", "local.down"], cwd=folder, env=environ, check=True, capture_output=True)
    return recorder.frames


def _run(recorder: Recorder, command: str, folder: Path, environ: dict[str, str]) -> None:
    """Type a command and feed its output to the recorder. Raises SystemExit where it fails."""
    recorder.feed(f"\x1b[32m$\x1b[0m {command}\r\n".encode(), 0)
    recorder.pause(0.6)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execvpe(command.split()[0], command.split(), environ)  # noqa: S606
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    last = time.monotonic()
    while True:
        select.select([terminal], [], [])
        try:
            output = os.read(terminal, 65536)
        except OSError:  # Linux says so at a terminal's end
            break
        if not output:
            break
        now = time.monotonic()
        recorder.feed(output, now - last)
        last = now
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(terminal)
    if status:
        raise SystemExit(f"{command} ended with {status}:\n" + "\n".join(recorder.screen.display))
    recorder.pause(READING_SECONDS)


def picture(frames: list[Frame]) -> str:
    """Return the frames as an SVG that plays once and ends with the last one."""
    width, height = round(COLUMNS * CHARACTER + 2 * MARGIN), ROWS * LINE + 2 * MARGIN
    texts = []
    for row in range(ROWS):
        for start, end, line in _spans(frames, row):
            if line:
                texts.append(_text(row, line, start, end))
    light = "".join(f".{name}{{fill:{colour}}}" for name, (colour, _) in COLOURS.items())
    dark = "".join(f".{name}{{fill:{colour}}}" for name, (_, colour) in COLOURS.items())
    shown = " ".join(run[2].strip() for line in frames[-1].lines for run in line)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>A terminal: {escape(", ".join(COMMANDS))}</title>
<desc>{escape(shown)}</desc>
<style>
text{{font:14px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:{TEXT[0]};white-space:pre}}
rect{{fill:{BACKGROUND[0]};stroke:#d0d7de}} .bold{{font-weight:bold}} {light}
@media (prefers-color-scheme:dark){{text{{fill:{TEXT[1]}}} rect{{fill:{BACKGROUND[1]};stroke:#30363d}} {dark}}}
.gone{{visibility:hidden}}
@keyframes show{{from,to{{visibility:visible}}}}
@keyframes hide{{from,to{{visibility:hidden}}}}
@media (prefers-reduced-motion:reduce){{*{{animation:none!important}}}}
</style>
<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8"/>
{chr(10).join(texts)}
</svg>
"""


def _spans(frames: list[Frame], row: int) -> list[tuple[float, float | None, Line]]:
    """Return from when to when a row showed what; the last one has no end."""
    spans: list[tuple[float, float | None, Line]] = []
    for frame in frames:
        line = frame.lines[row]
        if spans and spans[-1][2] == line:
            continue
        if spans:
            spans[-1] = (spans[-1][0], frame.time, spans[-1][2])
        spans.append((frame.time, None, line))
    return spans


def _text(row: int, line: Line, start: float, end: float | None) -> str:
    """Return a line of text. What stays at the end is hidden until its time, all else is shown for its time."""
    if end is None:
        classes, style = "", f"animation:hide {start:.2f}s" if start else ""
    else:
        classes, style = ' class="gone"', f"animation:show {end - start:.2f}s {start:.2f}s"
    spans = "".join(
        f'<tspan x="{MARGIN + column * CHARACTER:.1f}" textLength="{len(text) * CHARACTER:.1f}"'
        + (f' class="{names}"' if names else "")
        + f">{escape(text)}</tspan>"
        for column, names, text in line
    )
    attribute = f' style="{style}"' if style else ""
    return f'<text y="{MARGIN + (row + 1) * LINE - 5}"{classes}{attribute}>{spans}</text>'


if __name__ == "__main__":
    project, file = Path(sys.argv[1]), Path(sys.argv[2])
    file.write_text(picture(record(project)), "utf-8")
