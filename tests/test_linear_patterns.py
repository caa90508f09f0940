"""Every regular expression of the package takes time in proportion to the text that it is given.

The expressions are found in the source and evaluated in their module. Each is fed what makes a backtracking matcher
slow: parts of what it matches, many times, and an end that fails. One that is built of a user's text is no constant,
and is held by the tests of its own module.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

import ecr_tasks

LARGE = 4_000
UNNOTICED = 0.004
"""Seconds of this thread that nobody notices, at the large size."""
SAMPLES = "a0A \n\t_-./:=,;\"'\\<>()[]{}$#@!*é\x01\r~%+&?|"
ENDS = ("\0", "\n!")
REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT)
POSITION_OF_FLAGS = {"match": 2, "fullmatch": 2, "search": 2, "findall": 2, "finditer": 2, "split": 3, "sub": 4}


class Use(NamedTuple):
    pattern: re.Pattern[Any]
    function: str


def test_every_pattern_is_linear() -> None:
    uses = dict(_uses())
    assert len(uses) > 200
    assert {place: found for use, place in uses.items() if (found := _slowest(use))} == {}


def test_slow_patterns_are_found() -> None:
    for pattern in (r"(a+)+b", r"\s*(?:x\s*)*!", r"\w+=", r"<[^>]*>", r"(?m)^(.*?,)*$x"):
        assert _slowest(Use(re.compile(pattern), "search")), pattern


def _uses() -> Iterator[tuple[Use, str]]:
    """Yield each use of an expression that is a constant, with its place."""
    for module in pkgutil.walk_packages(ecr_tasks.__path__, "ecr_tasks."):
        if module.name.endswith(("__main__", "pytest_plugin")):
            continue
        imported = importlib.import_module(module.name)
        for node in ast.walk(ast.parse(Path(str(imported.__file__)).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                pattern = _pattern(node, node.func, vars(imported))
                if pattern is not None:
                    yield Use(pattern, node.func.attr), f"{module.name}:{node.lineno}"


def _pattern(call: ast.Call, function: ast.Attribute, namespace: dict[str, Any]) -> re.Pattern[Any] | None:
    if function.attr not in POSITION_OF_FLAGS:
        return None
    if not (isinstance(function.value, ast.Name) and function.value.id == "re"):
        value = _value(function.value, namespace)
        return value if isinstance(value, re.Pattern) else None
    source = _value(call.args[0], namespace)
    if not isinstance(source, (str, bytes, re.Pattern)):
        return None
    flags = [item.value for item in call.keywords if item.arg == "flags"]
    flags += call.args[POSITION_OF_FLAGS[function.attr] :]
    return re.compile(source, _value(flags[0], namespace) if flags else 0)


def _value(node: ast.expr, namespace: dict[str, Any]) -> Any:
    try:
        return eval(compile(ast.Expression(node), "", "eval"), dict(namespace))  # noqa: S307 - our own source
    except (NameError, TypeError, AttributeError, re.error):
        return None  # it has local names


def _slowest(use: Use) -> str | None:
    """Return a text for which the use takes more than in proportion, or None."""
    source = use.pattern.pattern
    text = source if isinstance(source, str) else source.decode("latin-1")
    tree = sre_parser.parse(text, use.pattern.flags & (re.VERBOSE | re.IGNORECASE | re.MULTILINE | re.DOTALL))
    for (start, pump), end in product(sorted({item for item in _pumps(tree) if item[1]}), ENDS):
        for count in (16, 24, LARGE // len(pump) + 1):  # the first two are enough for an exponential one
            seconds = _seconds(use, start + pump * count + end)
            if seconds > UNNOTICED and (seconds := _growing(use, start, pump, end, count)):
                return f"{use.function} {text!r}: {start!r} + {pump!r} * {count} + {end!r} in {seconds:.3f} s"
    return None


def _growing(use: Use, start: str, pump: str, end: str, count: int) -> float:
    """Return the seconds of a text that take more than in proportion to its length, or 0.

    One that is near to what nobody notices is measured once more at four times the length, where a busy machine's
    noise is small beside it.
    """
    # Of the short texts, for exponential ones, a longer one might never end.
    for times in (1, 4) if count > 24 else (1,):
        seconds = min(_seconds(use, start + pump * (count * times) + end) for _ in range(3))
        fourth = min(_seconds(use, start + pump * (count * times // 4) + end) for _ in range(3))
        if seconds <= UNNOTICED or seconds <= 9 * fourth:
            return 0.0
        if seconds > 10 * UNNOTICED:
            break
    return seconds


def _seconds(use: Use, text: str) -> float:
    subject: Any = text.encode("latin-1", "replace") if isinstance(use.pattern.pattern, bytes) else text
    begin = time.thread_time()
    result = use.pattern.sub(subject[:0], subject) if use.function == "sub" else _call(use, subject)
    if use.function == "finditer":
        list(result)
    return time.thread_time() - begin


def _call(use: Use, subject: Any) -> Any:
    return getattr(use.pattern, use.function)(subject)


def _pumps(items: Any, start: str = "") -> Iterator[tuple[str, str]]:
    """Yield what to put before a repeated text, and the text: the bodies of repetitions, and what leads to them."""
    seen: list[Any] = []
    before = start
    for operator, value in items:
        seen.append((operator, value))
        if operator in REPEATS:
            yield from ((before, example) for example in _examples(value[2], 5))
            yield from _pumps(value[2], before)
        elif operator is sre.SUBPATTERN:
            yield from _pumps(value[3], before)
        elif operator is sre.BRANCH:
            for branch in value[1]:
                yield from _pumps(branch, before)
        elif operator in (sre.ASSERT, sre.ASSERT_NOT):
            yield from _pumps(value[1], before)
        yield from (("", example) for example in _examples(seen, 2))
        before = start + next(iter(_examples(seen, 1)), "")


def _examples(items: Iterable[Any], most: int = 3) -> Sequence[str]:
    """Return texts that a part of an expression matches, without regard to what is around it."""
    texts = [""]
    for operator, value in items:
        texts = [text + more for text in texts for more in _of_one(operator, value)][:most]
    return texts


def _of_one(operator: Any, value: Any) -> Sequence[str]:
    if operator is sre.LITERAL:
        return [chr(value)]
    if operator is sre.NOT_LITERAL:
        return [next(char for char in SAMPLES if ord(char) != value)]
    if operator is sre.ANY:
        return ["a", " ", "/"]
    if operator is sre.IN:
        return [char for char in SAMPLES if _is_in(value, char)][:5] or ["a"]
    if operator is sre.BRANCH:
        return [example for branch in value[1] for example in _examples(branch, 2)][:6]
    if operator is sre.SUBPATTERN:
        return _examples(value[3])
    if operator in REPEATS:
        return [example * max(value[0], 1) for example in _examples(value[2])]
    return [""]


def _is_in(members: Any, char: str) -> bool:
    classes = {"DIGIT": char.isdigit(), "SPACE": char.isspace(), "WORD": char.isalnum() or char == "_"}
    found = negated = False
    for operator, value in members:
        if operator is sre.NEGATE:
            negated = True
        elif operator is sre.LITERAL:
            found |= ord(char) == value
        elif operator is sre.RANGE:
            found |= value[0] <= ord(char) <= value[1]
        elif operator is sre.CATEGORY:
            name = str(value).removeprefix("CATEGORY_")
            found |= classes[name.removeprefix("NOT_")] != name.startswith("NOT_")
    return found != negated
