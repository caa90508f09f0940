"""One compose file's YAML, with compose's own tags, within limits on its size, depth and aliases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ecr_tasks.errors import SettingsError
from ecr_tasks.files import read_text
from ecr_tasks.yaml_documents import limited_loader, yaml_mistake

Model = dict[str, Any]

MAX_BYTES = 1024 * 1024

RESET = object()
"""The value of a key with the tag ``!reset``, which is removed."""


class Override(dict):  # type: ignore[type-arg]
    """A mapping with the tag ``!override``, which replaces the one below it."""


class OverrideList(list):  # type: ignore[type-arg]
    """A list with the tag ``!override``, which replaces the one below it."""


def read_yaml(path: Path, merge: Callable[[Model, Mapping[str, Any]], Model]) -> Model:
    """Return a file's YAML without the variables' values; several documents are merged. Raises SettingsError."""
    import yaml

    class Loader(limited_loader()):  # type: ignore[misc]
        """Reads compose's own tags: ``!reset`` removes a key, ``!override`` replaces it.

        Plain values are texts, because a service may be called ``on`` or ``no``, which YAML 1.1 takes for booleans.
        """

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
        reason = error.strerror if isinstance(error, OSError) else yaml_mistake(error, text)
        raise SettingsError(f"{path.name} can't be read: {reason}.", f"Mend {path.name}.") from error
    model: Model = {}
    for document in documents:
        model = merge(model, document if isinstance(document, dict) else {})
    return model
