"""The templates in rules, labels and annotations: ``{{name}}`` and ``{{date 'YYYYMMDD' tz='Asia/Tokyo'}}``.

They are the part of Handlebars (handlebarsjs.com/guide/expressions.html) that is useful in a tag. Blocks,
partials and sub-expressions are errors. The values of expressions are not HTML-escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from ecr_tasks.errors import nearest
from ecr_tasks.frozen import dataclass
from ecr_tasks.tags.syntax import RuleError

_PIECE = r"""(?x)
    \s*(?:(?P<hash>[\w$-]+)=)?(?:'(?P<single>(?:[^'\\]|\\'|\\(?!'))*)'|"(?P<double>(?:[^"\\]|\\"|\\(?!"))*)"
    |(?P<word>[^\s!"#%&'()*+,;<=>@\[\]^`{|}~]+))(?=\s|$)"""
_OPEN = r"(?<!\\)(\\*)(\{\{\{|\{\{)"
_SUPPORTED = "only {{name}} and {{date 'format' tz='zone'}} can stand in a rule"


@dataclass(frozen=True)
class Expression:
    """One ``{{…}}``. ``argument`` is None if there is none, and empty for an unquoted word."""

    name: str
    argument: str | None
    options: Mapping[str, str]
    column: int


@dataclass(frozen=True)
class Template:
    """Literal texts and expressions, in order."""

    parts: tuple[str | Expression, ...]

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Return the expressions without the literal texts."""
        return tuple(part for part in self.parts if isinstance(part, Expression))

    @property
    def is_raw(self) -> bool:
        """Return whether the template is exactly ``{{raw}}``."""
        return len(self.parts) == 1 and isinstance(self.parts[0], Expression) and self.parts[0].name == "raw"

    def render(self, resolve: Callable[[Expression], str]) -> str:
        """Return the text; ``resolve`` returns the value of an expression."""
        return "".join(part if isinstance(part, str) else resolve(part) for part in self.parts)


EMPTY = Template(())


def parse_template(text: str, column: int, names: Collection[str], with_argument: Collection[str] = ()) -> Template:
    """Parse a text that begins at ``column`` of its rule.

    ``names`` are the expressions without an argument, ``with_argument`` those with a format. Raises RuleError for
    bad syntax and for other names, because nobody would notice a tag in which an expression is empty.
    """
    parts: list[str | Expression] = []
    position = 0
    trim = False
    while (opening := re.compile(_OPEN).search(text, position)) is not None:
        literal = text[position : opening.start()]
        slashes = len(opening[1])
        literal += "\\" * max(slashes - 1, 0)
        if slashes == 1:  # \{{name}} is literal text; \\{{name}} is one backslash and an expression
            following = re.compile(_OPEN).search(text, opening.end())
            position = following.start() if following else len(text)
            _add(parts, literal + text[opening.start() + 1 : position], trim)
            trim = False
            continue
        inside, end, where = _inside(text, opening, column)
        before, after = inside.startswith("~"), inside.endswith("~")
        _add(parts, literal.rstrip() if before else literal, trim)
        expression = _expression(inside.removeprefix("~").removesuffix("~"), where + before, names, with_argument)
        if expression is not None:
            parts.append(expression)
        position, trim = end, after
    _add(parts, text[position:], trim)
    return Template(tuple(parts))


def _add(parts: list[str | Expression], literal: str, trim: bool) -> None:
    literal = literal.lstrip() if trim else literal
    if literal:
        parts.append(literal)


def _inside(text: str, opening: re.Match[str], column: int) -> tuple[str, int, int]:
    """Return the text between the braces, the index after them, and the column of that text."""
    start = opening.start(2)
    closing = "}}}" if opening[2] == "{{{" else "}}"
    if text.startswith("{{!--", start):
        closing = "--}}"
    end = text.find(closing, opening.end())
    if end < 0:
        raise RuleError(f"has {opening[2]} without {closing}", column + start)
    if text[end + len(closing) : end + len(closing) + 1] == "}":
        raise RuleError("has one } too many", column + end + len(closing))
    if closing == "--}}":
        return "!", end + len(closing), column + opening.end()
    return text[opening.end() : end], end + len(closing), column + opening.end()


def _expression(
    inside: str, column: int, names: Collection[str], with_argument: Collection[str]
) -> Expression | None:
    """Return the expression of a text between braces; None for a comment."""
    if inside.startswith("!"):
        return None
    column += len(inside) - len(inside.lstrip(" \t&"))
    body = inside.lstrip(" \t&").rstrip()
    is_block = body[:1] in (*"#/^>*", "") or body == "else"
    if is_block or re.search(r"[(){}|]", re.sub(r"'[^']*'|\"[^\"]*\"", "", body)):
        raise RuleError(f"has {{{{{inside}}}}}: {_SUPPORTED}", column)
    first, *tokens = _tokens(body, column)
    name = first["word"]
    if name is None or first["hash"] is not None:
        raise RuleError(f"has {{{{{inside}}}}}: {_SUPPORTED}", column)
    arguments = [token for token in tokens if token["hash"] is None]
    options = {token["hash"]: _value(token) for token in tokens if token["hash"] is not None}
    if name in with_argument:
        if len(arguments) != 1:
            raise RuleError(f"has {{{{{name}}}}} with {len(arguments)} formats: it needs one, in '…'", column)
        for option in options:
            if option != "tz":
                raise RuleError(f"has {{{{{name} {option}=}}}}: its one option is tz=", column)
        return Expression(name, _value(arguments[0]), options, column)
    if name not in names:
        known = [*names, *with_argument]
        near = nearest(name, known, cutoff=0.6)
        suggestion = f"did you mean {{{{{near}}}}}?" if near else f"here there are {', '.join(known)}"
        raise RuleError(f"has {{{{{name}}}}}, which nothing gives here: {suggestion}", column)
    if arguments or options:
        raise RuleError(f"has {{{{{name}}}}} with an argument, and it takes none", column)
    return Expression(name, None, {}, column)


def _tokens(body: str, column: int) -> list[re.Match[str]]:
    tokens = []
    position = 0
    while position < len(body):
        token = re.compile(_PIECE).match(body, position)
        if token is None:
            raise RuleError(f"can't be read at {body[position:].strip()[:20]!r}: {_SUPPORTED}", column + position)
        tokens.append(token)
        position = token.end()
    return tokens


def _value(token: re.Match[str]) -> str:
    """Return a quoted text; empty for an unquoted word: it would be a Handlebars variable, and there are none."""
    if token["single"] is not None:
        return token["single"].replace("\\'", "'")
    if token["double"] is not None:
        return token["double"].replace('\\"', '"')
    return ""
