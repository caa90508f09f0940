"""The keys in a bake file's targets that buildx passes over in silence: misspelt ones, and those of a newer buildx.

bake refuses a file that is no HCL, but takes any attribute (buildx, bake/hclparser decodes what it knows).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from ecr_tasks.documents import parse_json
from ecr_tasks.errors import nearest

KEYS = frozenset(
    {
        *("annotations", "args", "attest", "cache-from", "cache-to", "call", "context", "contexts", "description"),
        *("dockerfile", "dockerfile-inline", "entitlements", "extra-hosts", "inherits", "labels", "matrix", "name"),
        *("network", "no-cache", "no-cache-filter", "output", "platforms", "policy", "pull", "resources", "secret"),
        *("shm-size", "ssh", "tags", "target", "ulimits"),
    }
)
"""The keys of a target (buildx 0.36, bake/bake.go: Target)."""

_NEWER = frozenset({"policy", "resources"})
"""Keys that a buildx of 0.29 does not know."""

_TOKEN = re.compile(
    r"""(?P<heredoc> <<-?(?P<mark>\w+)(?!\w)[^\n]*\n(?:.*\n)*?[ \t]*(?P=mark)(?=\s|$))
    | (?P<comment> /\*[\s\S]*?\*/ | (?:\#|//)[^\n]*)
    | (?P<string> ") | (?P<open> [{\[(]) | (?P<close> [}\])])
    | (?P<word> [A-Za-z_][\w-]*) | (?P<equals> (?<![!<>=])=(?![=>])) | (?P<space> \s+) | (?P<other> .)""",
    re.VERBOSE,
)


def unused_keys(text: str, shown: Collection[str]) -> Iterator[str]:
    """Yield a clause for each key in a bake file's targets that buildx doesn't use; ``shown`` are those it prints."""
    for target, key in dict.fromkeys(_json_keys(text) if text.lstrip().startswith("{") else _hcl_keys(text)):
        if key not in KEYS:
            suggestion = nearest(key, sorted(KEYS), 0.6)
            yield f"{target}'s {key} is no key of bake's{f' (did you mean {suggestion}?)' if suggestion else ''}"
        elif key in _NEWER and key not in shown:
            yield f"{target}'s {key} needs a newer buildx"


def _json_keys(text: str) -> Iterator[tuple[str, str]]:
    try:
        document: Any = parse_json(text)
    except ValueError:
        return
    targets = document.get("target") if isinstance(document, dict) else None
    for name, bodies in targets.items() if isinstance(targets, dict) else ():
        for body in bodies if isinstance(bodies, list) else [bodies]:
            yield from ((name, key) for key in body if key != "//") if isinstance(body, dict) else ()


def _hcl_keys(text: str) -> Iterator[tuple[str, str]]:
    """Yield the target and the key of each attribute of a target block (HCL's native syntax specification)."""
    position, depth, target, words = 0, 0, "", [""]
    while match := _TOKEN.match(text, position):
        kind, token, position = match.lastgroup, match.group(), match.end()
        if kind in ("space", "comment", "heredoc", "mark"):
            continue
        if kind == "string":
            end = _string_end(text, position)
            token, position = text[position : end - 1], end
        if kind == "open":
            if depth == 0:
                target = words[-1] if words[-2:-1] == ["target"] else ""
            depth += 1
        elif kind == "close":
            depth -= 1
        elif kind == "equals" and depth == 1 and target:
            yield target, words[-1]
        words = [*words[-1:], token]


def _string_end(text: str, position: int) -> int:
    """Return the index behind the quote that closes a string; a template in it may hold strings of its own."""
    depth = 0
    while position < len(text):
        char = text[position]
        if depth == 0 and char == "\\":
            position += 1
        elif depth == 0 and text[position : position + 3] in ("$${", "%%{"):
            position += 2
        elif text[position : position + 2] in ("${", "%{") or (depth and char == "{"):
            depth += 1
            position += char in "$%"
        elif depth and char == "}":
            depth -= 1
        elif char == '"':
            if depth == 0:
                return position + 1
            position = _string_end(text, position + 1) - 1
        position += 1
    return position
