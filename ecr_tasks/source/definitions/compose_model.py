"""The model of compose files, merged as compose does it, with the files that they include and extend.

The rules are those of compose-go: override/merge.go, loader/include.go, loader/extends.go, template/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ecr_tasks.errors import SettingsError
from ecr_tasks.files import read_text, unreadable_reason

Model = dict[str, Any]

_NOT_EXTENDED = ("depends_on", "links", "volumes_from", "network_mode")
_RESET = object()


class ComposeReader:
    """Reads compose files, and keeps in ``files`` all that it has read, also dotenv files."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.files: list[Path] = []
        self._folder = folder
        self.environ = {**self._dotenv(folder / ".env"), **environ}

    def services(self, files: Sequence[Path]) -> dict[str, Model]:
        """Return the services of compose files by name; paths in the files are relative to the reader's folder.

        Raises SettingsError for a file that can't be read.
        """
        model: Model = {}
        for file in files:
            model = _merge(model, self._load(file, self._folder, self.environ, frozenset()))
        services = _without_resets(model).get("services") or {}
        for service in services.values():
            for entry in as_list(service.get("env_file")):  # bake reads them, and would wait for a pipe
                path = self._folder / str(entry.get("path", "") if isinstance(entry, dict) else entry)
                if path.exists() and (reason := unreadable_reason(path)):
                    raise SettingsError(f"The env_file {path} can't be read: {reason}.", "Correct it.")
        return services

    def _load(self, file: Path, folder: Path, environ: Mapping[str, str], seen: frozenset[Path]) -> Model:
        """Return a file's model with the services that it includes, and with ``extends`` resolved."""
        path = file.resolve()
        if path in seen:
            return {}
        model = _interpolate_all(self._parse(path), environ)
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
            path = (folder / other).resolve()
            others = _interpolate_all(self._parse(path), environ).get("services") or {}
            inherited = self._extended(base, others, path, path.parent, environ, seen | {(file, name)})
        else:
            inherited = self._extended(base, services, file, folder, environ, seen | {(file, name)})
        return _merge({key: value for key, value in inherited.items() if key not in _NOT_EXTENDED}, service)

    def _parse(self, path: Path) -> Model:
        self.files.append(path)
        return _parse(path)

    def _dotenv(self, path: Path) -> dict[str, str]:
        """Return the variables of a dotenv file; none for a file that isn't there."""
        self.files.append(path)
        return {} if not path.exists() or path.is_dir() else read_dotenv(path)


def read_dotenv(path: Path) -> dict[str, str]:
    """Return the variables of a dotenv file as text. Raises SettingsError when it can't be read."""
    import io

    from dotenv import dotenv_values

    try:
        text = read_text(path, "utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise SettingsError(f"{path} can't be read: {reason}.", f"Mend {path.name}.") from error
    return {name: value or "" for name, value in dotenv_values(stream=io.StringIO(text)).items()}


def is_empty(path: Path) -> bool:
    """Return whether a compose file has nothing but comments; compose takes such a file, and bake does not."""
    lines = map(str.strip, read_text(path, "utf-8-sig", "replace").splitlines())
    return all(line in ("", "---") or line.startswith("#") for line in lines)


def interpolate(text: str, environ: Mapping[str, str]) -> str:
    """Return a text with the values of its variables: ``$X``, ``${X}``, ``${X:-default}``, ``${X:+other}``; ``$$`` is
    a dollar."""
    return "".join(_interpolated(text, environ))


def _interpolated(text: str, environ: Mapping[str, str]) -> Iterator[str]:
    position = 0
    while (start := text.find("$", position)) >= 0:
        yield text[position:start]
        if match := re.compile(r"\$\{([A-Za-z_]\w*)(:?[-+?])?").match(text, start):
            end = _closing(text, match.end())
            name, operator, word = match[1], match[2] or "", text[match.end() : end]
            value, position = environ.get(name), end + 1
            is_set = value is not None and (value != "" or not operator.startswith(":"))
            if operator.endswith("+"):
                yield interpolate(word, environ) if is_set else ""
            elif is_set or not operator.endswith("-"):
                yield value or ""
            else:
                yield interpolate(word, environ)
        elif match := re.compile(r"\$([A-Za-z_]\w*)").match(text, start):
            yield environ.get(match[1], "")
            position = match.end()
        else:
            yield "$"
            position = start + (2 if text.startswith("$$", start) else 1)
    yield text[position:]


def _closing(text: str, position: int) -> int:
    """Return the index of the brace that closes the one before ``position``."""
    depth = 1
    for index in range(position, len(text)):
        depth += {"{": text[index - 1] == "$", "}": -1}.get(text[index], 0)
        if depth == 0:
            return index
    return len(text)


def _merge(base: Model, other: Mapping[str, Any]) -> Model:
    """Return ``other`` on top of ``base``: mappings key by key, lists one after the other."""
    merged = dict(base)
    for key, value in other.items():
        old, new = long_form(key, merged.get(key)), long_form(key, value)
        if isinstance(value, (_Override, _OverrideList)) or value is _RESET:
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
    if key == "args" and isinstance(value, list) and not isinstance(value, _OverrideList):
        pairs = (str(entry).partition("=") for entry in value)
        return {name: text if has_value else None for name, has_value, text in pairs}
    return value


def _without_resets(model: Mapping[str, Any]) -> Model:
    """Return a merged model without the keys that were reset."""
    return {
        key: _without_resets(value) if isinstance(value, dict) else value
        for key, value in model.items()
        if value is not _RESET
    }


class _Override(dict):  # type: ignore[type-arg]
    """A mapping with the tag ``!override``, which replaces the one below it."""


def _parse(path: Path) -> Model:
    """Return a file's YAML without the variables' values. Raises SettingsError."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads compose's own tags: ``!reset`` removes a key, ``!override`` replaces it.

        Plain values are texts, because a service may be called ``on`` or ``no``, which YAML 1.1 takes for booleans.
        """

    def construct(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
        if suffix == "reset":
            return _RESET
        if isinstance(node, yaml.MappingNode):
            mapping = loader.construct_mapping(node, deep=True)
            return _Override(mapping) if suffix == "override" else mapping
        if isinstance(node, yaml.SequenceNode):
            items = loader.construct_sequence(node, deep=True)
            return _OverrideList(items) if suffix == "override" else items
        return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":null", ":merge"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_multi_constructor("!", construct)
    try:
        documents = list(yaml.load_all(read_text(path, "utf-8-sig"), Loader))
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise SettingsError(f"{path.name} can't be read: {reason}.", f"Mend {path.name}.") from error
    model: Model = {}
    for document in documents:
        model = _merge(model, document if isinstance(document, dict) else {})
    return model


class _OverrideList(list):  # type: ignore[type-arg]
    """A list with the tag ``!override``, which replaces the one below it."""


def _interpolate_all(value: Any, environ: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return interpolate(value, environ)
    if isinstance(value, dict):
        return type(value)({key: _interpolate_all(item, environ) for key, item in value.items()})
    if isinstance(value, list):
        return type(value)(_interpolate_all(item, environ) for item in value)
    return value


def as_list(value: Any) -> list[Any]:
    """Return a value that may be a list or a single entry as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]
