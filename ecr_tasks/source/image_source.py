"""The source as one image sees it: only what its build reads can make it dirty."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ecr_tasks.errors import SettingsError
from ecr_tasks.files import links_on, resolved
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.bases_lock import NAME
from ecr_tasks.source.build_context.dockerignore import DockerIgnore, existing_dockerfile
from ecr_tasks.source.build_context.walk import ContextFolder, sends_any, unique_folders
from ecr_tasks.source.git.read import git_state
from ecr_tasks.source.source_state import SourceState

_INVOKE_FILES = ("invoke.yaml", "invoke.yml", "invoke.json", "invoke.py")
"""Invoke's configuration of a project, which may contain settings (docs.pyinvoke.org, "Configuration")."""

SOURCE_POLICY = "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY"
"""The variable with the file in which buildx reads what images and addresses to take in place of others."""

_SHOWN = 10

_ATTRIBUTES = ".gitattributes"
"""The file in which git is told how to write those of its folder and below: their bytes may change with it."""


def image_source(
    source: SourceState,
    definitions: Iterable[BuildDefinition],
    settings: Settings,
    definition_files: Iterable[Path] = (),
    *,
    environ: Mapping[str, str],
) -> SourceState:
    """Return the source with only those changes that can reach an image.

    These are changes of files that the contexts of ``definitions`` (the image's, and those that it is built from)
    carry after .dockerignore, of Dockerfiles and ignore files, and of the files with settings or definitions
    (``definition_files``). What ECR_DIRTY_IGNORE names is ``ignored``. Contexts and Dockerfiles ``outside`` of the
    repository count with the changes of their own one; ``environ`` is for git. Raises SettingsError for a malformed
    pattern, and in the same cases as ``git_state``.
    """
    rules = _rules(settings.dirty_ignore)
    if source.root is None:
        return source
    root, folders = source.root, list(unique_folders(definitions, settings.project))
    outside = list(_outside(root, folders))
    others = dict.fromkeys(change for path in outside for change in _other_changes(path, root, environ))
    source = replace(source, outside=tuple(map(str, outside)), changes=(*source.changes, *others))
    if not source.changes:
        return source
    names = (*_INVOKE_FILES, NAME, *([policy] if (policy := environ.get(SOURCE_POLICY)) else []))
    files = {*settings.files, *definition_files, *(settings.project / name for name in names)}
    reads = Reads.of_folders(root, folders, files)
    inside = reads.with_attributes(source.changes)
    ignored = tuple(path for path in inside if rules.ignores(os.path.relpath(root / path, settings.project)))
    changes = tuple(path for path in inside if path not in ignored)
    shown = tuple(os.fsencode(path).decode("utf-8", "backslashreplace") for path in changes[:_SHOWN])
    return replace(source, dirty=bool(changes), changed=shown, changes=changes, ignored=ignored)


def _outside(root: Path, folders: Iterable[ContextFolder]) -> Iterator[Path]:
    """Yield the contexts outside of the repository, and the Dockerfiles that are neither in it nor in these."""
    root = resolved(root)
    contexts = dict.fromkeys(resolved(folder.path) for folder in folders if folder.path.is_dir())
    outside = [path for path in contexts if not path.is_relative_to(root)]
    yield from outside
    dockerfiles = [existing_dockerfile(folder.dockerfile) for folder in folders if folder.dockerfile is not None]
    for path in dict.fromkeys(resolved(file) for file in dockerfiles if file.is_file()):
        if not any(path.is_relative_to(folder) for folder in (root, *outside)):
            yield path


