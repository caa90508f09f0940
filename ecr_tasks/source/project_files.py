"""What is in a project's folder before anything is set: Dockerfiles, tasks, settings, a CI's file."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ecr_tasks.ci.systems import SYSTEMS
from ecr_tasks.files import is_file, is_folder, read_text
from ecr_tasks.frozen import dataclass

_DEPTH = 2
_SKIPPED = {"node_modules", "vendor", "dist", "target", "__pycache__", "venv", "site-packages", "test", "tests"}
_DOCKERFILE = re.compile(r"(?i:dockerfile|containerfile)(\.[\w.-]+)?|[\w.-]+\.(?i:dockerfile|containerfile)")
_NO_DOCKERFILE = (".dockerignore", ".md", ".txt", ".bak", ".orig", ".swp", ".j2", ".tmpl", ".template", ".lock")

_FOR_DOCKER = {
    "docker",
    ".docker",
    "build",
    "deploy",
    "deployment",
    "ci",
    ".ci",
    "ops",
    "infra",
    "container",
    "containers",
}
"""Folders that usually have a Dockerfile for the sources beside them."""

_COPY = re.compile(r"(?im)^[ \t]*(?:COPY|ADD)[ \t]+((?:--\S+[ \t]+)*)([^\[\n<#]+)$")


@dataclass(frozen=True)
class TasksFile:
    """A project's own tasks: whether ours are among them, and what stands in it, to say what to add."""

    name: str
    has_ours: bool
    tasks: tuple[str, ...] = ()
    namespace: str = ""
    """The name of its collection, ``ns`` or ``namespace``; empty without one."""
    has_root_names: bool = False
    """Whether ours are its collection, so that they are `inv build` and not, for example, `inv ecr.build`."""
    is_invokes: bool = False
    """Whether it is one of Invoke's: other programs have a tasks.py, too."""
    mistake: str = ""
    """Why it can't be loaded, with its line; empty if nothing is known to be wrong."""


def dockerfiles(project: Path) -> tuple[str, ...]:
    """Return the Dockerfiles of a project, relative to it and the uppermost first."""
    return tuple(sorted(_dockerfiles(project, project, _DEPTH), key=lambda name: (name.count("/"), name)))


def _dockerfiles(folder: Path, project: Path, depth: int) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        name = entry.name
        if entry.is_dir(follow_symlinks=False):
            is_hidden = name.startswith(".") and name not in _FOR_DOCKER
            if depth and not is_hidden and name not in _SKIPPED:
                yield from _dockerfiles(Path(entry.path), project, depth - 1)
        elif _DOCKERFILE.fullmatch(name) and not name.lower().endswith(_NO_DOCKERFILE) and entry.is_file():
            yield Path(entry.path).relative_to(project).as_posix()


def context_of(dockerfile: str, text: str, exists: Callable[[str], bool]) -> str:
    """Return the folder that a Dockerfile is most likely built in: its own, or the project (``.``).

    That is where more of what it copies is; ``exists`` is asked for paths relative to the project. If that doesn't
    tell, it is its own folder, unless that is one for Dockerfiles alone.
    """
    folder = dockerfile.rpartition("/")[0]
    if not folder:
        return "."
    copied = [
        source
        for match in _COPY.finditer(text)
        if "--from" not in match[1]
        for source in match[2].split()[:-1]
        if not re.search(r"[$*?\[]|://", source) and source.strip("./")
    ]
    in_folder = sum(exists(f"{folder}/{source}") for source in copied)
    in_project = sum(exists(source.lstrip("/")) for source in copied)
    if in_folder != in_project:
        return folder if in_folder > in_project else "."
    return "." if folder.rpartition("/")[2] in _FOR_DOCKER else folder


def tasks_file(project: Path) -> TasksFile | None:
    """Return a project's own tasks; None if it has none, and a name without tasks for a folder called ``tasks``."""
    for name in ("tasks.py", "tasks/__init__.py"):
        if is_file(project / name):
            try:
                text = read_text(project / name, "utf-8-sig")
                module = ast.parse(text)
            except SyntaxError as error:
                return TasksFile(name, has_ours=False, mistake=f"line {error.lineno}: {error.msg}")
            except (OSError, ValueError, RecursionError, MemoryError) as error:
                return TasksFile(name, has_ours=False, mistake=str(error))
            return _tasks_of(name, module)
    # A tasks.py would hide such a folder from Python's import.
    return TasksFile("tasks/", has_ours=False) if is_folder(project / "tasks") else None


def _tasks_of(name: str, module: ast.Module) -> TasksFile:
    imported = {
        part.partition(".")[0]
        for node in ast.walk(module)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for part in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    tasks = [node.name for node in module.body if isinstance(node, ast.FunctionDef) and _is_task(node)]
    targets = [
        target.id
        for node in module.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    ]
    namespace = next((name for name in ("ns", "namespace") if name in targets), "")
    is_ours = any(
        isinstance(node, ast.ImportFrom)
        and node.module == "ecr_tasks"
        and any((alias.name, alias.asname or "ns") == ("ns", "ns") for alias in node.names)
        for node in module.body
    )
    return TasksFile(
        name,
        "ecr_tasks" in imported,
        tuple(tasks),
        namespace,
        is_ours and not namespace,
        not imported.isdisjoint(("invoke", "ecr_tasks")),
    )


def _is_task(function: ast.FunctionDef) -> bool:
    decorators = (node.func if isinstance(node, ast.Call) else node for node in function.decorator_list)
    names = (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "") for node in decorators)
    return "task" in names


def ci_systems(project: Path) -> tuple[str, ...]:
    """Return the names of the CI systems that have a file here."""
    return tuple(
        name
        for name, system in SYSTEMS.items()
        if (project / system.path).exists() or (name == "github" and is_folder(project / ".github" / "workflows"))
    )


def irregular(project: Path, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the name and the reason of each file that is there and can't be read."""
    from ecr_tasks.files import unreadable_reason

    for name in names:
        if os.path.lexists(project / name) and (reason := unreadable_reason(project / name)):
            yield name, reason
