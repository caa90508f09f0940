"""Dotenv files, read with python-dotenv's own parser: values as it has them, and the line of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_tasks.settings.errors import Problems

if TYPE_CHECKING:
    from dotenv.parser import Binding

_SAMPLES = ("example", "sample", "template", "dist")


@dataclass(frozen=True)
class DotenvFile:
    """One file's variables. The value of a bare name (no ``=``) is None, as in ``dotenv_values``."""

    path: Path
    values: Mapping[str, str | None] = field(repr=False)
    lines: Mapping[str, int]


def choices(project: Path) -> list[str]:
    """The names that ``env NAME`` can choose from in this folder, samples left out."""
    names = (path.name.removeprefix(".env.") for path in project.glob(".env.*"))
    return sorted(name for name in names if name not in _SAMPLES)


def find(project: Path, env_name: str | None, problems: Problems) -> list[Path]:
    """The files to read, lowest first: ``.env``, and the chosen ``.env.NAME``, which must exist."""
    found = [project / ".env"] if _there(project / ".env") else []
    if env_name is None:
        return found
    chosen = project / f".env.{env_name}"
    if not env_name or "/" in env_name or "\\" in env_name:
        problems.add(f"{env_name!r} can't name an environment: it is the NAME of a .env.NAME beside tasks.py.")
    elif _there(chosen):
        found.append(chosen)
    else:
        others = ", ".join(choices(project))
        there_are = f"there are: {others}" if others else "nor any other .env.NAME"
        problems.add(f"There is no {chosen.name} in {project} ({there_are}).")
    return found


def _there(path: Path) -> bool:
    # A link to nothing is there: a file that someone meant, and that must not be passed over in silence.
    return path.is_symlink() or path.exists()


def read(path: Path, environ: Mapping[str, str], earlier: Mapping[str, str | None], problems: Problems) -> DotenvFile:
    """A file's values, interpolated as ``dotenv_values`` does it.

    ``${NAME}`` is what stands above it in the file, else what ``earlier`` files have, else the environment's:
    as if the files were one. Notes a problem for what can't be read or parsed.
    """
    from dotenv.variables import parse_variables

    values: dict[str, str | None] = {}
    lines: dict[str, int] = {}
    for binding in parse(path, problems):
        line = line_of(binding)
        if binding.error:
            # The line's text stays unsaid: it may hold a secret.
            problems.add(f"{path.name}:{line}: this isn't NAME=VALUE (is a quote left open, or text after its end?).")
        elif binding.key is not None:
            scope = {**environ, **earlier, **values}
            values[binding.key] = (
                None
                if binding.value is None
                else "".join(atom.resolve(scope) for atom in parse_variables(binding.value))
            )
            lines[binding.key] = line
    return DotenvFile(path, values, lines)


def parse(path: Path, problems: Problems) -> list[Binding]:
    """The bindings of a file in order, comments and broken lines among them; notes why it can't be read."""
    import io

    from dotenv.parser import parse_stream

    try:
        # Universal line breaks, as `dotenv_values` has them; `-sig` for Windows editors' byte order mark.
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    except OSError as error:
        problems.add(f"{path.name}: can't be read: {error.strerror or 'unknown reason'}.")
        return []
    if "\0" in text:
        problems.add(f"{path.name}: isn't UTF-8 text (PowerShell's > writes UTF-16: save it as UTF-8).")
        return []
    return list(parse_stream(io.StringIO(text)))


def line_of(binding: Binding) -> int:
    """The line that a binding's name stands on; the parser counts from the blank lines before it."""
    string = binding.original.string
    return binding.original.line + string[: len(string) - len(string.lstrip())].count("\n")
