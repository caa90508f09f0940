"""The files that `init` writes for a project, what it says to add to those that are there, and what to type next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from ecr_tasks.frozen import dataclass
from ecr_tasks.plan.starting_point import SETTINGS, Answers, StartingPoint, has_several
from ecr_tasks.settings.invoke_files import SectionStyle
from ecr_tasks.settings.schema import TABLE

IGNORED: Mapping[str, tuple[str, ...]] = {
    ".gitignore": (".env", ".env.*", "!.env.example", ".ecr-tasks/"),
    ".dockerignore": (".env", ".env.*", ".git", ".ecr-tasks"),
}
"""The lines that each file gets if it hasn't, but for a dotenv file of another name."""

_TASKS = """\
from ecr_tasks import ns

__all__ = ["ns"]
"""
_HEAD = """\
# What everybody and CI share, for ecr-tasks: commit this file. Keys and what is yours alone go into {env_file}.
# Any setting can stand here, in lower case and without ECR_: `inv settings` shows them.
ecr:
"""
_EXAMPLES = """\
  # platforms: linux/amd64,linux/arm64
  # tags: type=semver,pattern={{version}};type=ref,event=branch;type=ref,event=pr;type=sha
  # destinations: 210987654321/eu-west-1
"""
_ENV_HEAD = (
    "# Keys and what is yours alone, for ecr-tasks; git ignores it. {invoke_file} has what everybody shares.\n"
)


@dataclass(frozen=True)
class StartingFile:
    """A file to write; ``is_private`` ones only their owner can read, because users may write keys into them."""

    name: str
    text: str
    is_private: bool = False


@dataclass(frozen=True)
class Addition:
    """Lines to paste into a file that is there already, and where in it; ``is_private`` ones are nothing for git."""

    file: str
    where: str
    lines: tuple[str, ...]
    is_private: bool = False


@dataclass(frozen=True)
class Start:
    """What `init` writes, and what it says to add."""

    files: tuple[StartingFile, ...]
    additions: tuple[Addition, ...]
    kept: tuple[str, ...]
    """The files that are there and have all that they need."""


def start(answers: Answers, here: StartingPoint, context: str = ".") -> Start:
    """Return the files and additions; ``context`` is the folder that the answers' Dockerfile is built in."""
    files: list[StartingFile] = []
    additions: list[Addition] = []
    kept: list[str] = []
    section = shared_settings(answers, here, context)
    if not here.invoke_file:
        files.append(StartingFile("invoke.yaml", _invoke_yaml(section, here)))
    elif missing := {key: value for key, value in section.items() if not _stands_in_invoke_file(key, here)}:
        additions.append(section_addition(missing, here.invoke_file, here.section))
    else:
        kept.append(here.invoke_file)
    if here.tasks is None:
        files.append(StartingFile("tasks.py", _TASKS))
    elif here.tasks.has_ours:
        kept.append(here.tasks.name)
    elif not here.tasks.name.endswith("/") and not here.tasks.mistake:
        additions.append(Addition(here.tasks.name, f"at the end of {here.tasks.name}", tasks_lines(here)))
    personal = f"AWS_PROFILE={answers.profile}" if answers.profile else ""
    if not here.has_env_file:
        head = _ENV_HEAD.format(invoke_file=here.invoke_file or "invoke.yaml")
        head += "# It is read in place of .env, which is the application's.\n" if here.env_file != ".env" else ""
        text = f"{head}{personal}\n" if personal else f"{head}#AWS_PROFILE=team-dev\n"
        files.append(StartingFile(here.env_file, text, is_private=True))
    elif personal and here.value("AWS_PROFILE") != answers.profile:
        additions.append(Addition(here.env_file, f"in {here.env_file}", (personal,), is_private=True))
    else:
        kept.append(here.env_file)
    return Start(tuple(files), tuple(additions), tuple(kept))


def shared_settings(answers: Answers, here: StartingPoint, context: str = ".") -> dict[str, str | bool]:
    """Return the settings that everybody shares, by their keys below ``ecr``; unknown ones are left out."""
    section: dict[str, str | bool] = {"region": answers.region, "account_id": answers.account}
    if here.definition and not answers.dockerfile:
        section["bake_file"] = ",".join(here.definition)
    if has_several(here, answers):
        section["repository_prefix"] = answers.prefix
    else:
        section["repository"] = answers.repository
    if answers.dockerfile and answers.dockerfile != "Dockerfile":
        section["context"] = context if context != "." else ""
        is_default = answers.dockerfile == (f"{context}/Dockerfile" if context != "." else "Dockerfile")
        section["dockerfile"] = "" if is_default else answers.dockerfile
    section["create_repository"] = not here.value("ECR_CREATE_REPOSITORY")
    return {key: value for key, value in section.items() if value}


def tasks_lines(here: StartingPoint) -> tuple[str, ...]:
    """Return the lines that add our tasks to a project's own, as `inv ecr.build` and so on."""
    ours = "Collection.from_module(ecr_tasks)"
    tasks = here.tasks
    if tasks is not None and tasks.namespace:
        lines = (f"{tasks.namespace}.add_collection({ours})",)
    else:
        lines = (f"ns = Collection({', '.join([*(tasks.tasks if tasks else ()), ours])})",)
    return ("from invoke.collection import Collection", "", "import ecr_tasks", "", *lines)


