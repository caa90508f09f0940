"""The `init` task: look at a project, ask for what can't be known, write starting files, say what to type."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_tasks.console import ask, can_ask, say, warn
from ecr_tasks.errors import SettingsError
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.plan.starting_files import Start
    from ecr_tasks.plan.starting_point import Answers, Question, StartingPoint
    from ecr_tasks.runner.run import Run
    from ecr_tasks.source.source_state import SourceState


@task(
    help={
        "region": "the registry's region",
        "account": "the registry's account, 12 digits",
        "repository": "the repository of one image",
        "prefix": "what the repositories of a bake or compose file's images begin with",
        "profile": "a profile of ~/.aws/config",
        "dockerfile": "the Dockerfile, where there are several or a bake or compose file is not meant",
        "yes": "ask nothing: take what is proposed",
    }
)
def init(
    run: Run,
    region: str = "",
    account: str = "",
    repository: str = "",
    prefix: str = "",
    profile: str = "",
    dockerfile: str = "",
    yes: bool = False,
) -> None:
    """Write starting files, and say what to type next.

    They fit what is here, and lead to a first push; nothing is overwritten.
    """
    from ecr_tasks.plan import starting_files, starting_point
    from ecr_tasks.runner.starting_point import caller_account, look

    here = look(run, needs_images=not dockerfile)
    flags = starting_point.Answers(region, account, repository, prefix, profile, dockerfile)
    given = starting_point.check_flags(flags, here)
    if run.project != Path.cwd():
        say(f"the project is {run.project}")
    _say_what_is_here(here)
    # With flags, only what they leave open is asked: a pasted line would be the answer to anything else.
    asks = can_ask(in_ci=run.in_ci)
    has_flags = flags != starting_point.Answers()
    questions = starting_point.questions if asks and not has_flags else starting_point.open_questions
    asked = () if yes else questions(given, here)
    if asked and not asks:
        raise starting_point.no_answers(asked)
    names = [question.name for question in asked]
    for name in names:
        # Asked for anew, because an answer may change what the next one's default is.
        question = next((one for one in questions(given, here) if one.name == name), None)
        if name == "account" and question and not question.default:
            question = replace(question, default=caller_account(run, starting_point.propose(given, here), here))
        if question:
            given = replace(given, **{name: _answer(question, here)})
    answers = starting_point.propose(given, here)
    if "account" not in names and not answers.account:
        answers = replace(answers, account=caller_account(run, answers, here))
    starting_point.check_answers(answers, here)
    source = run.source
    written = _write(run, starting_files.start(answers, here, _context(run.project, answers)), here.env_file)
    for text in starting_files.beaten_by_environment(answers, here):
        warn(text)
    _say_what_next(run, answers, here, written, source)


def _say_what_is_here(here: StartingPoint) -> None:
    from ecr_tasks.model.wording import name_some

    if here.definition:
        targets = name_some(here.targets) if here.targets else "its images can't be listed now"
        say(f"found {', '.join(here.definition)}: {targets}")
    if here.dockerfiles:
        say(f"found {name_some(here.dockerfiles)}")
    if not (here.definition or here.dockerfiles):
        warn("There is no Dockerfile and no bake or compose file with images here yet: the first build needs one.")
    if here.tasks is not None and here.tasks.name.endswith("/"):
        say(f"found a folder {here.tasks.name}, which a tasks.py would hide from Python: `ecr-tasks` needs none")
    if here.tasks is not None and here.tasks.mistake:
        then = "" if here.tasks.has_ours else ", and run this again: what to add to it depends on what it has"
        warn(f"{here.tasks.name} can't be loaded: {here.tasks.mistake}. Correct it{then}; `ecr-tasks` needs none.")


def _answer(question: Question, here: StartingPoint) -> str:
    """Ask until there is an answer that is one. Raises SettingsError at the end of the input."""
    from ecr_tasks.plan.starting_point import check_answer
    from ecr_tasks.settings.errors import Malformed

    while True:
        text = ask(question.text, question.default)
        if text is None:
            raise SettingsError("The input ended before the last answer.", "Run it again; nothing has been written.")
        if not text and not question.needed:
            return ""
        try:
            return check_answer(question.name, text, here)
        except Malformed as error:
            say(*error.messages, indent=2)


def _context(project: Path, answers: Answers) -> str:
    from ecr_tasks.files import exists, read_text
    from ecr_tasks.source.project_files import context_of

    if not answers.dockerfile:
        return "."
    try:
        text = read_text(project / answers.dockerfile, errors="replace")
    except OSError:
        return "."
    return context_of(answers.dockerfile, text, lambda path: exists(project / path))


def _write(run: Run, start: Start, env_file: str) -> tuple[str, ...]:
    """Write the files, say so and what to add to others, and return the names of all that then are to be committed.

    Raises SettingsError with what was done.
    """
    from ecr_tasks.files import append_lines, read_bytes, write_remedy
    from ecr_tasks.plan.starting_files import ignored, missing_lines

    done: list[str] = []
    names: list[str] = []
    would = "would be " if run.dry else ""
    try:
        for file in start.files:
            if not run.dry:
                _create(run.project / file.name, file.text, 0o600 if file.is_private else 0o644)
            done.append(f"{file.name}: {would}written")
            names += [] if file.is_private else [file.name]
        for name, patterns in ignored(env_file).items():
            path = run.project / name
            content = read_bytes(path) if path.exists() else b""
            missing = missing_lines(content, patterns)
            if missing and not run.dry:
                append_lines(path, missing)
            done.append(f"{name}: {would}given {', '.join(missing)}" if missing else f"{name}: has what it needs")
            names += [name] if missing else []
    except OSError as error:
        raise SettingsError(
            f"{error.filename} can't be written: {error.strerror}.",
            f"{write_remedy(error)} Then run it again.",
            done,
        ) from error
    say(*done, *(f"{name}: there already, left alone" for name in start.kept))
    for addition in start.additions:
        say("", f"Add {addition.where}:", *(f"    {line}" if line else "" for line in addition.lines))
        names += [] if addition.is_private else [addition.file]
    return tuple(names)


def _create(path: Path, text: str, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)


def _say_what_next(
    run: Run, answers: Answers, here: StartingPoint, written: Sequence[str], source: SourceState
) -> None:
    from ecr_tasks.clients.python_packages import typed
    from ecr_tasks.model.wording import name_some
    from ecr_tasks.plan.starting_files import ignored, next_lines
    from ecr_tasks.source.git.read import ignored_names
    from ecr_tasks.source.project_files import ci_systems

    in_git = source.root is not None
    changed = [os.path.relpath(source.root / path, run.project) for path in source.changes] if source.root else []
    ours = (
        here.invoke_file,
        here.tasks.name if here.tasks else "",
        *ignored(here.env_file),
    )  # an earlier run may have written them
    to_commit = (*written, *(path for path in ours if path in changed and path not in written))
    others = [path for path in changed if path not in to_commit]
    if not in_git:
        say("", "This folder is in no git repository, so the image's tag will be `unversioned`.")
    elif others and source.revision is not None:
        say(
            "", f"Uncommitted before: {name_some(tuple(others))}. Commit them too, or the image's tag ends in -dirty."
        )
    program = typed("ecr-tasks") or "ecr-tasks"
    for name in ci_systems(run.project):
        say(f"For CI: `{program} ci.init {name}` writes a pipeline.")
    hidden = ignored_names(run.project, to_commit, environ=os.environ)
    if hidden:
        say(f"git ignores {name_some(hidden)}, which CI and everybody else need: --force adds it all the same.")
    to_commit = tuple(name for name in to_commit if name not in hidden)
    if to_commit and source.revision is None:  # before the first commit
        to_commit = ("--all",)
    lines = next_lines(answers, here, to_commit, ignored=hidden, in_git=in_git, inv=typed("inv"), program=program)
    say("", "Next, type:", *(f"    {line}" for line in lines))
