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
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecr_tasks.errors import SettingsError
from ecr_tasks.source.build_context.dockerignore_pattern import Matcher, matcher

NAME = ".dockerignore"

Matched = Sequence["bool | None"]
"""For each rule, whether it matched; None where that is unknown."""

_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""The characters that Go's strings.TrimSpace trims; Python's strip() would trim a few control characters more."""

_WILD = frozenset("*[]?^\\")
"""The characters by which fsutil tells a pattern from a plain path."""

_MAX_LINKS = 40


@dataclass(frozen=True)
class Rule:
    """One cleaned pattern; ``exception`` tells that it began with ``!``."""

    pattern: str
    exception: bool
    matches: Matcher


@dataclass(frozen=True)
class DockerIgnore:
    """The rules in their order, and the file that has them, or would have them where it doesn't exist."""

    file: Path
    rules: tuple[Rule, ...]

    @classmethod
    def read(cls, context: Path, dockerfile: Path | None) -> DockerIgnore:
        """Read the rules for building ``dockerfile`` in the folder ``context``.

        ``<Dockerfile's name>.dockerignore`` beside the Dockerfile replaces the context's own. A named context
        (``ECR_BUILD_CONTEXTS``) has its own only: pass None for the Dockerfile. Raises SettingsError for a malformed
        pattern, on which the build would fail.
        """
        if dockerfile is not None:
            name = f"{_existing_name(dockerfile)}{NAME}"
            if (content := _read_within(dockerfile.parent, name)) is not None:
                return cls.parse(content, dockerfile.parent / name)
        return cls.parse(_read_within(context, NAME) or b"", context / NAME)

    @classmethod
    def parse(cls, content: bytes, file: Path) -> DockerIgnore:
        """Parse a file's content. Raises SettingsError with the line of a malformed pattern."""
        rules: list[Rule] = []
        for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
            try:
                rules += _rules(line.decode("utf-8", "replace"))
            except ValueError as error:
                raise SettingsError(
                    f"{file}, line {number}: the pattern is malformed ({error}): a build would fail on it.",
                    "Correct it by https://docs.docker.com/build/concepts/context/#dockerignore-files.",
                ) from error
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

        A rule that could change nothing is not tried, and so doesn't match. That is why the order of rules matters
        for what is in a folder, and why one unknown match can make others unknown.
        """
        ignored: bool | None = False
        matched: list[bool | None] = []
        for rule, before in zip(self.rules, matched_parent or [False] * len(self.rules), strict=True):
            can_change = ignored is not (not rule.exception)
            match = rule.matches(path) if can_change and not before else False
            after = True if before or match else None if before is None or match is None else False
            # Where ``ignored`` is unknown, the rule is perhaps not tried: its match is unknown, its effect is not.
            matched.append(None if match and not before and ignored is None else after)
            if after:
                ignored = not rule.exception
            elif after is None and can_change:
                ignored = None
        return ignored, matched

    def enters(self, ignored_folder: str) -> bool:
        """Tell whether the walk enters an ignored folder, because an exception may be in it."""
        # fsutil's patternWithoutTrailingGlob
        prefixes = [rule.pattern.removesuffix("/**").removesuffix("/*") for rule in self.rules if rule.exception]
        return any(_WILD & set(prefix) or f"{prefix}/".startswith(f"{ignored_folder}/") for prefix in prefixes)


def _existing_name(dockerfile: Path) -> str:
    """Return the Dockerfile's name; where there is no ``Dockerfile``, buildx takes ``dockerfile`` (moby#10858)."""
    name = dockerfile.name
    if name != "Dockerfile" or not dockerfile.parent.is_dir():
        return name
    names = {entry.name for entry in dockerfile.parent.iterdir()}
    return "dockerfile" if name not in names and "dockerfile" in names else name


def _rules(line: str) -> Iterator[Rule]:
    """Yield a line's rule; none for a comment or an empty line. Raises ValueError for a malformed one."""
    if line.startswith("#"):
        return
    # BuildKit cleans each line twice: ignorefile.go without its "!", then patternmatcher.go with it.
    text = line.strip(_SPACE)
    mark = "!" if text.startswith("!") else ""
    pattern = _clean(text.removeprefix("!").strip(_SPACE))
    pattern = _clean((mark + (pattern.removeprefix("/") or pattern)).strip(_SPACE))
    if not pattern:
        return
    # So a pattern such as "/!x" is an exception, too.
    exception, pattern = pattern.startswith("!"), pattern.removeprefix("!")
    if not pattern:
        raise ValueError("an exception of nothing")
    yield Rule(pattern, exception, matcher(pattern))


def _clean(path: str) -> str:
    """Clean a path as Go's path.Clean does, but leave none empty; normpath would keep two leading slashes."""
    cleaned = posixpath.normpath(path) if path else ""
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def _read_within(folder: Path, name: str) -> bytes | None:
    """Return the content of the file ``name`` in ``folder``; None for no regular file and for a loop of links.

    Links are followed as if ``folder`` were the root of the file system, as in the snapshot that BuildKit reads an
    ignore file from. A link that leads out of the folder leads to no file.
    """
    pending = deque(Path(name).parts)
    resolved: list[str] = []
    links = 0
    while pending:
        part = pending.popleft()
        if part == "..":
            resolved = resolved[:-1]
            continue
        path = folder.joinpath(*resolved, part)
        if not path.is_symlink():
            resolved.append(part)
            continue
        links += 1
        if links > _MAX_LINKS:
            return None
        target = path.readlink()
        if target.is_absolute():
            resolved = []
            target = target.relative_to(target.anchor)
        pending.extendleft(reversed(target.parts))
    path = folder.joinpath(*resolved)
    return path.read_bytes() if path.is_file() else None
