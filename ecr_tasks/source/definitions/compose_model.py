"""The model of compose files, merged as compose does it, with the files that they include and extend.

The rules are those of compose-go: override/merge.go, loader/include.go, loader/extends.go, template/.
"""

from __future__ import annotations

import io
import os
import re
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ecr_tasks.errors import SettingsError
from ecr_tasks.files import exists, read_text, reading_problem, resolved, unreadable_reason
from ecr_tasks.settings.dotenv import MAX_BYTES, MAX_CHARACTERS, expand
from ecr_tasks.source.definitions.yaml_file import RESET, Model, Override, OverrideList, read_yaml

_MAX_CHARACTERS = 2 * 1024 * 1024
"""The length of all texts of a project with the values of their variables."""

_MAX_DEPTH = 20
"""How many defaults of variables may stand in each other."""

_NOT_EXTENDED = ("depends_on", "links", "volumes_from", "network_mode")


class ComposeReader:
    """Reads compose files, and keeps in ``files`` all that it has read, also dotenv files."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.files: list[Path] = []
        self._room = _MAX_CHARACTERS
        self._folder = folder
        self.environ = {**self._dotenv(folder / ".env"), **environ}

    def services(self, files: Sequence[Path]) -> dict[str, Model]:
        """Return the services of compose files by name; paths in the files are relative to the reader's folder.

        Raises SettingsError for a file that can't be read.
        """
        try:
            model: Model = {}
            for file in files:
                model = _merge(model, self._load(file, self._folder, self.environ, frozenset()))
            services: dict[str, Model] = _without_resets(model).get("services") or {}
            return {str(name): self._checked(service) for name, service in services.items()}
        except (TypeError, AttributeError, ValueError, RecursionError, MemoryError):
            pass
        names = ", ".join(file.name for file in self.files if file.suffix.lower() in (".yml", ".yaml"))
        raise SettingsError(
            f"{names} can't be read as compose does it: a text, list or mapping stands in another one's place.",
            "`docker compose config` says where; mend it there.",
        )

    def _checked(self, service: Model) -> Model:
        """Return a service whose build section has the types that compose wants.

        Raises TypeError, and SettingsError for an env_file that can't be read: bake would wait for a pipe.
        """
        build = service.get("build") or {}
        options = build if isinstance(build, dict) else {}
        fits = isinstance(build, (str, dict)) and isinstance(options.get("args") or {}, (dict, list))
        if not fits or not isinstance(options.get("secrets") or [], list):
            raise TypeError
        for entry in as_list(service.get("env_file")):
            path = self._folder / str(entry.get("path", "") if isinstance(entry, dict) else entry)
            if exists(path) and (reason := unreadable_reason(path)):
                raise SettingsError(f"The env_file {path} can't be read: {reason}.", "Correct it.")
        return service

    def _load(self, file: Path, folder: Path, environ: Mapping[str, str], seen: frozenset[Path]) -> Model:
        """Return a file's model with the services that it includes, and with ``extends`` resolved."""
        path = resolved(file)
        if path in seen:
            return {}
        model = self._interpolated(path, environ)
        included: Model = {}
        for entry in model.get("include") or ():
            include = entry if isinstance(entry, dict) else {"path": entry}
            paths = [folder / part for part in as_list(include.get("path"))]
            if not paths:
                continue
            project = folder / include["project_directory"] if include.get("project_directory") else paths[0].parent
            env_files = [folder / part for part in as_list(include.get("env_file"))] or [project / ".env"]
            scope = dict(environ)
            for env_file in env_files:
                scope = {**self._dotenv(env_file), **scope}
            for part in paths:
                included = _merge(included, self._load(part, project, scope, seen | {path}))
        services = model.get("services") or {}
        extended = {name: self._extended(name, services, path, folder, environ, frozenset()) for name in services}
        return _merge(included, {"services": extended})

    def _extended(
        self,
        name: str,
        services: Model,
        file: Path,
        folder: Path,
        environ: Mapping[str, str],
        seen: frozenset[tuple[Path, str]],
    ) -> Model:
        """Return a service on top of the one that it extends, in this file or in another."""
        service = dict(services.get(name) or {})
        extends = service.pop("extends", None)
        if not extends or (file, name) in seen:
            return service
        base = extends if isinstance(extends, str) else extends.get("service", "")
        other = None if isinstance(extends, str) else extends.get("file")
        if other:
            path = resolved(folder / other)
            others = self._interpolated(path, environ).get("services") or {}
            inherited = self._extended(base, others, path, path.parent, environ, seen | {(file, name)})
        else:
            inherited = self._extended(base, services, file, folder, environ, seen | {(file, name)})
        return _merge({key: value for key, value in inherited.items() if key not in _NOT_EXTENDED}, service)

    def _interpolated(self, path: Path, environ: Mapping[str, str]) -> Model:
        """Return a file's own model, with the values of variables."""
        self.files.append(path)

        def interpolated(value: Any) -> Any:
            if isinstance(value, str):
                text = interpolate(value, environ)
                self._room -= len(text)
                if self._room < 0:
                    raise _too_long()
                return text
            if isinstance(value, dict):
                return type(value)({key: interpolated(item) for key, item in value.items()})
            if isinstance(value, list):
                return type(value)(interpolated(item) for item in value)
            return value

        model: Model = interpolated(read_yaml(path, _merge))
        return model

    def _dotenv(self, path: Path) -> dict[str, str]:
        """Return the variables of a dotenv file; none for a file that isn't there."""
        self.files.append(path)
        return {} if not exists(path) or path.is_dir() else read_dotenv(path)


