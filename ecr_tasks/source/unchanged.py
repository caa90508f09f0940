"""Whether git alone proves that an image's inputs are those of another commit: then no build gives anything new."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ecr_tasks.errors import SettingsError
from ecr_tasks.files import resolved
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.wording import name_paths
from ecr_tasks.source.bases import Builder, bases_of, unknown_bases
from ecr_tasks.source.bases_lock import NAME, parse_lock, read_lock
from ecr_tasks.source.build_context.walk import fetches_context, unique_folders
from ecr_tasks.source.image_source import SOURCE_POLICY, Reads
from ecr_tasks.source.source_state import SourceState


class Unchanged:
    """Compares the source's commit with others; git is asked once for each of them.

    What was found of a definition is kept, as long as the definition is there.
    """

    def __init__(self, source: SourceState, project: Path, environ: Mapping[str, str], builder: Builder) -> None:
        self._source, self._project, self._environ, self._builder = source, project, environ, builder
        self._changed: dict[str, Sequence[str] | None] = {}
        self._in_submodules: dict[str, Sequence[str]] = {}
        """The paths that git ignores in each submodule that was asked."""
        self._moved_bases: dict[str, set[str] | None] = {}
        """By commit, the base images that its lock has otherwise."""
        self._written_by_filters: dict[str, Sequence[str]] = {}
        """The files, by submodule, that a filter writes; the repository's own by an empty text."""
        self._absent = frozenset(f"{source.root}/{path}" for path in source.absent)
        self._carried: dict[int, list[str]] = {}
        """The paths that git ignores and a definition's build reads."""
        self._reads: dict[int, tuple[BuildDefinition, Reads]] = {}
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
        return bool(reads.with_attributes(uncommitted) or self._ignored(reads))

    def _difference(self, definition: BuildDefinition, commit: str, of_commits: bool) -> str | None:
        definitions, root = list(definition.with_links()), self._source.root
        if root is None or self._source.revision is None:
            return "there is no commit to compare"
        if any(map(fetches_context, definitions)) or any(
            value.startswith("oci-layout://") for item in definitions for value in item.contexts.values()
        ):
            return "docker fetches a part of it from elsewhere"
        if self._environ.get(SOURCE_POLICY):
            return f"{SOURCE_POLICY} may give it other sources"
        reads = self._reads_of(definition, root)
        if any(not context.is_relative_to(resolved(root)) for context, _ in reads.contexts):
            return "a part of it is outside of the repository"
        if names := reads.with_attributes(self._source.changes):
            return f"{name_paths(names)} is not committed"
        from ecr_tasks.source.git.history import changed_paths

        if commit not in self._changed:
            self._changed[commit] = changed_paths(self._project, commit, self._source.revision, environ=self._environ)
        changed = self._changed[commit]
        if changed is None:
            return f"this clone doesn't have the commit {commit[:12]} that is published"
        if absent := sorted(self._absent.intersection(reads.reported)):
            return f"{name_paths([os.path.relpath(path, root) for path in absent])} is not in this sparse checkout"
        lock = os.path.relpath(resolved(self._project) / NAME, resolved(root))
        if lock in changed and not reads.carries(lock) and not self._is_rebased(definitions, commit):
            changed = [path for path in changed if path != lock]
        if names := reads.with_attributes(changed):
            return f"{name_paths(names)} changed since {commit[:12]}"
        if of_commits:
            return None
        if reads.carries_git(self._source.submodules):
            return "its context carries .git, which every commit changes"
        if names := self._ignored(reads):
            return f"its context carries {name_paths(names)}, which git ignores"
        if names := reads.of(self._filtered(reads)):
            return f"a filter writes {name_paths(names)}, from the commit and maybe more"
        return None

    def _is_rebased(self, definitions: Sequence[BuildDefinition], commit: str) -> bool:
        """Return whether the lock has another base image for a build than at a commit, or that isn't known."""
        if commit not in self._moved_bases:
            from ecr_tasks.source.git.history import file_at

            text = file_at(self._project, commit, NAME, environ=self._environ)
            try:
                before, now = parse_lock(text) if text is not None else None, read_lock(self._project)
            except SettingsError:
                before = now = None
            moved = None
            if before is not None and now is not None:
                moved = {name for name in before.keys() | now if before.get(name, "") != now.get(name, "")}
            self._moved_bases[commit] = moved
        moved = self._moved_bases[commit]
        return moved is None or any(
            unknown_bases(item, self._builder) or any(base.name in moved for base in bases_of(item, self._builder))
            for item in definitions
        )

    def _filtered(self, reads: Reads) -> Iterator[str]:
        """Yield the files, also in submodules that are read, that a filter writes; git is asked once for each."""
        from ecr_tasks.source.git.incomplete import freely_filtered

        for place in ("", *reads.of(f"{path}/" for path in self._source.submodules)):
            if place not in self._written_by_filters:
                found = freely_filtered(reads.root / place, self._environ)
                self._written_by_filters[place] = [f"{place}{path}" for path in found]
            yield from self._written_by_filters[place]

    def _reads_of(self, definition: BuildDefinition, root: Path) -> Reads:
        if id(definition) not in self._reads:
            folders = unique_folders(definition.with_links(), self._project)
            self._reads[id(definition)] = (definition, Reads.of_folders(root, folders, [self._project / NAME]))
        return self._reads[id(definition)][1]

    def _ignored(self, reads: Reads) -> list[str]:
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
