"""Whether git alone proves that an image's inputs are those of another commit: then no build gives anything new."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from ecr_tasks.files import resolved
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.wording import name_some
from ecr_tasks.source.bases_lock import NAME
from ecr_tasks.source.build_context.dockerignore import DockerIgnore
from ecr_tasks.source.build_context.walk import fetches_context, sends_any, unique_folders
from ecr_tasks.source.image_source import carries, reported_as
from ecr_tasks.source.source_state import SourceState

_ATTRIBUTES = ".gitattributes"
"""The file in which git is told how to write those of its folder and below: their bytes may change with it."""


@dataclass(frozen=True)
class _Reads:
    """What a build reads of a repository with the top ``root``: its contexts, with their rules, and other files.

    ``reported`` are the paths under which git may report those that need not be in a context.
    """

    root: Path
    contexts: Sequence[tuple[Path, DockerIgnore]]
    reported: Collection[str]

    def of(self, paths: Iterable[str]) -> list[str]:
        """Return those of the repository's paths that the build reads; one with a slash at its end is a folder.

        Of tens of thousands most are far from the contexts, which their texts tell: paths are slow.
        """
        near = [(f"{str(context).rstrip('/')}/", context, ignore) for context, ignore in self.contexts]
        top = str(self.root).rstrip("/")
        return [
            path
            for path in paths
            if (text := f"{top}/{path}".rstrip("/")) in self.reported
            or any(
                carries(context, ignore, Path(text), is_folder=path.endswith("/"))
                for begin, context, ignore in near
                if text.startswith(begin) or begin.startswith(f"{text}/")
            )
        ]

    def attributes(self, paths: Iterable[str]) -> list[str]:
        """Return those of the repository's paths that tell git how to write what the build reads."""
        found = {path: f"{path.rpartition('/')[0]}/" for path in paths if path.rpartition("/")[2] == _ATTRIBUTES}
        places = self.of(found.values())
        return [path for path, place in found.items() if place in places]

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


class Unchanged:
    """Compares the source's commit with others; git is asked once for each of them.

    What was found of a definition is kept, as long as the definition is there.
    """

    def __init__(self, source: SourceState, project: Path, environ: Mapping[str, str]) -> None:
        self._source, self._project, self._environ = source, project, environ
        self._changed: dict[str, Sequence[str] | None] = {}
        self._in_submodules: dict[str, Sequence[str]] = {}
        """The paths that git ignores in each submodule that was asked."""
        self._absent = frozenset(f"{source.root}/{path}" for path in source.absent)
        self._carried: dict[int, list[str]] = {}
        """The paths that git ignores and a definition's build reads."""
        self._reads: dict[int, tuple[BuildDefinition, _Reads]] = {}
        self._found: dict[tuple[int, str, bool], tuple[BuildDefinition, str | None]] = {}

    def difference(self, definition: BuildDefinition, commit: str, *, of_commits: bool = False) -> str | None:
        """Return why a build may have other inputs than at ``commit``, as a clause; None where git proves it hasn't.

        ``of_commits`` is whether only the two commits are compared, and not what is in this folder alone.

        The inputs are what the contexts carry after .dockerignore, the Dockerfiles and ignore files, also of what it
        links to, and the lock of base images. Not compared are the settings, which the image itself records, and base
        images that are not locked. Raises SettingsError for a malformed .dockerignore.
        """
        key = (id(definition), commit, of_commits)
        if key not in self._found:
            self._found[key] = (definition, self._difference(definition, commit, of_commits))
        return self._found[key][1]

    def carries_ignored(self, definition: BuildDefinition, *, changes: bool = False) -> bool:
        """Return whether a build reads files that git ignores: no other machine need have them.

        With ``changes``, those of uncommitted changes count, too: the ones that ECR_DIRTY_IGNORE names.
        """
        if self._source.root is None:
            return False
        reads = self._reads_of(definition, self._source.root)
        uncommitted = self._source.changes if changes else ()
        return bool(reads.of(uncommitted) or self._ignored(reads))

    def _difference(self, definition: BuildDefinition, commit: str, of_commits: bool) -> str | None:
        definitions, root = list(definition.with_links()), self._source.root
        if root is None or self._source.revision is None:
            return "there is no commit to compare"
        if any(map(fetches_context, definitions)) or any(
            value.startswith("oci-layout://") for item in definitions for value in item.contexts.values()
        ):
            return "docker fetches a part of it from elsewhere"
        reads = self._reads_of(definition, root)
        if any(not context.is_relative_to(resolved(root)) for context, _ in reads.contexts):
            return "a part of it is outside of the repository"
        if names := reads.of(self._source.changes):
            return f"{name_some(names)} is not committed"
        from ecr_tasks.source.git.history import changed_paths

        if commit not in self._changed:
            self._changed[commit] = changed_paths(self._project, commit, self._source.revision, environ=self._environ)
        changed = self._changed[commit]
        if changed is None:
            return f"this clone doesn't have the commit {commit[:12]} that is published"
        if absent := sorted(self._absent.intersection(reads.reported)):
            return f"{name_some([os.path.relpath(path, root) for path in absent])} is not in this sparse checkout"
        if names := [*reads.of(changed), *reads.attributes(changed)]:
            return f"{name_some(list(dict.fromkeys(names)))} changed since {commit[:12]}"
        if of_commits:
            return None
        if reads.carries_git(self._source.submodules):
            return "its context carries .git, which every commit changes"
        if names := self._ignored(reads):
            return f"its context carries {name_some(names)}, which git ignores"
        return None

    def _reads_of(self, definition: BuildDefinition, root: Path) -> _Reads:
        if id(definition) not in self._reads:
            folders = list(unique_folders(definition.with_links(), self._project))
            rules = [(folder, folder.ignore()) for folder in folders]
            files = [path for folder, ignore in rules for path in (ignore.file, *folder.read_beside())]
            contexts = [(resolved(folder.path), ignore) for folder, ignore in rules]
            found = _Reads(root, contexts, reported_as([self._project / NAME, *files]))
            self._reads[id(definition)] = (definition, found)
        return self._reads[id(definition)][1]

    def _ignored(self, reads: _Reads) -> list[str]:
        """Return those paths that git ignores, also in submodules, that a build reads."""
        if id(reads) not in self._carried:
            paths = [*self._source.gitignored]
            for submodule in reads.of(f"{path}/" for path in self._source.submodules):
                if submodule not in self._in_submodules:
                    from ecr_tasks.source.git.read import ignored_in

                    found = ignored_in(reads.root / submodule, environ=self._environ)
                    self._in_submodules[submodule] = [f"{submodule}{path}" for path in found]
                paths += self._in_submodules[submodule]
            self._carried[id(reads)] = reads.on_disk(paths)
        return self._carried[id(reads)]