def read_dotenv(path: Path) -> dict[str, str]:
    """Return the variables of a dotenv file as text. Raises SettingsError for a file that can't be read."""
    from dotenv.parser import parse_stream

    values: dict[str, str] = {}
    scope: Mapping[str, str] = ChainMap(values, dict(os.environ))
    room = MAX_CHARACTERS
    try:
        for binding in parse_stream(io.StringIO(read_text(path, "utf-8-sig", limit=MAX_BYTES))):
            if binding.key is not None:
                values[binding.key] = expand(binding.value or "", scope, room)
                room -= len(values[binding.key])
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} can't be read: {reading_problem(error)}.", f"Mend {path.name}.") from error
    return values


def is_empty(path: Path) -> bool:
    """Return whether a compose file has nothing but comments; compose takes such a file, and bake does not."""
    lines = map(str.strip, read_text(path, "utf-8-sig", "replace").splitlines())
    return all(line in ("", "---") or line.startswith("#") for line in lines)


def interpolate(text: str, environ: Mapping[str, str], depth: int = 0) -> str:
    """Return a text with the values of its variables: ``$X``, ``${X}``, ``${X:-default}``, ``${X:+other}``; ``$$`` is
    a dollar."""
    parts = []
    room = _MAX_CHARACTERS
    for part in _interpolated(text, environ, depth):
        parts.append(part)
        room -= len(part)
        if room < 0:
            raise _too_long()
    return "".join(parts)


def _too_long() -> SettingsError:
    return SettingsError(
        f"The compose file grows to more than {_MAX_CHARACTERS >> 20} MiB with the values of its variables.",
        "Use shorter values, or fewer of them.",
    )


def _interpolated(text: str, environ: Mapping[str, str], depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise _too_deep()
    position = 0
    while (start := text.find("$", position)) >= 0:
        yield text[position:start]
        if match := re.compile(r"\$\{([A-Za-z_]\w*)(:?[-+?])?").match(text, start):
            end = _closing(text, match.end())
            name, operator, word = match[1], match[2] or "", text[match.end() : end]
            value, position = environ.get(name), end + 1
            is_set = value is not None and (value != "" or not operator.startswith(":"))
            if operator.endswith("+"):
                yield interpolate(word, environ, depth + 1) if is_set else ""
            elif is_set or not operator.endswith("-"):
                yield value or ""
            else:
                yield interpolate(word, environ, depth + 1)
        elif match := re.compile(r"\$([A-Za-z_]\w*)").match(text, start):
            yield environ.get(match[1], "")
            position = match.end()
        else:
            yield "$"
            position = start + (2 if text.startswith("$$", start) else 1)
    yield text[position:]


def _closing(text: str, position: int) -> int:
    """Return the index of the brace that closes the one before ``position``. Raises ValueError for too many."""
    depth = 1
    for match in re.compile(r"\$\{|\}").finditer(text, position):
        depth += -1 if match[0] == "}" else 1
        if depth == 0:
            return match.start()
        if depth > _MAX_DEPTH:
            raise _too_deep()
    return len(text)


def _too_deep() -> ValueError:
    return ValueError("variables are nested too deeply")


def _merge(base: Model, other: Mapping[str, Any]) -> Model:
    """Return ``other`` on top of ``base``: mappings key by key, lists one after the other."""
    merged = dict(base)
    for key, value in other.items():
        old, new = long_form(key, merged.get(key)), long_form(key, value)
        if isinstance(value, (Override, OverrideList)) or value is RESET:
            merged[key] = value  # the tag stays for what this is merged on
        elif isinstance(new, dict):
            merged[key] = _merge(old if isinstance(old, dict) else {}, new)
        elif isinstance(new, list):
            merged[key] = [*(old if isinstance(old, list) else ()), *new]
        elif new is not None or old is None:
            merged[key] = new
    return merged


def long_form(key: str, value: Any) -> Any:
    """Return the value of ``build`` and of its ``args`` as a mapping, so that short and long form can be merged."""
    if key == "build" and isinstance(value, str):
        return {"context": value}
    if key == "args" and isinstance(value, list) and not isinstance(value, OverrideList):
        pairs = (str(entry).partition("=") for entry in value)
        return {name: text if has_value else None for name, has_value, text in pairs}
    return value


def _without_resets(model: Mapping[str, Any]) -> Model:
    """Return a merged model without the keys that were reset."""
    return {
        key: _without_resets(value) if isinstance(value, dict) else value
        for key, value in model.items()
        if value is not RESET
    }


def as_list(value: Any) -> list[Any]:
    """Return a value that may be a list or a single entry as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]
