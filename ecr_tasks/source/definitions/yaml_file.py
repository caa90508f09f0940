"""One compose file's YAML, with compose's own tags, within limits on its size, depth and aliases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ecr_tasks.errors import SettingsError
from ecr_tasks.files import read_text

Model = dict[str, Any]

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 100
MAX_VALUES = 100_000

RESET = object()
"""The value of a key with the tag ``!reset``, which is removed."""


class Override(dict):  # type: ignore[type-arg]
    """A mapping with the tag ``!override``, which replaces the one below it."""


class OverrideList(list):  # type: ignore[type-arg]
    """A list with the tag ``!override``, which replaces the one below it."""


def read_yaml(path: Path, merge: Callable[[Model, Mapping[str, Any]], Model]) -> Model:
    """Return a file's YAML without the variables' values; several documents are merged. Raises SettingsError."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads compose's own tags: ``!reset`` removes a key, ``!override`` replaces it.

        Plain values are texts, because a service may be called ``on`` or ``no``, which YAML 1.1 takes for booleans.
        """

        depth = 0

        def compose_node(self, *arguments: Any) -> Any:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
            node = super().compose_node(*arguments)
            self.depth -= 1
            return node

        def get_node(self) -> Any:
            node = super().get_node()
            if _size(node, {}) > MAX_VALUES:
                raise ValueError(f"it has more than {MAX_VALUES} values, with what its aliases stand for")
            return node

    def construct(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
        if suffix == "reset":
            return RESET
        if isinstance(node, yaml.MappingNode):
            mapping = loader.construct_mapping(node, deep=True)
            return Override(mapping) if suffix == "override" else mapping
        if isinstance(node, yaml.SequenceNode):
            items = loader.construct_sequence(node, deep=True)
            return OverrideList(items) if suffix == "override" else items
        return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag.endswith((":null", ":merge"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_multi_constructor("!", construct)
    text = ""
    try:
        text = read_text(path, "utf-8-sig", limit=MAX_BYTES)
        documents = list(yaml.load_all(text, Loader))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
            # What is missing at the end is missed after the last line.
            line = min(error.problem_mark.line + 1, len(text.splitlines()))
            reason = f"line {line}: {' '.join(filter(None, (error.context, error.problem)))}"
        raise SettingsError(f"{path.name} can't be read: {reason}.", f"Mend {path.name}.") from error
    model: Model = {}
    for document in documents:
        model = merge(model, document if isinstance(document, dict) else {})
    return model


def _size(node: Any, sizes: dict[int, int]) -> int:
    """Return how many values a YAML node has with what its aliases stand for; one that holds itself has too many."""
    if id(node) not in sizes:
        sizes[id(node)] = MAX_VALUES + 1  # as long as it is looked at
        value = getattr(node, "value", None)
        entries = value if isinstance(value, list) else []
        parts = [part for entry in entries for part in (entry if isinstance(entry, tuple) else (entry,))]
        sizes[id(node)] = 1 + sum(_size(part, sizes) for part in parts)
    return sizes[id(node)]
