"""Reads Invoke's own configuration files, such as a committed invoke.yaml, to say where a setting stands in them.

Invoke reads them itself, and what it can't read ends with its traceback: that they are read here first makes it a
sentence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from ecr_tasks.documents import parse_json
from ecr_tasks.errors import SettingsError
from ecr_tasks.files import read_text
from ecr_tasks.yaml_documents import DuplicateKey, limited_loader, yaml_mistake

SECTION = "ecr"

MAX_BYTES = 1024 * 1024


Form = Literal["absent", "empty", "braces", "lines"]
"""How the section ``ecr`` is written: ``{region: eu-central-1}`` is one in braces."""


class SectionStyle(NamedTuple):
    """How the section ``ecr`` is written, and by how many blanks its lines are indented."""

    form: Form = "absent"
    indent: int = 2


ABSENT = SectionStyle()


class InvokeFile(NamedTuple):
    """One configuration file: what it has, and the line and the text of each value below ``ecr``.

    A Python file is not run: it has no ``data``. ``texts`` has only what stands there without quotes: YAML takes
    ``012345670123`` for another number. ``top_lines`` are those of the keys beside ``ecr``.
    """

    path: Path
    data: Mapping[str, Any] | None = None
    lines: Mapping[str, int] = MappingProxyType({})
    texts: Mapping[str, str] = MappingProxyType({})
    top_lines: Mapping[str, int] = MappingProxyType({})
    style: SectionStyle = ABSENT

    def __repr__(self) -> str:
        return f"<{self.path}>"  # it may hold secrets

    @property
    def section(self) -> Mapping[str, Any]:
        """The values below ``ecr``."""
        section = (self.data or {}).get(SECTION)
        return section if isinstance(section, dict) else {}


def section_style(path: Path | None) -> SectionStyle:
    """Return how a configuration file has settings of ours; a Python file is not run, but searched for the name.

    Raises SettingsError and OSError for one that can't be read.
    """
    if path is None:
        return ABSENT
    if path.suffix == ".py":
        return SectionStyle("braces" if SECTION in read_text(path, errors="replace").split() else "absent")
    return read(path).style


def read(path: Path) -> InvokeFile:
    """Read a configuration file. Raises SettingsError for all that Invoke would stumble over."""
    text, reason = "", ""
    try:
        # Invoke reads JSON without a byte order mark alone.
        text = read_text(path, "utf-8" if path.suffix == ".json" else "utf-8-sig", limit=MAX_BYTES)
        if path.suffix == ".py":
            compile(text, str(path), "exec")
            return InvokeFile(path)
        return _read_json(path, text) if path.suffix == ".json" else _read_yaml(path, text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"{path} can't be read: {reason}.", "Remove or rename it, or make it a file.") from None
    except UnicodeDecodeError:
        reason = "it isn't UTF-8 text"
    except SyntaxError as error:
        reason = f"line {error.lineno}: {error.msg}"
    except json.JSONDecodeError as error:
        reason = f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        reason = yaml_mistake(error, text)
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "yaml":
            raise
        reason = yaml_mistake(error, text)
    raise SettingsError(f"{path} can't be read: {reason}.", "Correct it there and run the task again.")


def _read_json(path: Path, text: str) -> InvokeFile:
    data = _checked(parse_json(text))
    try:  # JSON is YAML, but for a few texts: then the lines aren't known
        return _read_yaml(path, text)
    except DuplicateKey:
        raise
    except Exception:
        form: Form = "absent" if SECTION not in data else "braces" if data[SECTION] else "empty"
        return InvokeFile(path, data, style=SectionStyle(form))


def _read_yaml(path: Path, text: str) -> InvokeFile:
    import yaml

    loader = limited_loader()(text)
    try:
        node = loader.get_single_node()
        data = loader.construct_document(node) if node is not None else {}
    finally:
        loader.dispose()
    data = _checked({} if data is None else data)
    lines: dict[str, int] = {}
    texts: dict[str, str] = {}
    section = _entry(node, SECTION)
    for key, value in _entries(section):
        lines[key.value] = key.start_mark.line + 1
        if isinstance(value, yaml.ScalarNode) and value.style is None and value.tag.endswith((":int", ":float")):
            texts[key.value] = value.value
    form: Form = "absent" if section is None else "empty" if not lines else "lines"
    form = "braces" if form == "lines" and section.flow_style else form
    style = SectionStyle(form, section.start_mark.column) if form == "lines" else SectionStyle(form)
    top_lines = {key.value: key.start_mark.line + 1 for key, _ in _entries(node) if key.value != SECTION}
    return InvokeFile(path, data, lines, texts, top_lines, style)


def _entry(node: Any, name: str) -> Any:
    return next((value for key, value in _entries(node) if key.value == name), None)


def _entries(node: Any) -> list[tuple[Any, Any]]:
    """Return a mapping's nodes; a key is a text, as was checked."""
    pairs = getattr(node, "value", None)
    return [pair for pair in pairs if isinstance(pair, tuple)] if isinstance(pairs, list) else []


def _checked(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise ValueError(f"it is no mapping of names to values but {_kind(data)}")
    _check_keys(data)
    if not isinstance(data.get(SECTION, {}), dict):
        raise ValueError(
            f"the key {SECTION} is {_kind(data[SECTION])} and no section with settings "
            "(below it: `region: eu-central-1`)"
        )
    return data


def _check_keys(value: Any) -> None:
    """Raise ValueError for a key that is no text: Invoke joins keys to the names of variables."""
    if isinstance(value, dict):
        for key, entry in value.items():
            if not isinstance(key, str):
                raise ValueError(f"the key {str(key)[:40]} is {_kind(key)} and no text: put it in quotes")
            _check_keys(entry)


def _kind(value: Any) -> str:
    kinds = {
        bool: "a truth value",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        type(None): "empty",
    }
    return kinds.get(type(value), f"a {type(value).__name__}")
