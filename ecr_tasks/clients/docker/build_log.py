"""Sort the plain progress of a bake of several targets by target: each one's lines together, once it is done.

buildx mixes the lines of all targets. Each begins with a step's number, and a step's first line has its target in
brackets: ``#7 [web 2/3] RUN make``, ``#7 0.4 cc -c main.c``, ``#7 DONE 3.1s`` (buildx, util/progress and BuildKit,
util/progress/progressui).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_LINE = r"#(?P<step>\d+) (?P<text>.*)"
_FIRST = r"\[(?P<target>[A-Za-z0-9_-]+)(?: [^\]]*)?\] (?P<what>.*)"
_NO_TARGETS = ("internal", "auth")
_PLATFORM = "-(?:linux|windows|freebsd)-.+"
_AFTERWARDS = "resolving provenance for metadata file"
"""What buildx does for a target when its build has ended; its lines say nothing to a reader."""
_CACHE = "exporting (?:cache|content cache|to GitHub Actions Cache)"
_EXPORT = "exporting to (?:image|docker image format|oci image format|client)"


class BuildLog:
    """The lines of a bake: those of no target at once, and each target's when it is exported or has failed.

    ``caches`` are the images that are built, with how many caches each writes after its export; a target that is one
    platform of an image belongs to it, and writes none. ``begin`` and ``end`` return the lines around those of one
    image, with the seconds that it took; an empty one is none.
    """

    def __init__(
        self,
        caches: Mapping[str, int],
        begin: Callable[[str, float], str],
        end: Callable[[str], str],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._names = sorted(caches, key=len, reverse=True)
        self._caches = caches
        self._begin, self._end, self._now = begin, end, now
        self._start = now()
        self._targets: dict[str, str] = {}
        """The image of each step that has a target, by the step's number."""
        self._exports: dict[str, str] = {}
        """The image of each step that exports it, or a cache of it."""
        self._caches_due: dict[str, int] = {}
        """How many caches of an image that is exported have not begun to be written."""
        self._cache_steps: set[str] = set()
        self._afterwards: set[str] = set()
        self._lines: dict[str, list[str]] = {}

    def feed(self, text: str) -> str:
        """Take whole lines, and return those that are to be shown now."""
        return "".join(self._take(line) for line in re.findall(r"[^\n]*\n|[^\n]+", text))

    def rest(self) -> str:
        """Return the lines that were not shown yet, image by image.

        What is fed afterwards is another bake's: one that is repeated numbers its steps anew.
        """
        self._targets.clear()
        self._exports.clear()
        self._afterwards.clear()
        self._caches_due.clear()
        self._cache_steps.clear()
        return "".join(self._shown(name) for name in [*self._lines])

    def _take(self, line: str) -> str:
        match = re.match(_LINE, line)
        if match is None:
            return "" if not line.strip() and self._targets else line
        step, text = match["step"], match["text"].rstrip()
        first = re.match(_FIRST, text)
        if text == "..." or (first and step in self._targets):  # it went on with another step in between
            return ""
        failed = text.startswith("ERROR")
        if first and first["what"] == _AFTERWARDS:
            self._afterwards.add(step)
        if step in self._afterwards and not failed:
            return ""
        if first and first["target"] not in _NO_TARGETS:
            name = self._image(first["target"])
            self._targets[step] = name
            if re.match(_EXPORT, first["what"]):
                self._exports[step] = name
                if first["target"] in self._names:
                    self._caches_due.setdefault(name, self._caches[name])
            elif re.match(_CACHE, first["what"]) and self._caches_due.get(name):
                self._exports[step] = name
                self._cache_steps.add(step)
                self._caches_due[name] -= 1
        name = self._targets.get(step, "")
        if not name:
            return line
        self._lines.setdefault(name, []).append(line)
        failed = failed and step not in self._cache_steps  # which need not fail the build
        if failed or (text.startswith(("DONE", "ERROR")) and step in self._exports):
            self._exports.pop(step, None)
            if failed or (name not in self._exports.values() and not self._caches_due.get(name)):
                return self._shown(name)
        return ""

    def _image(self, target: str) -> str:
        """Return the image that a target belongs to: ``web-linux-arm64`` is one platform of ``web``."""
        plain = next((name for name in self._names if re.fullmatch(f"{re.escape(name)}{_PLATFORM}", target)), target)
        return target if target in self._names else plain

    def _shown(self, name: str) -> str:
        lines = "".join(self._lines.pop(name))
        begin, end = self._begin(name, self._now() - self._start), self._end(name)
        return "".join(part if part.endswith("\n") else f"{part}\n" for part in (begin, lines, end) if part)


_sorting: ContextVar[BuildLog | None] = ContextVar("sorting", default=None)


def current_log() -> BuildLog | None:
    """Return what sorts the output of a build that this thread starts; None where it is shown as it comes."""
    return _sorting.get()


@contextmanager
def sorted_by(log: BuildLog) -> Iterator[None]:
    """Sort the output of the builds that this thread starts in the block."""
    token = _sorting.set(log)
    try:
        yield
    finally:
        _sorting.reset(token)
