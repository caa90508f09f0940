"""Printing: messages for people on stderr, data and results on stdout. No other module prints.

Secrets are taken out of both. A message is one line and no CI's command, whatever it repeats of names, files and
other programs. A message that nobody can read any more is dropped; data that can't be written is an error.

A task whose result is a table prints it by :func:`result_table`, and the lines that belong to it by :func:`result`; a
table in passing is printed by :func:`table`. Cells and lines are texts, a :class:`Styled` that says what it means, or
a tuple of both; a :class:`Column` says what it is worth. A terminal gets colours and what fits its width
(``terminal/``); a pipe gets everything, without them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from typing import Any, TextIO

from ecr_tasks.errors import EcrTasksError, UnexpectedError
from ecr_tasks.one_line import one_line, without_commands
from ecr_tasks.redaction import redact, redact_document, redact_known
from ecr_tasks.terminal.colour import coloured, has_colour, is_terminal, stay_calm, width_of
from ecr_tasks.terminal.gathering import Pieces, gathered, gathering
from ecr_tasks.terminal.spinner import paused, reminding, spinning
from ecr_tasks.terminal.streams import discard
from ecr_tasks.terminal.text import Column, Meaning, Styled, Text, cleaned, complete, for_person

__all__ = [
    "Column",
    "Meaning",
    "Styled",
    "Text",
    "agrees",
    "ask",
    "can_ask",
    "commands_as",
    "data",
    "document",
    "given_data",
    "in_one_piece",
    "pieces_held_back",
    "result",
    "result_table",
    "say",
    "say_to_ci",
    "serialize",
    "show_error",
    "stay_calm",
    "table",
    "warn",
    "warn_once",
    "with_typed_commands",
    "working",
]


_rewrite_commands: Callable[[str], str] = str


@contextmanager
def commands_as(rewrite: Callable[[str], str]) -> Iterator[None]:
    """Rewrite each text that is for people by a function, in the block: the commands in it as they are typed here."""
    global _rewrite_commands
    before, _rewrite_commands = _rewrite_commands, rewrite
    try:
        yield
    finally:
        _rewrite_commands = before


def with_typed_commands(text: str) -> str:
    """Return a text of ours with its commands as they are typed here; for JSON and the CI, as `say` does itself."""
    return _rewrite_commands(text)


def say(*lines: Text, indent: int = 0) -> None:
    """Print lines for people, on stderr, indented by so many blanks, also where a terminal is too narrow for one.

    It is no error if stderr is closed or its disk is full.
    """
    with suppress(OSError):
        _print("\n".join(_line(line, sys.stderr, indent) for line in lines), sys.stderr)


def result(*lines: Text, indent: int = 0) -> None:
    """Print lines that belong to a task's result, such as what stands above a table, on stdout."""
    _print_data("\n".join(_line(line, sys.stdout, indent) for line in lines))


def result_table(columns: Sequence[Column | str], rows: Sequence[Sequence[Text]], *, indent: int = 0) -> None:
    """Print a table that is a task's result, on stdout.

    On a terminal it fits the width: ids are cut, columns left out, and a line on stderr names those. In a pipe every
    value is complete, an empty one is ``-``, and two or more blanks stand between columns alone: `awk -F '  +'`.
    """
    lines, left_out = _table_lines(columns, rows, sys.stdout, indent=indent)
    _print_data("\n".join(lines))
    _say_left_out(left_out)


def table(columns: Sequence[Column | str], rows: Sequence[Sequence[Text]], *, indent: int = 0) -> None:
    """Print a table for people in passing, on stderr."""
    lines, left_out = _table_lines(columns, rows, sys.stderr, indent=indent, shortens=True)
    with suppress(OSError):
        _print("\n".join(lines), sys.stderr)
    _say_left_out(left_out)


def say_to_ci(command: str) -> None:
    """Print a command of the CI system, on stderr, with its own control characters.

    It is made of texts that may be shown; whole, it could look like a secret: ``;isoutput=true]…``.
    """
    with suppress(OSError):
        _print(redact_known(command), sys.stderr)


