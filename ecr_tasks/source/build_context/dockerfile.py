"""Reads a Dockerfile as far as it says what an image is built on: stages, and what they take from elsewhere. Pure.

BuildKit's own way: lines, heredocs and directives (frontend/dockerfile/parser), instructions (…/instructions) and
which stage is meant (…/dockerfile2llb/convert.go). Every other instruction is passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ecr_tasks.source.build_context.shell_words import split

_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*")
_HEREDOC = re.compile(r"\d*<<(-?)([^<]+)")
_WITH_HEREDOCS = ("run", "copy", "add")
_FLAG = re.compile(r"--([a-z-]+)(?:=(.*))?", re.DOTALL)


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name in small letters, its flags as (name, value), and its words behind them."""

    name: str
    flags: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] = ()

    def flag(self, name: str) -> str | None:
        """A flag's value, as written; None without it."""
        return dict(self.flags).get(name)


@dataclass(frozen=True)
class Stage:
    """``FROM``: the base and platform as written, the stage's name in small letters, and what is in it."""

    base: str
    platform: str | None = None
    name: str | None = None
    instructions: tuple[Instruction, ...] = ()


@dataclass(frozen=True)
class Dockerfile:
    """A whole file; ``arguments`` are the ``ARG`` before the first stage."""

    stages: tuple[Stage, ...]
    arguments: tuple[Instruction, ...] = ()
    syntax: str | None = None
    escape: str = "\\"
    """What escapes a character and, at a line's end, the line break."""


@dataclass
class _Open:
    """A stage whose instructions are being read."""

    base: str
    platform: str | None
    name: str | None
    instructions: list[Instruction] = field(default_factory=list)


def parse(content: bytes) -> Dockerfile:
    """Reads a Dockerfile. What would fail a build is passed over: the build says it better."""
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    lines = re.split(r"\r?\n", text)
    directives = _directives(lines)
    escape = "`" if directives.get("escape") == "`" else "\\"
    arguments: list[Instruction] = []
    stages: list[_Open] = []
    for instruction in _instructions(lines, escape):
        if instruction.name == "from":
            stages += _stage(instruction)
        elif stages:
            stages[-1].instructions.append(instruction)
        elif instruction.name == "arg":
            arguments.append(instruction)
    read = tuple(Stage(one.base, one.platform, one.name, tuple(one.instructions)) for one in stages)
    return Dockerfile(read, tuple(arguments), directives.get("syntax"), escape)


def listed(instruction: Instruction) -> tuple[str, ...]:
    """An instruction's words, also where they are written as a JSON list."""
    text = " ".join(instruction.words)
    if text.startswith("["):
        try:
            found = json.loads(text)
        except ValueError:
            return instruction.words
        if isinstance(found, list) and all(isinstance(item, str) for item in found):
            return tuple(found)
    return instruction.words


def _directives(lines: Sequence[str]) -> dict[str, str]:
    """``# syntax=`` and the like: they stand before everything else, the first of a name counting."""
    found: dict[str, str] = {}
    start = 1 if lines and lines[0].startswith("#!") else 0
    for line in lines[start:]:
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None:
            break
        found.setdefault(match[1].lower(), match[2])
    return found


def _stage(instruction: Instruction) -> list[_Open]:
    words = instruction.words
    if not words:
        return []
    named = len(words) == 3 and words[1].lower() == "as"
    return [_Open(words[0], instruction.flag("platform"), words[2].lower() if named else None)]


def _instructions(lines: Sequence[str], escape: str) -> Iterator[Instruction]:
    """The file's instructions, each with its continuation lines joined and its heredocs passed over."""
    continued = re.compile(rf"(^|[^{re.escape(escape)}]){re.escape(escape)}[ \t]*$")
    rest = iter(lines)
    for line in rest:
        whole = line.lstrip()
        if not whole or whole.startswith("#"):
            continue
        while continued.search(whole):
            whole = continued.sub(r"\1", whole)
            following = next((one for one in rest if not _is_nothing(one)), None)
            if following is None:
                break
            whole += following
        words = split(whole, escape)
        if words:
            yield from _instruction(words)
            _pass_heredocs(words, rest)


def _is_nothing(line: str) -> bool:
    """Whether a line between continued ones is as good as not there."""
    return not line.strip() or line.lstrip().startswith("#")


def _instruction(words: Sequence[str]) -> Iterator[Instruction]:
    name, rest = words[0].lower(), list(words[1:])
    if name == "onbuild" and rest:  # it runs in a later stage that is built on this one, if there is one
        yield from _instruction(rest)
        return
    flags = []
    while rest and rest[0].startswith("--"):
        match = _FLAG.fullmatch(rest.pop(0))
        if match is None:
            break
        flags.append((match[1], match[2] or ""))
    yield Instruction(name, tuple(flags), tuple(rest))


def _pass_heredocs(words: Sequence[str], rest: Iterator[str]) -> None:
    """Reads past the heredocs that an instruction announces."""
    name, *others = (word.lower() for word in words[:2])
    if name not in _WITH_HEREDOCS and not (name == "onbuild" and others and others[0] in _WITH_HEREDOCS):
        return
    for word in words[1:]:
        match = _HEREDOC.fullmatch(word)
        end = re.sub(r"['\"\\]", "", match[2]) if match else ""
        if match and end:
            for line in rest:
                if (line.lstrip("\t") if match[1] else line) == end:
                    break
