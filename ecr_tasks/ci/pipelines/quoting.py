"""Write a value into a pipeline so that the CI reads it back unchanged, by the rules of the file's language.

The template has the quotes around a value, except around the install command, which is a line of a text of several
lines (a YAML block scalar, a ``'''`` string of Groovy, a raw string of Kotlin).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from pathlib import PurePath

from ecr_tasks.ci.systems import System
from ecr_tasks.errors import SettingsError


def value(system: System, text: str) -> str:
    """Return a setting's value for a place in quotes."""
    return _in_quotes(system, _escape(shlex.quote(text) if system.values_in_shell else text, system.escapes))


def branch(system: System, name: str) -> str:
    """Return a branch's name for the place in quotes where the pipeline says which branches it is for.

    There, most systems take a pattern. Raises SettingsError for a name that the system has no way to write.
    """
    refused = next((text for text in system.branch_refused if text in name), "")
    quote = next((quote for quote in system.branch_quotes if quote not in name), "")
    if refused or (system.branch_quotes and not quote):
        raise SettingsError(
            f"{system.title} has no way to name the default branch {name!r}: it takes "
            f"{refused or ' and '.join(system.branch_quotes)} for its own.",
            "Write the pipeline by hand, for a pattern that the name matches, or rename the branch.",
        )
    return _in_quotes(system, _escape(f"{quote}{_escape(name, system.branch_escapes)}{quote}", system.escapes))


def install(system: System, command: str) -> str:
    """Return the install command for its line of its own."""
    return _IN_BLOCK[_language(system)](_escape(command, system.escapes))


def check_writable(values: Iterable[str]) -> None:
    """Raise SettingsError for a value with characters that a text file can't hold or an editor doesn't show."""
    for text in values:
        if not text.isprintable():
            raise SettingsError(
                f"The value {text!r} has characters that can't be printed, so it can't be in a pipeline.",
                "Rename what it names, or write the pipeline by hand.",
            )


def _escape(text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for part, replacement in pairs:
        text = text.replace(part, replacement)
    return text


def _in_quotes(system: System, text: str) -> str:
    return _IN_QUOTES[_language(system)](text)


def _language(system: System) -> str:
    return PurePath(system.template).suffix


def _in_double_quotes(text: str) -> str:
    return _escape(text, (("\\", "\\\\"), ('"', '\\"')))


def _in_single_quotes(text: str) -> str:
    return _escape(text, (("\\", "\\\\"), ("'", "\\'")))


def _in_kotlins_quotes(text: str) -> str:
    return _in_double_quotes(text).replace("$", "\\$")


def _in_kotlins_raw_string(text: str) -> str:
    return _escape(text, (("$", "${'$'}"), ('"""', '${"\\"\\"\\""}')))


_IN_QUOTES: dict[str, Callable[[str], str]] = {
    ".yml": _in_double_quotes,
    ".groovy": _in_single_quotes,
    ".kts": _in_kotlins_quotes,
}
_IN_BLOCK: dict[str, Callable[[str], str]] = {
    ".yml": str,
    ".groovy": _in_single_quotes,
    ".kts": _in_kotlins_raw_string,
}