def warn(text: str) -> None:
    """Print a warning, on stderr; the run goes on."""
    say((Styled("Warning:", "warning"), f" {text}"))


@cache
def warn_once(text: str) -> None:
    """Print a warning that this process has not printed before."""
    warn(text)


@contextmanager
def in_one_piece(*, programs: bool) -> Iterator[None]:
    """Print what this thread says in the block at its end, in one piece; other threads may print meanwhile.

    The output of the programs that it starts is part of it with ``programs``, and else not shown.
    """
    try:
        with gathering(programs=programs) as lines:
            yield
    finally:
        _pieces.add(lines.text)


def pieces_held_back() -> AbstractContextManager[None]:
    """Return a context after which what threads say in one piece is printed: in it, a program draws its progress."""
    return _pieces.held_back()


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show that work goes on in the block: a line that moves on a terminal, a calm one in a log if it takes long."""
    if gathered() is not None:  # the main thread shows what all of them do
        yield
        return
    if sys.stderr is not None and is_terminal(sys.stderr):
        context = spinning(_message(text), sys.stderr, width_of(sys.stderr))
    else:
        context = reminding(lambda: say(f"still at it: {text}"))
    with context:
        yield


def show_error(error: EcrTasksError) -> None:
    """Show an error on stderr: its cause, then its remedy. On a terminal it is a block beside what others printed."""
    first, *others = error.lines
    title = (Styled("ecr-tasks:", "bad"), Styled(f" {first}"))
    if not is_terminal(sys.stderr):
        say(title, *others)
        return
    from ecr_tasks.terminal.wrap import block

    lines = [title, *((Styled(line),) for line in others[:-1]), (Styled(others[-1], "strong"),)]
    say("", *block(lines, width_of(sys.stderr), sys.stderr.encoding))


def agrees(question: str, *, in_ci: bool = False) -> bool:
    """Ask a yes-or-no question and return whether the answer is yes; in a CI and without a terminal it is no."""
    if not can_ask(in_ci=in_ci):
        warn("There is no terminal to ask on." if not in_ci else "There is nobody to ask in a CI.")
        return False
    return (_answer(f"{question} [y/N]") or "").lower() in ("y", "yes")


def can_ask(*, in_ci: bool) -> bool:
    """Return whether there is a person at a terminal who can answer."""
    return not in_ci and bool(sys.stdin and sys.stdin.isatty())


def ask(question: str, default: str = "") -> str | None:
    """Ask a question at the terminal and return the answer, or the default for an empty one; None at its end."""
    answer = _answer(f"{question} [{default}]:" if default else f"{question}:")
    return answer if answer is None else answer or default


def data(text: str) -> None:
    """Print data, on stdout. A reader that has closed the pipe (`| head`) is no error.

    Raises UnexpectedError when it can't be written, for example to a full disk.
    """
    _print_data(redact(text, arguments=False))


def given_data(text: str) -> None:
    """Print what a user gave, changed where it was asked for: only secrets that this run knows are taken out.

    What merely looks like one must not change in a file of theirs.
    """
    _print_data(redact_known(text, arguments=False))


def given_bytes(content: bytes) -> None:
    """Print a document that a user asked for, byte for byte, on stdout, with the errors of :func:`data`."""
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:
        _print_data(content.decode("utf-8", "replace"))
        return
    with _data_errors(), paused():
        try:
            sys.stdout.flush()
            stream.write(content)
            stream.flush()
        except OSError:
            discard(sys.stdout)
            raise


def document(value: Any) -> None:
    """Print a JSON document, on stdout."""
    _print_data(serialize(value))


def serialize(value: Any, indent: int | None = 2) -> str:
    """Return JSON without secrets, in which no text is a command that a CI reads in the middle of a line."""
    plain = json.loads(json.dumps(value, default=str))
    return json.dumps(redact_document(plain), indent=indent).replace("##", "\\u0023#")


def _answer(prompt: str) -> str | None:
    """Ask at the terminal and return the line that is typed, without blanks around it; None at its end (Ctrl-D)."""
    with suppress(OSError):
        _print(f"{_line(prompt, sys.stderr)} ", sys.stderr, end="")
    try:
        answer = sys.stdin.readline()
    except UnicodeDecodeError:  # bytes that are no text are no answer, either
        answer = "\ufffd\n"
    if not answer.endswith("\n"):
        say("")  # the input ended without a line break
        return None
    return answer.strip()


def _print_data(text: str) -> None:
    with _data_errors():
        _print(text, sys.stdout)


@contextmanager
def _data_errors() -> Iterator[None]:
    """Take a reader that has closed the pipe for the end, and raise UnexpectedError when stdout can't be written."""
    try:
        yield
    except BrokenPipeError:
        return
    except OSError as error:
        raise UnexpectedError(
            f"stdout can't be written: {error.strerror}.",
            "Make room where it is written to, and run it again; what is done stays done.",
        ) from error