def ignored(env_file: str) -> Mapping[str, tuple[str, ...]]:
    """Return the lines that each ignore file is to have; ``env_file`` is the dotenv file for personal things."""
    path = PurePosixPath(env_file)
    is_covered = path.name.startswith(".env") or path.is_absolute() or ".." in path.parts
    own = () if is_covered else (path.as_posix(),)
    return {name: (*own, *lines) for name, lines in IGNORED.items()}


def missing_lines(content: bytes, patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns that an ignore file lacks. Compares bytes, because the file's encoding is not known.

    Later patterns win, so an exception is added again after the patterns that it makes an exception from.
    """
    existing = {line.strip() for line in content.split(b"\n")}
    missing = [line for line in patterns if line.encode() not in existing]
    if missing:
        missing += [line for line in patterns if line.startswith("!") and line not in missing]
    return tuple(missing)


def next_lines(
    answers: Answers,
    here: StartingPoint,
    to_commit: Sequence[str],
    *,
    ignored: Sequence[str] = (),
    in_git: bool,
    inv: str | None = None,
    program: str = "ecr-tasks",
) -> tuple[str, ...]:
    """Return what to type next, up to the first push: on the local ECR where AWS can't be reached yet.

    ``to_commit`` are the new and changed files that belong into git: uncommitted, they make the tag ``-dirty``.
    ``ignored`` ones belong there, too, and git has to be told so.
    ``inv`` and ``program`` are what a person types to start either; ``inv`` is None where it is out of reach.
    """
    tasks = here.tasks
    program = (inv if tasks is None or (tasks.has_root_names and not tasks.mistake) else None) or program
    ready = bool(answers.region) and (here.credentials or bool(answers.profile))
    local = "" if ready else " local"
    looks = ("doctor", "plan") if ready else ("settings", "local plan")
    if (to_commit or ignored) and in_git:
        adds = [f"git add {shlex.join(to_commit)}"] if to_commit else []
        adds += [f"git add --force {shlex.join(ignored)}"] if ignored else []
        commit = " && ".join([*adds, 'git commit -m "Publish images with ecr-tasks"'])
        lines = (commit, f"{program} {looks[0] if ready else looks[1]}")
    else:
        lines = (f"{program} {looks[0]}", f"{program} {looks[1]}")
    return (*lines, f"{program}{local} build push")


def beaten_by_environment(answers: Answers, here: StartingPoint) -> tuple[str, ...]:
    """Return a sentence for each answer that a variable of the environment overrides."""
    return tuple(
        f"The environment's {setting}={here.value(setting)} beats {getattr(answers, name)}, as long as it is set."
        for name, setting in SETTINGS.items()
        if getattr(answers, name)
        and setting in here.settings
        and here.settings[setting][1].kind == "environment"
        and here.value(setting) != getattr(answers, name)
    )


def _stands_in_invoke_file(key: str, here: StartingPoint) -> bool:
    name = next(name for name, setting in TABLE.items() if setting.field == key)
    return name in here.settings and here.settings[name][1].kind == "config"


def _invoke_yaml(section: Mapping[str, str | bool], here: StartingPoint) -> str:
    lines = []
    if "region" not in section:
        lines.append("  # region: eu-central-1")
    for key, value in section.items():
        comment = "  # the first push creates what is missing" if key == "create_repository" else ""
        lines.append(f"  {_yaml(key, value)}{comment}")
        if key == "region" and "account_id" not in section:
            lines.append('  # account_id: "111122223333"  # credentials of another account are refused')
    return f"{_HEAD.format(env_file=here.env_file)}{chr(10).join(lines)}\n{_EXAMPLES}"


def _yaml(key: str, value: str | bool) -> str:
    return as_yaml({key: value})[0]


def as_yaml(section: Mapping[str, object], *, in_braces: bool = False) -> tuple[str, ...]:
    """Return settings as lines of YAML; ``in_braces`` as one, with a comma after each, to stand between braces."""
    import yaml

    text = yaml.safe_dump(
        dict(section), sort_keys=False, width=10_000, allow_unicode=True, default_flow_style=in_braces
    )
    return (f"{text.strip()[1:-1]},",) if in_braces else tuple(text.splitlines())


def section_addition(section: Mapping[str, str | bool], name: str, style: SectionStyle) -> Addition:
    """Return what to add to Invoke's configuration file ``name``, in whose form the settings there are written."""
    form, is_new = style.form, style.form == "absent"
    if name.endswith(".py"):
        lines = [f"    {key!r}: {value!r}," for key, value in section.items()]
        if is_new:
            return Addition(name, f"at the end of {name}", ("ecr = {", *lines, "}"))
        return Addition(name, f"in {name}, in the mapping ecr", tuple(lines))
    if name.endswith(".json"):
        lines = [f"    {json.dumps(key)}: {json.dumps(value)}," for key, value in section.items()]
        last = lines[-1] if form in ("braces", "lines") else lines[-1].rstrip(",")
        if is_new:
            where = f"in {name}, before the last brace, after a comma"
            return Addition(name, where, ('  "ecr": {', *lines[:-1], last, "  }"))
        return Addition(name, f'in {name}, first in "ecr"', (*lines[:-1], last))
    lines = [f"{' ' * style.indent}{line}" for line in as_yaml(section)]
    if is_new:
        return Addition(name, f"at the end of {name}", ("ecr:", *lines))
    if form == "lines":
        return Addition(name, f"in {name}, below `ecr:`", tuple(lines))
    return Addition(name, f"in {name}, first between the braces of `ecr`", (as_yaml(section, in_braces=True)[0],))
