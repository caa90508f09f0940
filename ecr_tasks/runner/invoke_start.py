"""What Invoke is started with, its own flags and the project: a sentence for what it can't read.

Invoke (3.0) itself takes a wrong value in silence, or ends with a traceback: also where nobody reads its help to the
end. What it says of a line that it can't parse names no remedy.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING

from invoke.exceptions import ParseError
from invoke.program import Program

from ecr_tasks.errors import SettingsError
from ecr_tasks.runner.invoke_config import check_file, check_project, exit_with
from ecr_tasks.runner.typed_commands import typed_commands
from ecr_tasks.terminal.streams import no_reader_allowed

if TYPE_CHECKING:
    from types import FrameType

    from invoke.parser.argument import Argument

_CHOICES = {"hide": ("out", "stdout", "err", "stderr", "both"), "list-format": ("flat", "nested", "json")}
"""What the flags may be of which Invoke looks at the value late, or never (its documentation, "The inv command")."""

_ENDINGS = (".yaml", ".yml", ".json", ".py")
_RUNTIME_CONFIG = "INVOKE_RUNTIME_CONFIG"
_HELP = "`inv --help` shows the flags."
_NO_NUMBER = r"(?s)invalid literal for int\(\) with base 10: (?P<word>.*)"


def check_project_being_loaded() -> None:
    """Check Invoke's flags, and the configuration of the project whose tasks.py is being loaded, read right after it.

    What Invoke reads before, the user's own, is out of reach here. Raises Invoke's Exit with code 2.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        module, local = frame.f_globals.get("__name__"), frame.f_locals
        spec = local.get("spec") if module == "invoke.loader" else None
        if isinstance(spec, ModuleSpec) and spec.origin:
            folder = Path(spec.origin).parent
            check_project(folder.parent if spec.submodule_search_locations else folder)
        program = local.get("self") if module == "invoke.program" else None
        if isinstance(program, Program) and hasattr(program, "core"):
            check_core_flags(program)
            _end_well(program)
            return
        frame = frame.f_back


def _end_well(program: Program) -> None:
    """Make Invoke's own program end soon, without a traceback at a closed pipe, and with a remedy at a wrong line."""
    if type(program).parse_tasks is not Program.parse_tasks:  # `ecr-tasks`, or a program of the user's own
        return
    parse, clean_up = program.parse_tasks, program.parse_cleanup

    def parse_tasks() -> None:
        try:
            with core_flags_checked(program):
                parse()
        except ParseError as error:
            words = str(error)
            is_task = words.startswith("No idea what") and not words.startswith(
                ("No idea what '-", 'No idea what "-')
            )
            task = error.context.name if error.context and not is_task else None
            help_ = f"`inv --help {task}` shows what can be written." if task else "`inv --list` shows the tasks."
            raise ParseError(f"{words}\n{typed_commands(str)(help_)}", error.context) from error

    def parse_cleanup() -> None:
        with no_reader_allowed():
            gc.freeze()  # at its end Python would search all that is loaded for garbage, as long as it took to load
            clean_up()

    vars(program).update(parse_tasks=parse_tasks, parse_cleanup=parse_cleanup)


@contextmanager
def core_flags_checked(program: Program) -> Iterator[None]:
    """Check the flags that Invoke parses in the block; what is wrong with them is why it can't parse others.

    Raises Invoke's Exit with code 2, after a sentence.
    """
    try:
        yield
    except ValueError as error:  # Invoke makes numbers of those flags that are one
        match = re.fullmatch(_NO_NUMBER, str(error))
        if match is None:
            raise
        cause = f"{match['word']} is no number, which one of the flags here needs."
        raise exit_with(SettingsError(cause, _HELP)) from error
    except ParseError:
        if hasattr(program, "parser"):  # otherwise it is about the first of them
            check_core_flags(program)
        raise
    check_core_flags(program)


def check_core_flags(program: Program) -> None:
    """Check Invoke's flags, as far as it has parsed them, and the file that they or INVOKE_RUNTIME_CONFIG name.

    Raises Invoke's Exit with code 2, after a sentence.
    """
    try:
        _check_repetitions(program)
        for name, argument in program.args.items():
            if argument.value == "" != argument.default:
                raise SettingsError(f"--{name} is empty.", "Give it a value, or leave it out.")
            choices = _CHOICES.get(name, ())
            if choices and argument.value not in (argument.default, *choices):
                cause = f"--{name} is {argument.value!r}, which is none of {', '.join(choices)}."
                raise SettingsError(cause, _HELP)
        check_runtime_file(program.args.config.value)
    except SettingsError as error:
        raise exit_with(error) from error


def check_runtime_file(flag: str | None) -> None:
    """Check the file that Invoke reads last, which --config or INVOKE_RUNTIME_CONFIG names; Invoke does without it.

    Raises SettingsError, or Invoke's Exit after a sentence about what is in the file.
    """
    variable = os.environ.get(_RUNTIME_CONFIG)
    path = variable if flag is None else flag
    if path is None:
        return
    name, remedy = (_RUNTIME_CONFIG, "unset it") if path == variable else ("--config", "leave it out")
    file = Path(path).expanduser()
    reason = ""
    if not path.strip():
        reason = "is empty"
    elif not file.exists():
        reason = f"names {path}, which isn't there"
    elif file.is_dir():
        reason = f"names {path}, which is a folder"
    elif file.suffix not in _ENDINGS:
        reason = f"names {path}, whose kind Invoke doesn't know: it ends with none of {', '.join(_ENDINGS)}"
    if reason:
        raise SettingsError(f"{name} {reason}.", f"Correct it, or {remedy}.")
    check_file(file)


def _check_repetitions(program: Program) -> None:
    """Raise SettingsError for a flag that is there twice: Invoke takes the second value for a task, or drops one."""
    own = program.initial_context.flags
    tasks = program.parser.contexts if hasattr(program, "parser") else {}
    of_task: Mapping[str, Argument] = {}
    seen: set[str | None] = set()
    waiting: Argument | None = None
    for word in _parsed_words(program):
        if waiting and not (waiting.optional and word.startswith("-")):
            waiting = None
            continue
        waiting = None
        if word in tasks:
            of_task = tasks[word].flags
            continue
        flag = word.partition("=")[0] if word.startswith("--") else word[:2]
        argument = next((flags[flag] for flags in (of_task, own) if flag in flags), None)
        if argument is None or not argument.takes_value:
            continue
        waiting = argument if word == flag else None
        if flag not in of_task and not argument.optional:
            if argument.name in seen:
                raise SettingsError(f"--{argument.name} is given twice.", "Give it once.")
            seen.add(argument.name)


def _parsed_words(program: Program) -> Sequence[str]:
    """Return the words that Invoke has parsed: all, or before it knows the tasks those before the first one.

    A flag with an equals sign is one of them if only its value is left.
    """
    words, left = program.argv[1:], program.core.unparsed
    words = words[: words.index("--")] if "--" in words else words
    if hasattr(program, "parser"):
        return words
    end = len(words) - len(left)
    return words[: end + 1] if left and words[end] != left[0] else words[:end]
