"""Reads dotenv files with python-dotenv's own parser: their variables, and the line of each variable."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_tasks.files import read_text
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.wording import name_some
from ecr_tasks.settings.errors import Problems
from ecr_tasks.settings.schema import TABLE
from ecr_tasks.settings.unknown_names import mentions_setting, misspelt_setting, swallowed_settings

if TYPE_CHECKING:
    from dotenv.parser import Binding

_GITHUB_EXPRESSION = r"\$\{\{(?:(?!\$\{\{).)*?\}\}"
_OURS = r"\s*(?:export\s+)?((?:ECR|AWS)_\w+)"
_TEMPLATE = rf"(?:{_GITHUB_EXPRESSION}|\{{\{{[^{{}}'\n]*(?:(?<!\\)'[^'\\\n]*'[^{{}}'\n]*)+\}}\}})"
# A group in a lookahead, and the same again, is an atomic group: what it has matched is not tried in other ways.
_SINGLE_QUOTED = (
    rf"(?m)^([^\S\n]*(?:export[^\S\n]+)?ECR_\w+[^\S\n]*=[^\S\n]*'"
    rf"(?:(?=(?P<one>{_TEMPLATE}|\\.|[^'\\]))(?P=one))*)(?=')"
)

MAX_BYTES = 128 * 1024
"""The size of the largest dotenv file."""

MAX_CHARACTERS = 2 * MAX_BYTES
"""The length of all values of a file, whatever they refer to."""

_MOST_MISTAKES = 50

_NO_FILE = "Remove or rename it; ECR_ENV_FILE names another file with the settings."


@dataclass(frozen=True)
class DotenvFile:
    """One file's variables. The value of a bare name (no ``=``) is None, as in ``dotenv_values``.

    ``warnings`` has a sentence for what can't be read in variables that are not ours.
    """

    path: Path
    values: Mapping[str, str | None] = field(repr=False)
    lines: Mapping[str, int]
    warnings: tuple[str, ...] = ()


def read_file(
    path: Path, environ: Mapping[str, str], lower: Mapping[str, str | None], problems: Problems
) -> DotenvFile:
    """Read a file's variables and interpolate them as ``dotenv_values`` does.

    ``${NAME}`` is replaced by the value set above it in the same file, else by the one of the ``lower`` files (those
    with lower priority), else by the environment's. Adds to ``problems`` what can't be read, and the broken lines of
    settings; those of other variables are warnings.
    """
    values: dict[str, str | None] = {}
    scope: Mapping[str, str | None] = ChainMap(values, {**environ, **lower})
    room = MAX_CHARACTERS
    lines: dict[str, int] = {}
    broken: list[str] = []
    warnings: list[str] = []
    mistakes = 0
    for binding in parse_bindings(path, problems):
        if mistakes > _MOST_MISTAKES:
            break  # nothing will be run, and who reads them all?
        line = line_of(binding)
        # The messages leave out the line's text, because it may contain a secret.
        if expression := _github_expression(binding):
            problems.add(f"{path.name}:{expression}")
        elif binding.error and mentions_setting(binding.original.string):
            mistakes += 1
            problems.add(f"{path.name}:{line}: this isn't NAME=VALUE (is a quote left open, or text after its end?).")
        elif binding.error:
            broken.append(f"{path.name}:{line}")
        elif binding.key is not None:
            warnings += _swallowed_settings_warning(path, line, binding.key, binding.value or "")
            texts = re.split(f"({_GITHUB_EXPRESSION})", binding.value or "", flags=re.DOTALL)
            try:
                for index in range(0, len(texts), 2):  # the texts between the expressions
                    texts[index] = expand(texts[index], scope, room)
                    room -= len(texts[index])
            except ValueError as error:
                problems.add(f"{path.name}:{line}: {binding.key} can't be used: {error}.")
                texts = []
            values[binding.key] = None if binding.value is None else "".join(texts)
            lines[binding.key] = line
    if broken:
        warnings.append(f"Left out, because this isn't NAME=VALUE (is a quote left open?): {name_some(broken)}.")
    return DotenvFile(path, values, lines, tuple(warnings))


def expand(text: str, scope: Mapping[str, str | None], room: int = MAX_CHARACTERS) -> str:
    """Return a value with those of ``scope`` in place of each ``${NAME}``.

    Raises ValueError when it gets longer than ``room``: thirty lines ``A2=${A1}${A1}`` would fill any memory.
    """
    from dotenv.variables import parse_variables

    end = text.rfind("}") + 1  # what is behind it is no reference, and would be searched for one at each ${
    parts = []
    for atom in parse_variables(text[:end]):
        parts.append(atom.resolve(scope))
        room -= len(parts[-1])
        if room < 0:
            raise ValueError(f"the file's values grow to more than {MAX_CHARACTERS >> 10} KiB")
    return "".join(parts) + text[end:]


def _swallowed_settings_warning(path: Path, line: int, name: str, value: str) -> list[str]:
    """Return a sentence when the value of somebody else's variable has lines in it that set our settings."""
    if "\n" not in value or name in TABLE or misspelt_setting(name):
        return []
    swallowed = swallowed_settings(value)
    sentence = (
        f"{path.name}:{line}: the value of {name} goes on for several lines, with {', '.join(swallowed)} in it: "
    )
    return [f"{sentence}is a quote left open?"] if swallowed else []


