"""The parts of a Dockerfile that decide which images are read: its stages and their instructions.

The rules are those of BuildKit: lines, heredocs and directives (frontend/dockerfile/parser), and instructions
(…/instructions).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from ecr_tasks.documents import parse_json
from ecr_tasks.frozen import dataclass
from ecr_tasks.source.build_context.shell_words import split

_DIRECTIVE = r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(\S.*)"
_HEREDOC = r"\d*<<(-?)([^<]+)"
_WITH_HEREDOCS = ("run", "copy", "add")
_FLAG = r"(?s)--([a-z-]+)(?:=(.*))?"


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name in lower case, its flags as (name, value), and the words after them."""

    name: str
    flags: tuple[tuple[str, str], ...] = ()
    words: tuple[str, ...] = ()

    def flag(self, name: str) -> str | None:
        """Return a flag's value as it is written; None without the flag."""
        return dict(self.flags).get(name)


@dataclass(frozen=True)
class Stage:
    """A stage: base and platform as they are written, its name in lower case, and its instructions."""

    base: str
    platform: str | None = None
    name: str | None = None
    instructions: tuple[Instruction, ...] = ()


@dataclass(frozen=True)
class Dockerfile:
    """A whole file; ``arguments`` are the ``ARG`` instructions before the first stage."""

    stages: tuple[Stage, ...]
    arguments: tuple[Instruction, ...] = ()
    syntax: str | None = None
    escape: str = "\\"
    """The character that escapes another one and, at a line's end, the line break."""


def parse(content: bytes) -> Dockerfile:
    """Parse a Dockerfile. Syntax errors are ignored here, because the build reports them with a better message."""
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    lines = re.split(r"\r?\n", text)
    directives = _directives(lines)
    escape = "`" if directives.get("escape") == "`" else "\\"
    arguments: list[Instruction] = []
    stages: list[Stage] = []
    instructions: list[list[Instruction]] = []
    for instruction in _instructions(lines, escape):
        if instruction.name == "from" and instruction.words:
            base, *rest = instruction.words
            name = rest[1].lower() if len(rest) == 2 and rest[0].lower() == "as" else None
            stages.append(Stage(base, instruction.flag("platform"), name))
            instructions.append([])
        elif stages:
            instructions[-1].append(instruction)
        elif instruction.name == "arg":
            arguments.append(instruction)
    whole = [replace(stage, instructions=tuple(own)) for stage, own in zip(stages, instructions, strict=True)]
    return Dockerfile(tuple(whole), tuple(arguments), directives.get("syntax") or _other_syntax(text), escape)


def argument_defaults(dockerfile: Dockerfile) -> dict[str, str]:
    """Return the values that a Dockerfile gives to the build arguments that its ``FROM`` lines may use."""
    words = (word.partition("=") for instruction in dockerfile.arguments for word in instruction.words)
    return {name: value for name, has_value, value in words if has_value}


def list_words(instruction: Instruction) -> tuple[str, ...]:
    """Return an instruction's words; if they are written as a JSON list, return the items of the list."""
    text = " ".join(instruction.words)
    if text.startswith("["):
        try:
            items = parse_json(text)
        except ValueError:
            return instruction.words
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            return tuple(items)
    return instruction.words


def _directives(lines: Sequence[str]) -> dict[str, str]:
    """Return the parser directives (``# syntax=…``) at the file's beginning; of two with one name, the first."""
    directives: dict[str, str] = {}
    start = 1 if lines and lines[0].startswith("#!") else 0
    for line in lines[start:]:
        match = re.fullmatch(_DIRECTIVE, line.strip())
        if match is None:
            break
        directives.setdefault(match[1].lower(), match[2])
    return directives


def _other_syntax(text: str) -> str | None:
    """Return the frontend of a file in another language, whose comments begin with ``//`` or which is JSON.

    BuildKit looks for them after ``# syntax=…`` (frontend/dockerfile/parser, DetectSyntax).
    """
    if match := re.match(r"(?:#!.*\n)?(?:\s*//\s*\w+\s*=.*\n)*?\s*//\s*syntax\s*=\s*(\S+)", text):
        return match[1]
    if text.lstrip().startswith("{"):
        with suppress(ValueError):
            document = parse_json(text)
            syntax = document.get("syntax")
            return syntax if isinstance(syntax, str) else None
    return None


def _instructions(lines: Sequence[str], escape: str) -> Iterator[Instruction]:
    """Yield the file's instructions, each with its continuation lines joined and without its heredocs."""
    continued = re.compile(rf"(^|[^{re.escape(escape)}]){re.escape(escape)}[ \t]*$")
    remaining = iter(lines)
    for line in remaining:
        joined = line.lstrip()
        if not joined or joined.startswith("#"):
            continue
        parts = [joined]
        while continued.search(parts[-1]):
            parts[-1] = continued.sub(r"\1", parts[-1])
            parts.append(next((more for more in remaining if more.strip() and not more.lstrip().startswith("#")), ""))
        words = split("".join(parts), escape)
        if words:
            yield from _instruction(words)
            _skip_heredocs(words, remaining)


def _instruction(words: Sequence[str]) -> Iterator[Instruction]:
    rest = deque(words)
    name = rest.popleft().lower()
    while name == "onbuild" and rest:  # it runs in later stages that are built on this one
        name = rest.popleft().lower()
    flags = []
    while rest and rest[0].startswith("--"):
        match = re.fullmatch(_FLAG, rest.popleft())
        if match is None:
            break
        flags.append((match[1], match[2] or ""))
    yield Instruction(name, tuple(flags), tuple(rest))


def _skip_heredocs(words: Sequence[str], remaining_lines: Iterator[str]) -> None:
    """Consume the lines of the heredocs that an instruction has."""
    name, *others = (word.lower() for word in words[:2])
    if name not in _WITH_HEREDOCS and not (name == "onbuild" and others and others[0] in _WITH_HEREDOCS):
        return
    for word in words[1:]:
        match = re.fullmatch(_HEREDOC, word)
        end = re.sub(r"['\"\\]", "", match[2]) if match else ""
        if match and end:
            for line in remaining_lines:
                if (line.lstrip("\t") if match[1] else line) == end:
                    break
