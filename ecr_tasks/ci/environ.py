"""The environment variables of a run, and the facts that they state: values that know where they came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from ecr_tasks import files
from ecr_tasks.console import warn_once
from ecr_tasks.frozen import dataclass

Reader = Callable[[Path], str]
"""A function that returns the text of a file, and raises OSError or ValueError when it can't be read."""

RefCheck = Callable[[str], bool]
"""A function that returns whether the clone has a ref of this full name."""

Parser = Callable[[str], str | None]
"""A function that returns what a text contains; None or an empty text when it contains no such thing."""

_UNEXPANDED = r"\$(?:\([^()]*\)|\{[^{}]*\}|\{\{[^{}]*\}\})|%[\w.]+%|<\+[^<>]*>"
"""A reference that the CI didn't replace: ``$(System.X)``, ``${ghprbX}``, ``%teamcity.x%``; of Codefresh and Harness
``${{CF_X}}`` and ``<+codebase.x>``."""


@dataclass(frozen=True)
class Fact:
    """A value that is not empty, and the variable (or file and key) that it came from."""

    value: str
    origin: str

    def map(self, parse: Parser) -> Fact | None:
        """Return a Fact with the parsed value and the same origin; None when ``parse`` returns nothing."""
        value = parse(self.value)
        return Fact(value, self.origin) if value else None


def read_text(path: Path) -> str:
    """Return the text of a file, with a replacement character for each byte that is not UTF-8."""
    return files.read_text(path, errors="replace")


def no_ref(ref: str) -> bool:
    """Return False: where there is no clone, there is no ref."""
    return False


@dataclass(frozen=True)
class Environ:
    """The environment variables of one process, the function that reads the files that they name, and the remotes."""

    variables: Mapping[str, str]
    read: Reader = read_text
    remotes: tuple[str, ...] = ()
    """The names of the clone's remotes."""
    has_ref: RefCheck = no_ref

    def get(self, *names: str, parse: Parser = str) -> Fact | None:
        """Return the first of these variables that has a value, parsed.

        A text that is empty, blank or a reference to a variable that doesn't exist is no value.
        """
        for name in names:
            text = _readable(self.variables.get(name, "")).strip(" \t\r\n")
            if text and not re.fullmatch(_UNEXPANDED, text) and (fact := Fact(text, name).map(parse)):
                return fact
        return None

    def flag(self, *names: str) -> Fact | None:
        """Return the first of these variables that has a value other than ``false``, ``0``, ``no`` and ``off``."""
        return self.get(*names, parse=lambda text: None if text.lower() in ("false", "0", "no", "off") else text)

    def first(self, prefix: str) -> Fact | None:
        """Return the first variable, by name, that begins with the prefix and has a value."""
        return self.get(*sorted(name for name in self.variables if name.startswith(prefix)))

    def file(self, name: str) -> str:
        """Return the text of the file that this variable names; an empty text, with a warning, if it can't."""
        path = self.get(name)
        try:
            return self.read(Path(path.value)) if path else ""
        except FileNotFoundError:  # a container that has the job's variables, but not its files
            return ""
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no path of a file"
            warn_once(f"{name} names a file that can't be read ({reason}): what it says about this run is unknown.")
            return ""

    def plus(self, variables: Mapping[str, str]) -> Environ:
        """Return the environment with more variables, such as the values in a file."""
        return replace(self, variables={**self.variables, **variables})


def _readable(text: str) -> str:
    """Return the text with ``\\xff`` in place of each byte that is not UTF-8, as source.git does."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