def _table_lines(
    columns: Sequence[Column | str],
    rows: Sequence[Sequence[Text]],
    stream: TextIO | None,
    *,
    indent: int,
    shortens: bool = False,
) -> tuple[list[str], tuple[str, ...]]:
    """Return a table's lines for a stream, and the heads of the columns that are left out of it."""
    from ecr_tasks.terminal.tables import as_columns, complete_lines, fitted_lines

    columns = as_columns(columns)
    left_out: tuple[str, ...] = ()
    cells = [[cleaned(cell, _clean) for cell in row] for row in rows]
    if is_terminal(stream):
        from ecr_tasks.terminal.wrap import LEAST_WIDTH

        width = max(width_of(stream) - indent, LEAST_WIDTH)
        lines, left_out = fitted_lines(columns, cells, width, colour=has_colour(stream))
    else:
        if shortens:
            cells = [[for_person(cell) for cell in row] for row in cells]
        plain = complete_lines(columns, cells)
        shown = complete_lines(columns, cells, colour=True) if has_colour(stream) else plain
        lines = [_harmless(*pair) for pair in zip(plain, shown, strict=True)]
    return [" " * indent + line for line in lines], left_out


def _say_left_out(heads: Sequence[str]) -> None:
    if heads:
        say(Styled(f"(no room for: {', '.join(heads)})", "dim"))


def _line(text: Text, stream: TextIO | None, indent: int = 0) -> str:
    """Return a line as a stream shows it; on a terminal, it is wrapped between its words."""
    parts = for_person(cleaned(text, _clean))
    lines: Iterable[tuple[Styled, ...]] = [(Styled(" " * indent), *parts)]
    if is_terminal(stream):
        lines = _wrapped(parts, width_of(stream), indent)
    colour = has_colour(stream)
    return "\n".join(_harmless(complete(line), coloured(line) if colour else complete(line)) for line in lines)


def _wrapped(parts: tuple[Styled, ...], width: int, indent: int) -> Iterator[tuple[Styled, ...]]:
    from ecr_tasks.terminal.wrap import hanging, wrapped

    return hanging(parts, width, indent) if indent else wrapped(parts, width)


def _harmless(line: str, shown: str) -> str:
    """Return a line as it is shown, with colours perhaps; without them if it would be a CI's command."""
    harmless = without_commands(line)
    return shown if harmless == line else harmless


def _clean(text: str) -> str:
    return one_line(redact(with_typed_commands(text)))


def _message(text: str) -> str:
    return without_commands(_clean(text))


def _print(text: str, stream: TextIO | None, end: str = "\n") -> None:
    """Print to a stream, if there is one. After an OSError, which is raised, the stream goes to the null device."""
    if stream is None:
        return
    if stream is sys.stderr and (lines := gathered()) is not None:
        lines.add(text + end)
        return
    text = text.encode(stream.encoding or "utf-8", "backslashreplace").decode(stream.encoding or "utf-8")
    try:
        with paused():
            print(text + end, end="", file=stream, flush=True)  # in one write, as other threads print, too
    except OSError:
        discard(stream)
        raise


def _show_piece(text: str) -> None:
    with suppress(OSError):
        _print(text, sys.stderr, end="")


_pieces = Pieces(_show_piece)
