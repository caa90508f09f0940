"""YAML documents from outside: a loader with limits, and what is wrong with a text in words.

PyYAML's own loader raises RecursionError for deep nesting, and a few aliases of aliases make values that fill any
memory as soon as somebody copies them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yaml import SafeLoader

MAX_DEPTH = 100
MAX_VALUES = 100_000
"""Values in one document, with what its aliases stand for."""


class DuplicateKey(ValueError):
    """A mapping has a key twice, of which PyYAML would take the last."""


@cache
def limited_loader() -> type[SafeLoader]:
    """Return PyYAML's safe loader, which also raises ValueError for what it would take in silence.

    That is a document that is too deep or stands for too much, and a key that is there twice.
    """
    import yaml

    class LimitedLoader(yaml.SafeLoader):
        depth = 0

        def compose_node(self, *arguments: Any) -> Any:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
            node = super().compose_node(*arguments)
            self.depth -= 1
            return node

        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            lines: dict[tuple[str, str], int] = {}
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode) or key.tag.endswith(":merge"):
                    continue
                line, name = key.start_mark.line + 1, (key.tag, key.value)
                if name in lines:
                    raise DuplicateKey(f"line {line}: the key {key.value} stands in line {lines[name]} already")
                lines[name] = line
            return node

        def construct_object(self, node: Any, deep: bool = False) -> Any:
            try:
                return super().construct_object(node, deep)
            except ValueError as error:  # such as a date that no calendar has
                kind = node.tag.rpartition(":")[2]
                problem = f"{str(node.value)[:40]} is no {kind} ({error}); a text needs quotes here"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error

        def compose_document(self) -> Any:
            node = super().compose_document()
            if _size(node, {}) > MAX_VALUES:
                raise ValueError(f"it has more than {MAX_VALUES} values, with what its aliases stand for")
            return node

    return LimitedLoader


def yaml_mistake(error: Exception, text: str) -> str:
    """Return what is wrong with a YAML text, as the end of the sentence "it can't be read: …"."""
    import yaml

    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        # What is missing at the end is missed after the last line.
        line = min(error.problem_mark.line + 1, len(text.splitlines()))
        return f"line {line}: {' '.join(filter(None, (error.context, error.problem)))}"
    return "it is nested too deep" if isinstance(error, RecursionError) else " ".join(str(error).split())


def _size(node: Any, sizes: dict[int, int]) -> int:
    """Return how many values a YAML node has with what its aliases stand for; one that holds itself has too many."""
    if id(node) not in sizes:
        sizes[id(node)] = MAX_VALUES + 1  # as long as it is looked at
        value = getattr(node, "value", None)
        entries = value if isinstance(value, list) else []
        parts = [part for entry in entries for part in (entry if isinstance(entry, tuple) else (entry,))]
        sizes[id(node)] = 1 + sum(_size(part, sizes) for part in parts)
    return sizes[id(node)]
