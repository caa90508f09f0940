"""Reads dotenv files with python-dotenv's own parser: their variables, and the line of each variable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_tasks.settings.errors import Problems

if TYPE_CHECKING:
    from dotenv.parser import Binding

_SAMPLES = {"example", "sample", "template", "dist"}


@dataclass(frozen=True)
class DotenvFile:
    """One file's variables. The value of a bare name (no ``=``) is None, as in ``dotenv_values``."""

    path: Path
    values: Mapping[str, str | None] = field(repr=False)
    lines: Mapping[str, int]


def list_files(project: Path, env_name: str | None, problems: Problems) -> list[Path]:
    """Return the files to read, lowest first: ``.env``, and the chosen ``.env.NAME``.

    Adds to ``problems`` when the chosen file doesn't exist.
    """
    files = [project / ".env"] if _exists(project / ".env") else []
    if env_name is None:
        return files
    chosen = project / f".env.{env_name}"
    if not env_name or "/" in env_name or "\\" in env_name:
        problems.add(f"{env_name!r} can't name an environment: it is the NAME of a .env.NAME beside tasks.py.")
    elif _exists(chosen):
        files.append(chosen)
    else:
        names = sorted({path.name.removeprefix(".env.") for path in project.glob(".env.*")} - _SAMPLES)
        hint = f"there are: {', '.join(names)}" if names else "nor any other .env.NAME"
        problems.add(f"There is no {chosen.name} in {project} ({hint}).")
    return files


def _exists(path: Path) -> bool:
    # A broken symbolic link counts as a file: the user expects it to be read, so reading it must fail.
    return path.is_symlink() or path.exists()


def read_file(
    path: Path, environ: Mapping[str, str], lower: Mapping[str, str | None], problems: Problems
) -> DotenvFile:
    """Read a file's variables and interpolate them as ``dotenv_values`` does.

    ``${NAME}`` is replaced by the value set above it in the same file, else by the one of the ``lower`` files (those
    with lower priority), else by the environment's. Adds to ``problems`` what can't be read or parsed.
    """
    from dotenv.variables import parse_variables

    values: dict[str, str | None] = {}
    lines: dict[str, int] = {}
    for binding in parse_bindings(path, problems):
        line = line_of(binding)
        if binding.error:
            # The message leaves out the line's text, because it may contain a secret.
            problems.add(f"{path.name}:{line}: this isn't NAME=VALUE (is a quote left open, or text after its end?).")
        elif binding.key is not None:
            scope = {**environ, **lower, **values}
            text = binding.value
            atoms = parse_variables(text) if text is not None else ()
            values[binding.key] = None if text is None else "".join(atom.resolve(scope) for atom in atoms)
            lines[binding.key] = line
    return DotenvFile(path, values, lines)


def parse_bindings(path: Path, problems: Problems) -> list[Binding]:
    """Return a file's bindings in order, with comments and broken lines; add to ``problems`` if it can't be read."""
    import io

    from dotenv.parser import parse_stream

    try:
        # read_text accepts all line breaks, as `dotenv_values` does; `-sig` removes Windows editors' byte order mark.
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
    """Return the line number of a binding's name; the parser's own number is that of blank lines before it."""
    string = binding.original.string
    return binding.original.line + string[: len(string) - len(string.lstrip())].count("\n")