def parse_bindings(path: Path, problems: Problems) -> list[Binding]:
    """Return a file's bindings in order, with comments and broken lines; add to ``problems`` if it can't be read."""
    try:
        # read_text accepts all line breaks, as `dotenv_values` does; `-sig` removes Windows editors' byte order mark.
        text = read_text(path, "utf-8-sig", limit=MAX_BYTES)
    except UnicodeDecodeError:
        text = "\0"
    except OSError as error:
        reason = error.strerror or "unknown reason"
        remedy = "" if path.is_file() else _NO_FILE
        problems.add(f"{path.name}: can't be read: {reason}.", remedy)
        return []
    if "\0" in text:
        problems.add(f"{path.name}: isn't UTF-8 text (PowerShell's > writes UTF-16: save it as UTF-8).")
        return []
    return list(_parse(_escape_templates(text)))


def _parse(text: str) -> Iterator[Binding]:
    """Yield the bindings of a text. A broken one ends with its line.

    python-dotenv's parser takes everything up to the next quote into a broken binding, so that a quote that is left
    open would make the lines below it disappear: they are parsed again.
    """
    import io

    from dotenv.parser import parse_stream

    above = 0
    while text:
        start = 0
        for binding in parse_stream(io.StringIO(text)):
            original = binding.original
            start += len(original.string)
            blank = len(original.string) - len(original.string.lstrip())
            end = original.string.find("\n", blank) + 1
            if binding.error and 0 < end < len(original.string):
                start -= len(original.string) - end
                original = original._replace(string=original.string[:end])
            yield binding._replace(original=original._replace(line=original.line + above))
            if original is not binding.original:
                break
        above += text[:start].count("\n")
        text = text[start:]


def _escape_templates(text: str) -> str:
    """Return a file's text with ``{{date 'YYYY'}}`` escaped in single quotes, which it would otherwise end."""
    if "{{" not in text:
        return text
    return re.sub(
        _SINGLE_QUOTED,
        lambda match: re.sub(_TEMPLATE, lambda template: re.sub(r"(?<!\\)'", r"\'", template[0]), match[0]),
        text,
    )


def _github_expression(binding: Binding) -> str | None:
    """Return the line of an expression of GitHub Actions in a setting, and what to do; None without one.

    Its quotes may break the line, so a broken line counts as well.
    """
    string = binding.original.string
    name = re.match(_OURS, string)
    if name is None or not (name[1] in TABLE or name[1].startswith("AWS_")):
        return None
    if "${{" not in (string if binding.error else binding.value or ""):
        return None
    line = binding.original.line + string[: string.index("${{")].count("\n")
    return (
        f"{line}: {name[1]} has an expression of GitHub Actions (${{{{ … }}}}), which only GitHub evaluates: "
        "set it in the workflow's env: there, or write the value (tag rules have {{is_default_branch}} and the like)."
    )


def line_of(binding: Binding) -> int:
    """Return the line number of a binding's name; the parser's own number is that of blank lines before it."""
    string = binding.original.string
    return binding.original.line + string[: len(string) - len(string.lstrip())].count("\n")
