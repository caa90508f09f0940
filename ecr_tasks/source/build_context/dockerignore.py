"""The .dockerignore of a build: which file it is, its rules, and which files they surely keep out of the context.

It works as BuildKit does, step by step: which file it is (frontend/dockerui/config.go), its lines
(moby/patternmatcher, ignorefile.go), the patterns (``dockerignore_pattern``), and the walk through the context
(tonistiigi/fsutil, filter.go), in which a rule remembers that it matched a folder, and ignored folders without
exceptions are not entered.

A pattern that isn't understood may match every path or none. A file is then ignored only if it is so in both cases:
the check for leaked keys rather refuses too much, and the inputs' digest rather holds a file too many.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ecr_tasks.errors import SettingsError
from ecr_tasks.source.build_context.dockerignore_pattern import Matcher, matcher
from ecr_tasks.source.build_context.links import read_within

NAME = ".dockerignore"

Matched = Sequence["bool | None"]
"""For each rule, whether it matched; None where that is unknown."""

_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""What Go's strings.TrimSpace trims; Python's strip() takes a few control characters more."""

_WILD = frozenset("*[]?^\\")
"""What makes fsutil think that a pattern is no plain path."""


@dataclass(frozen=True)
class Rule:
    """One pattern, cleaned; ``exception`` for one that started with ``!``."""

    pattern: str
    exception: bool
    matches: Matcher

    @property
    def prefix(self) -> str:
        """The path under which alone it can match, if it is a plain one (patternWithoutTrailingGlob)."""
        return self.pattern.removesuffix("/**").removesuffix("/*")


@dataclass(frozen=True)
class DockerIgnore:
    """The rules in their order, and the file that holds them (or would, where there is none yet)."""

    file: Path
    rules: tuple[Rule, ...]

    @classmethod
    def read(cls, context: Path, dockerfile: Path | None) -> DockerIgnore:
        """The rules for building ``dockerfile`` in the folder ``context``.

        ``<Dockerfile's name>.dockerignore`` beside the Dockerfile takes the place of the context's own. A
        named context (``ECR_BUILD_CONTEXTS``) has its own and no other: pass no Dockerfile. SettingsError
        for a malformed pattern, on which the build would fail.
        """
        if dockerfile is not None:
            name = f"{_as_found(dockerfile)}{NAME}"
            content = read_within(dockerfile.parent, name)
            if content is not None:
                return cls.parse(content, dockerfile.parent / name)
        return cls.parse(read_within(context, NAME) or b"", context / NAME)

    @classmethod
    def parse(cls, content: bytes, file: Path) -> DockerIgnore:
        """The rules in a file's content; SettingsError names the line of a malformed one."""
        rules = []
        for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
            try:
                rule = _rule(line.decode("utf-8", "replace"))
            except ValueError as error:
                raise SettingsError(
                    f"{file}, line {number}: the pattern is malformed ({error}): a build would fail on it.",
                    "Correct it by https://docs.docker.com/build/concepts/context/#dockerignore-files.",
                ) from error
            if rule is not None:
                rules.append(rule)
        return cls(file, tuple(rules))

    def ignores(self, path: str) -> bool:
        """Tell whether the file ``path`` (relative to the context, with slashes) is surely kept out of the context.

        For a folder, whether its own entry is: an exception may bring back what is in it.
        """
        parts = posixpath.normpath(path).strip("/").split("/")
        matched: Matched | None = None
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            ignored, matched = self.apply(folder, matched)
            if ignored and not self.enters(folder):
                return True
        return self.apply("/".join(parts), matched)[0] is True

    def apply(self, path: str, matched_parent: Matched | None) -> tuple[bool | None, Matched]:
        """Return whether ``path`` is ignored (None: unknown), and for each rule whether it matched it or a parent.

        A rule that could change nothing is not tried, and so has not matched either. That is why the order of rules
        matters for whole folders more than one would think, and why not knowing one match can make others unknown.
        """
        ignored: bool | None = False
        matched: list[bool | None] = []
        for rule, before in zip(self.rules, matched_parent or [False] * len(self.rules), strict=True):
            tried = before is not True and ignored is not (not rule.exception)
            match = rule.matches(path) if tried else False
            after = True if before or match else None if before is None or match is None else False
            # A match that is perhaps not looked for decides all the same, but is not surely remembered.
            matched.append(None if match and not before and ignored is None else after)
            if after or (after is None and ignored is rule.exception):
                ignored = not rule.exception if after else None
        return ignored, matched

    def enters(self, ignored_folder: str) -> bool:
        """Whether the walk enters an ignored folder, looking for exceptions."""
        prefixes = [rule.prefix for rule in self.rules if rule.exception]
        if any(_WILD.intersection(prefix) for prefix in prefixes):
            return True
        return any(f"{prefix}/".startswith(f"{ignored_folder}/") for prefix in prefixes)


def _as_found(dockerfile: Path) -> str:
    """The Dockerfile's name; buildx takes ``dockerfile`` where there is no ``Dockerfile`` (moby#10858)."""
    name = dockerfile.name
    if name != "Dockerfile" or not dockerfile.parent.is_dir():
        return name
    names = {entry.name for entry in dockerfile.parent.iterdir()}
    return "dockerfile" if name not in names and "dockerfile" in names else name


def _rule(line: str) -> Rule | None:
    """A line's rule; None for a comment or nothing. ValueError when it is malformed."""
    if line.startswith("#"):
        return None
    pattern = _without_leading_slash(line.strip(_SPACE))
    if not pattern:
        return None
    # Here a pattern such as "/!x", too, has become an exception: BuildKit reads each line twice.
    exception = pattern.startswith("!")
    pattern = pattern[1:] if exception else pattern
    if not pattern:
        raise ValueError("an exception of nothing")
    return Rule(pattern, exception, matcher(pattern))


def _without_leading_slash(pattern: str) -> str:
    """A line as ignorefile.go passes it on and patternmatcher.go takes it up, both cleaning it."""
    exception = pattern.startswith("!")
    if exception:
        pattern = pattern[1:].strip(_SPACE)
    if pattern:
        pattern = _clean(pattern)
        pattern = pattern[1:] if pattern.startswith("/") and len(pattern) > 1 else pattern
    pattern = ("!" + pattern if exception else pattern).strip(_SPACE)
    return _clean(pattern) if pattern else ""


def _clean(path: str) -> str:
    """Go's path.Clean: Python's normpath, but for two leading slashes, which POSIX leaves open."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned
