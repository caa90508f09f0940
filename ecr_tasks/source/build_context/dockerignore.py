"""The .dockerignore of a build: which file it is, its rules, and the files that they certainly exclude.

Each step works as in BuildKit: the choice of the file (frontend/dockerui/config.go), its lines
(moby/patternmatcher, ignorefile.go), the patterns (``dockerignore_pattern``), and the walk through the context
(tonistiigi/fsutil, filter.go), in which a rule remembers that it matched a folder, and ignored folders without
exceptions are not entered.

A pattern that this module doesn't understand may match every path or none. A file then counts as ignored only if it
is ignored in both cases: the check for leaked keys may refuse too much, and the inputs' digest may include too many
files, but neither misses a file.
"""

from __future__ import annotations

import os
import posixpath
from collections import deque
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_tasks.errors import SettingsError
from ecr_tasks.files import read_bytes
from ecr_tasks.frozen import dataclass

if TYPE_CHECKING:
    from ecr_tasks.source.build_context.dockerignore_pattern import Matcher


NAME = ".dockerignore"

Matched = tuple["bool | None", ...]
"""For each rule, whether it matched; None where that is unknown."""

Applied = tuple["bool | None", Matched]
"""Whether a path is ignored (None: unknown), and for each rule whether it matches the path or a parent."""

_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""The characters that Go's strings.TrimSpace trims; Python's strip() would trim a few control characters more."""

_WILD = frozenset("*[]?^\\")
"""The characters that make a path a pattern for fsutil."""

_MAX_LINKS = 40


@dataclass(frozen=True)
class Rule:
    """One cleaned pattern; ``exception`` is whether it began with ``!``."""

    pattern: str
    exception: bool
    matches: Matcher


@dataclass(frozen=True)
class DockerIgnore:
    """The rules in their order, and the path of their file, which need not exist."""

    file: Path
    rules: tuple[Rule, ...]

    @classmethod
    def read(cls, context: Path, dockerfile: Path | None) -> DockerIgnore:
        """Read the rules for building ``dockerfile`` in the folder ``context``.

        ``<Dockerfile's name>.dockerignore`` beside the Dockerfile replaces the context's own. For a named context
        (``ECR_BUILD_CONTEXTS``), which has only its own file, ``dockerfile`` is None. Raises SettingsError for a
        malformed pattern, because the build would fail on it.
        """
        if dockerfile is not None:
            name = f"{existing_dockerfile(dockerfile).name}{NAME}"
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
        """Return whether the file ``path`` (relative to the context, with slashes) is certainly not in the context.

        For a folder, the result is about its own entry only: an exception may include files in it again.
        """
        parts = posixpath.normpath(path).strip("/").split("/")
        matched: Matched | None = None
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            ignored, matched = self.apply(folder, matched)
            if ignored and not self.enters(folder):
                return True
        return self.apply("/".join(parts), matched)[0] is True

    def in_folder(self, depth: int, matched: Matched | None) -> Callable[[str], Applied]:
        """Return :meth:`apply` for the paths in a folder with these matches, ``depth`` folders below the context.

        It tries the rules one by one only for a path that one of them may match: most paths match none.
        """
        key = depth, matched
        if key not in self._in_folders:
            from ecr_tasks.source.build_context.dockerignore_pattern import possible_match

            before = matched or (False,) * len(self.rules)
            pending = [rule for rule, known in zip(self.rules, before, strict=True) if not known]
            may_match = possible_match({rule.pattern: rule.matches for rule in pending}, depth)
            without_match = self.apply(None, matched)
            self._in_folders[key] = lambda path: self.apply(path, matched) if may_match(path) else without_match
        return self._in_folders[key]

    @cached_property
    def _in_folders(self) -> dict[tuple[int, Matched | None], Callable[[str], Applied]]:
        return {}

    def apply(self, path: str | None, matched_parent: Matched | None) -> Applied:
        """Return whether ``path`` is ignored, and for each rule whether it matches the path or a parent.

        None is a path that no rule matches itself. BuildKit doesn't try a rule that can't change the result, and
        treats it as no match. Therefore the order of rules matters for the files in a folder, and one unknown match
        can make others unknown.
        """
        ignored: bool | None = False
        matched: list[bool | None] = []
        for rule, matched_before in zip(self.rules, matched_parent or [False] * len(self.rules), strict=True):
            can_change = ignored is not (not rule.exception)
            match = rule.matches(path) if path is not None and can_change and not matched_before else False
            unknown = matched_before is None or match is None
            matches = True if matched_before or match else None if unknown else False
            # If ``ignored`` is unknown, BuildKit may skip the rule: its match is then unknown, but not its effect.
            matched.append(None if match and not matched_before and ignored is None else matches)
            if matches:
                ignored = not rule.exception
            elif matches is None and can_change:
                ignored = None
        return ignored, tuple(matched)

    def enters(self, ignored_folder: str) -> bool:
        """Return whether the walk enters an ignored folder, because an exception may include a file in it."""
        is_wild, prefixes = self._exceptions
        return is_wild or any(prefix.startswith(f"{ignored_folder}/") for prefix in prefixes)

    @cached_property
    def _exceptions(self) -> tuple[bool, tuple[str, ...]]:
        """Whether an exception is a pattern, and all exceptions, each with a slash at its end."""
        # fsutil's patternWithoutTrailingGlob
        paths = [rule.pattern.removesuffix("/**").removesuffix("/*") for rule in self.rules if rule.exception]
        return any(_WILD & set(path) for path in paths), tuple(f"{path}/" for path in paths)


def dockerfile_path(context: Path, name: str) -> Path:
    """Return the path of a context's Dockerfile, which buildx joins as a text: ``link/..`` leads nowhere else."""
    return Path(os.path.normpath(context / name))


def existing_dockerfile(dockerfile: Path) -> Path:
    """Return the file that buildx reads: if ``Dockerfile`` doesn't exist, that is ``dockerfile`` (moby#10858)."""
    if dockerfile.name != "Dockerfile" or not dockerfile.parent.is_dir():
        return dockerfile
    names = {entry.name for entry in dockerfile.parent.iterdir()}
    return dockerfile.with_name("dockerfile") if "Dockerfile" not in names and "dockerfile" in names else dockerfile


def _rules(line: str) -> Iterator[Rule]:
    """Yield the rule of a line; nothing for a comment or an empty line. Raises ValueError for a malformed line."""
    if line.startswith("#"):
        return
    # BuildKit cleans each line twice: first without its "!" (ignorefile.go), then with it (patternmatcher.go).
    text = line.strip(_SPACE)
    mark = "!" if text.startswith("!") else ""
    pattern = _clean(text.removeprefix("!").strip(_SPACE))
    pattern = _clean((mark + (pattern.removeprefix("/") or pattern)).strip(_SPACE))
    if not pattern:
        return
    # Because of the second cleaning, "/!x" is an exception, too.
    exception, pattern = pattern.startswith("!"), pattern.removeprefix("!")
    if not pattern:
        raise ValueError("an exception of nothing")
    from ecr_tasks.source.build_context.dockerignore_pattern import matcher

    yield Rule(pattern, exception, matcher(pattern))


def _clean(path: str) -> str:
    """Clean a path as Go's path.Clean does; an empty path stays empty. normpath alone keeps two leading slashes."""
    cleaned = posixpath.normpath(path) if path else ""
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def way_within(folder: Path, name: str) -> list[Path]:
    """Return the links on the way to the file ``name`` in ``folder``, at most 41, and at the end the file.

    They are followed as if ``folder`` were the root of the file system, as BuildKit does.
    """
    pending = deque(Path(name).parts)
    passed: list[str] = []
    links: list[Path] = []
    while pending and len(links) <= _MAX_LINKS:
        part = pending.popleft()
        if part == "..":
            passed = passed[:-1]
            continue
        path = folder.joinpath(*passed, part)
        if not path.is_symlink():
            passed.append(part)
            continue
        links.append(path)
        target = path.readlink()
        if target.is_absolute():
            passed = []
            target = target.relative_to(target.anchor)
        pending.extendleft(reversed(target.parts))
    return [*links, folder.joinpath(*passed)]


def _read_within(folder: Path, name: str) -> bytes | None:
    """Return the content of the file ``name`` in ``folder``; None if there is none, or a loop of links.

    Links are followed as in :func:`way_within`, as BuildKit does when it reads an
    ignore file from a snapshot. A link that leads out of the folder leads to no file. Raises SettingsError when it
    can't be read: BuildKit would build without it.
    """
    *links, path = way_within(folder, name)
    if len(links) > _MAX_LINKS:
        return None
    try:
        return read_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SettingsError(
            f"{path} can't be read ({error.strerror}), so that a build would send everything.",
            "Put a readable file there, or nothing.",
        ) from error