def _other_changes(path: Path, root: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the changed paths of the repository that a path outside of ours is in, relative to ``root``, ours."""
    other = git_state(path if path.is_dir() else path.parent, environ=environ)
    if other.root is not None:
        for change in other.changes:
            yield os.path.relpath(other.root / change, root) + ("/" if change.endswith("/") else "")


@dataclass(frozen=True)
class Reads:
    """What a build reads of a repository with the top ``root``: its contexts, with their rules, and other files.

    ``reported`` are the paths under which git may report those that need not be in a context.
    """

    root: Path
    contexts: Sequence[tuple[Path, DockerIgnore]]
    reported: Collection[str]

    @classmethod
    def of_folders(cls, root: Path, folders: Iterable[ContextFolder], files: Iterable[Path]) -> Reads:
        """Return what builds read of these folders and of other files. Raises SettingsError for a malformed
        .dockerignore.
        """
        rules = [(folder, folder.ignore()) for folder in folders]
        beside = [path for folder, ignore in rules for path in (ignore.file, *folder.read_beside())]
        return cls(
            root, [(resolved(folder.path), ignore) for folder, ignore in rules], reported_as([*files, *beside])
        )

    def of(self, paths: Iterable[str]) -> list[str]:
        """Return those of the repository's paths that the build reads; one with a slash at its end is a folder.

        Of tens of thousands most are far from the contexts, which their texts tell: paths are slow.
        """
        near = [(f"{str(context).rstrip('/')}/", context, ignore) for context, ignore in self.contexts]
        top = str(self.root).rstrip("/")
        return [
            path
            for path in paths
            if (text := os.path.normpath(f"{top}/{path}") if path[:2] == ".." else f"{top}/{path}".rstrip("/"))
            in self.reported
            or any(
                carries(context, ignore, Path(text), is_folder=path.endswith("/"))
                for begin, context, ignore in near
                if text.startswith(begin) or begin.startswith(f"{text}/")
            )
        ]

    def carries(self, path: str) -> bool:
        """Return whether a context may carry one of the repository's files."""
        return any(carries(context, ignore, self.root / path, is_folder=False) for context, ignore in self.contexts)

    def with_attributes(self, paths: Collection[str]) -> list[str]:
        """Return those of the repository's paths that the build reads, or that tell git how to write these."""
        found = {path: f"{path.rpartition('/')[0]}/" for path in paths if path.rpartition("/")[2] == _ATTRIBUTES}
        read = {*self.of(paths), *self.of(found.values())}
        return [path for path in paths if path in read or found.get(path) in read]

    def on_disk(self, paths: Iterable[str]) -> list[str]:
        """Return those of the repository's paths of which the build reads something that is there."""
        return [path for path in self.of(paths) if self._sends(self.root / path)]

    def carries_git(self, submodules: Iterable[str]) -> bool:
        """Return whether a context carries git's own folder: the repository's, or one of these submodules' own."""
        own = [self.root / path / ".git" for path in submodules]
        places = [context / ".git" for context, _ in self.contexts] + [path for path in own if path.is_dir()]
        return any(path.exists() and self._sends(path) for path in places)

    def _sends(self, path: Path) -> bool:
        """Return whether a context sends anything of a path, or it need not be in one."""
        if str(path) in self.reported:
            return True
        for context, ignore in self.contexts:
            if path.is_relative_to(context):
                name = path.relative_to(context).as_posix()
                is_folder = path.is_dir() and not path.is_symlink()
                if sends_any(context, ignore, name) if is_folder else not ignore.ignores(name):
                    return True
        return False


def reported_as(files: Iterable[Path]) -> set[str]:
    """Return the paths under which git may report files: as they are written, each link on the way, and their own.

    A submodule, say, and an ignored folder, are one path. They are texts, which are faster than paths.
    """
    found = set[str]()

    def add(path: str) -> None:
        """Add a path and its parents, which are there already where the path is."""
        while path not in found:
            found.add(path)
            path = os.path.dirname(path)  # noqa: PTH120

    for file in files:
        written, own = os.path.normpath(file), os.path.realpath(file)
        add(written)
        add(own)
        if own != written:
            for link in links_on(file):
                add(str(link))
    return found


def carries(context: Path, ignore: DockerIgnore, changed: Path, *, is_folder: bool) -> bool:
    """Return whether a context may carry a changed path; a submodule or a nested repository is a folder."""
    if context.is_relative_to(changed):
        return True
    if not changed.is_relative_to(context):
        return False
    path = changed.relative_to(context).as_posix()
    return not ignore.ignores(path) or (is_folder and ignore.enters(path))


def _rules(patterns: Sequence[str]) -> DockerIgnore:
    """Return the rules of ECR_DIRTY_IGNORE; a name without a slash counts in every folder, as in a .gitignore."""
    try:
        return DockerIgnore.parse("\n".join(_lines(patterns)).encode(), Path("ECR_DIRTY_IGNORE"))
    except SettingsError as error:
        raise SettingsError(
            f"ECR_DIRTY_IGNORE has a malformed pattern: {error.cause}", "Write it as in a .gitignore."
        ) from error


def _lines(patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        mark, name = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
        anywhere = "/" not in name.rstrip("/")
        yield f"{mark}{'**/' if anywhere else ''}{name}"
